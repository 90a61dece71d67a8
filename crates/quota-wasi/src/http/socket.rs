//! The socket of a connection, whose bytes are noted as they move.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::sync::{Arc, Weak};

use rustix::io::Errno;
use rustix::net::{self, RecvFlags};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::progress::Progress;

/// The socket of a connection, whose bytes are noted as they move. It is open for as long as this
/// value exists.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Arc<TcpStream>,
    progress: Arc<Progress>,
}

/// A look at a socket of which another task has the bytes.
#[derive(Debug)]
pub(crate) struct SocketLook(Weak<TcpStream>);

impl Socket {
    pub(crate) fn new(stream: TcpStream, progress: Arc<Progress>) -> Self {
        Self { stream: Arc::new(stream), progress }
    }

    pub(crate) fn look(&self) -> SocketLook {
        SocketLook(Arc::downgrade(&self.stream))
    }
}

impl SocketLook {
    /// Returns whether the connection is open and silent: the server has neither closed it nor sent
    /// anything that was not read.
    pub(crate) fn is_silent(&self) -> bool {
        let Some(stream) = self.0.upgrade() else { return false };
        let mut byte = [0_u8];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        matches!(net::recv(&*stream, &mut byte, flags), Err(Errno::AGAIN | Errno::INTR))
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    if read > 0 {
                        self.progress.read(count(read));
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_write(bytes) {
                Ok(written) => {
                    self.progress.wrote(count(written));
                    return Poll::Ready(Ok(written));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(net::shutdown(&*self.stream, net::Shutdown::Write).map_err(Into::into))
    }
}
