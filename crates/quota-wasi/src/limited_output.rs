//! A host's stream for a guest's output, within limits.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::time::{Sleep, sleep};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

use crate::output_budget::OutputBudget;

/// A host's stream for a guest's stdout or stderr, within the limits of one execution.
///
/// Made by [`StoreQuota::stdout`](crate::StoreQuota::stdout), for
/// [`WasiCtxBuilder::stdout`](wasmtime_wasi::WasiCtxBuilder::stdout).
pub struct LimitedOutput {
    inner: Box<dyn StdoutStream>,
    budget: Arc<OutputBudget>,
}

impl LimitedOutput {
    pub(crate) fn new(inner: Box<dyn StdoutStream>, budget: Arc<OutputBudget>) -> Self {
        Self { inner, budget }
    }
}

impl IsTerminal for LimitedOutput {
    fn is_terminal(&self) -> bool {
        self.inner.is_terminal()
    }
}

impl StdoutStream for LimitedOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(LimitedWriter {
            inner: self.inner.async_stream().into(),
            budget: Arc::clone(&self.budget),
            sleep: None,
        })
    }

    fn p2_stream(&self) -> DynOutputStream {
        Box::new(LimitedStream { inner: self.inner.p2_stream(), budget: Arc::clone(&self.budget) })
    }
}

impl fmt::Debug for LimitedOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedOutput").finish_non_exhaustive()
    }
}

/// An output stream of WASI 0.2.
struct LimitedStream {
    inner: DynOutputStream,
    budget: Arc<OutputBudget>,
}

/// Waits until the rate allows a write.
async fn wait(budget: &OutputBudget) {
    // The other stream may write meanwhile.
    while let Some(wait) = budget.wait() {
        sleep(wait).await;
    }
}

#[async_trait]
impl Pollable for LimitedStream {
    async fn ready(&mut self) {
        if !self.budget.is_spent() {
            self.inner.ready().await;
            wait(&self.budget).await;
        }
    }
}

#[async_trait]
impl OutputStream for LimitedStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // Empty ones would pile up in a stream whose reader stands still.
        if bytes.is_empty() {
            return Ok(());
        }
        match self.budget.take(bytes.len()) {
            0 => Ok(()),
            taken => self.inner.write(bytes.slice(..taken)),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let chunk = self.budget.chunk();
        // Bytes that are cut do not wait for the host's stream.
        if self.budget.is_spent() {
            return Ok(chunk);
        }
        let room = self.inner.check_write()?;
        Ok(if self.budget.wait().is_some() { 0 } else { room.min(chunk) })
    }

    /// Waits for as long as the rate demands: the default gives up, with a trap, after ten times
    /// that another stream was faster.
    async fn write_ready(&mut self) -> StreamResult<usize> {
        loop {
            if !self.budget.is_spent() {
                self.inner.write_ready().await?;
                wait(&self.budget).await;
            }
            let room = self.check_write()?;
            if room > 0 {
                return Ok(room);
            }
        }
    }

    async fn blocking_write_and_flush(&mut self, mut bytes: Bytes) -> StreamResult<()> {
        if self.budget.is_spent() {
            self.budget.take(bytes.len());
            return Ok(());
        }
        while !bytes.is_empty() {
            let room = self.write_ready().await?;
            let chunk = bytes.split_to(bytes.len().min(room));
            self.write(chunk)?;
        }
        // The flush waits for the host's stream alone, not for the rate of a next write.
        let flushed = match self.inner.flush() {
            Ok(()) => self.inner.write_ready().await.map(|_| ()),
            Err(error) => Err(error),
        };
        match flushed {
            Err(StreamError::Closed) => Ok(()),
            flushed => flushed,
        }
    }

    /// Writes as many zeros as any check permits: the default checks anew, and would trap when the
    /// other stream has written since.
    fn write_zeroes(&mut self, count: usize) -> StreamResult<()> {
        if count > self.budget.chunk() {
            return Err(StreamError::trap("cannot write more zeroes than `check_write` allows"));
        }
        self.write(vec![0; count].into())
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// The same for hosts that write to the stream themselves.
struct LimitedWriter {
    inner: Pin<Box<dyn AsyncWrite + Send + Sync>>,
    budget: Arc<OutputBudget>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl LimitedWriter {
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
            }
            self.sleep = self.budget.wait().map(|wait| Box::pin(sleep(wait)));
            if self.sleep.is_none() {
                return Poll::Ready(());
            }
        }
    }
}

impl AsyncWrite for LimitedWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.budget.is_spent() {
            this.budget.take(bytes.len());
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(this.poll_wait(cx));
        let write = |bytes: &[u8]| this.inner.as_mut().poll_write(cx, bytes);
        this.budget.take_by(bytes.get(..this.budget.chunk()).unwrap_or(bytes), write)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.as_mut().poll_shutdown(cx)
    }
}
