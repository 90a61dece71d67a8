//! A stream whose every byte passes the wire.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::permit::Permit;
use super::wire_error::WireError;
use super::{Parts, Wire};

/// A stream whose every byte passes the wire, in both directions.
///
/// A direction reads or writes nothing while it holds no permit: the kernel's window closes, and
/// the peer waits. Nor does it hold one while the inner stream is not ready.
pub(crate) struct Metered<S> {
    inner: S,
    wire: Wire,
    reading: Turn,
    writing: Turn,
}

type Wait = dyn Future<Output = Result<Permit, WireError>> + Send + Sync;

/// The wait of one direction for its next permit.
#[derive(Default)]
struct Turn {
    wait: Option<Pin<Box<Wait>>>,
}

impl<S> Metered<S> {
    pub(crate) fn new(inner: S, wire: Wire) -> Self {
        Self { inner, wire, reading: Turn::default(), writing: Turn::default() }
    }
}

impl Turn {
    /// Takes a permit for up to `wanted` bytes in the window that goes on.
    fn poll(
        &mut self,
        wire: &Wire,
        wanted: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Permit, WireError>> {
        let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
        if self.wait.is_none() {
            if let Some(permit) = wire.try_take(wanted, Parts::Any)? {
                return Poll::Ready(Ok(permit));
            }
            let wire = wire.clone();
            self.wait = Some(Box::pin(async move { wire.take(wanted, Parts::Any).await }));
        }
        let Some(wait) = &mut self.wait else { return Poll::Pending };
        let permit = ready!(wait.as_mut().poll(cx));
        self.wait = None;
        Poll::Ready(permit)
    }
}

fn settle(permit: Permit, moved: usize) {
    permit.settle(u64::try_from(moved).unwrap_or(u64::MAX));
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if buffer.remaining() == 0 {
            return Pin::new(&mut this.inner).poll_read(cx, buffer);
        }
        let permit = ready!(this.reading.poll(&this.wire, buffer.remaining(), cx))?;
        let before = buffer.filled().len();
        // The permit is dropped if the stream is not ready: the bytes go to others meanwhile.
        let mut part = (&mut this.inner).take(permit.bytes());
        ready!(Pin::new(&mut part).poll_read(cx, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        settle(permit, read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if bytes.is_empty() {
            return Pin::new(&mut this.inner).poll_write(cx, bytes);
        }
        let permit = ready!(this.writing.poll(&this.wire, bytes.len(), cx))?;
        let room = usize::try_from(permit.bytes()).unwrap_or(usize::MAX);
        let part = bytes.get(..room).unwrap_or(bytes);
        let written = ready!(Pin::new(&mut this.inner).poll_write(cx, part))?;
        settle(permit, written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: fmt::Debug> fmt::Debug for Metered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metered").field("inner", &self.inner).finish_non_exhaustive()
    }
}
