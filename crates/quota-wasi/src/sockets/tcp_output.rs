//! The stream of bytes that a TCP connection sends.

use core::future::poll_fn;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use wasmtime::format_err;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

use super::connection::{Broken, Connection};
use super::held::Held;
use super::sending::{Sending, Unsent};
use crate::wire::Wire;
use crate::wire::wire_error::WireError;

/// The most bytes that one write may have, as without quotas.
const MOST: usize = 64 * 1024;

/// The stream of bytes that a TCP connection sends.
///
/// A write gives the kernel what it takes. A task, which ends with the stream, sends the rest while
/// the guest goes on, at most the bytes of one write.
///
/// - I54: no byte is given to the kernel that was not taken from the quota before, in the window
///   that goes on.
#[derive(Debug)]
pub(crate) struct TcpOutput {
    /// Dropped before the connection can be closed.
    held: Held,
    connection: Arc<Connection>,
    /// Bytes that the guest may write before it asks again.
    permitted: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Open,
    Sending(AbortOnDropJoinHandle<Result<(), Unsent>>),
    /// The quota refused bytes that the guest had written, of which it has not heard yet.
    Refused(WireError),
    Ended(Broken),
}

impl TcpOutput {
    pub(crate) fn new(connection: Arc<Connection>, wire: Wire) -> Self {
        Self { connection, held: Held::new(wire), permitted: 0, state: State::Open }
    }

    /// Waits until what was written before is sent.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Sending(task) = &mut self.state {
            self.state = match ready!(Pin::new(task).poll(cx)) {
                Ok(()) => State::Open,
                Err(Unsent::Broken(broken)) => State::Ended(broken),
                Err(Unsent::Refused(refused)) => State::Refused(refused),
            };
        }
        Poll::Ready(())
    }

    /// Returns the error that is due, if any.
    fn due_error(&mut self) -> StreamResult<()> {
        match &self.state {
            State::Sending(_) => Ok(()),
            State::Open if self.connection.is_write_shut() => Err(StreamError::Closed),
            State::Open => Ok(()),
            State::Ended(broken) => Err((*broken).into()),
            State::Refused(_) => {
                let ended = State::Ended(Broken::Closed);
                match mem::replace(&mut self.state, ended) {
                    State::Refused(refused) => Err(refused.into()),
                    _ => Err(StreamError::Closed),
                }
            }
        }
    }

    fn ask_permitted(&self, count: usize) -> StreamResult<()> {
        if count <= self.permitted {
            return Ok(());
        }
        Err(StreamError::Trap(format_err!(
            "the guest wrote {count} bytes where {} were permitted",
            self.permitted
        )))
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open) && !self.connection.is_write_shut()
    }

    /// Waits until bytes are held and the kernel takes some. Returns their number: none at the end.
    async fn held(&mut self, wanted: usize) -> Result<usize, WireError> {
        poll_fn(|cx| self.poll_sent(cx)).await;
        while self.is_open() {
            // An error of the connection is met by the write.
            let _ready = self.connection.stream().writable().await;
            let held = poll_fn(|cx| self.held.poll(wanted, cx)).await?;
            if self.connection.is_writable() {
                return Ok(held);
            }
        }
        Ok(0)
    }

    /// Writes what the kernel takes of the bytes that are held, and returns its number.
    fn give(&mut self, bytes: &[u8]) -> StreamResult<usize> {
        match self.connection.send(bytes) {
            Ok(sent) => Ok(sent),
            Err(broken) => {
                self.held.release();
                self.state = State::Ended(broken);
                Err(broken.into())
            }
        }
    }

    fn send_rest(&mut self, rest: Bytes, sent: usize) {
        let connection = Arc::clone(&self.connection);
        let permit = self.held.take();
        let sending = Sending::new(connection, self.held.wire().clone(), permit, sent, rest);
        self.state = State::Sending(spawn(sending.run()));
    }
}

#[async_trait]
impl Pollable for TcpOutput {
    async fn ready(&mut self) {
        // A refusal is heard by the check that follows.
        let _refused = self.held(MOST).await;
    }
}

#[async_trait]
impl OutputStream for TcpOutput {
    fn check_write(&mut self) -> StreamResult<usize> {
        let _pending = self.poll_sent(&mut Context::from_waker(Waker::noop()));
        self.due_error()?;
        self.permitted = 0;
        if self.is_open() && self.connection.is_writable() {
            self.permitted = self.held.now(MOST)?.min(MOST);
        }
        Ok(self.permitted)
    }

    fn write(&mut self, mut bytes: Bytes) -> StreamResult<()> {
        self.due_error()?;
        if bytes.is_empty() {
            return Ok(());
        }
        self.ask_permitted(bytes.len())?;
        self.permitted = 0;
        // The window in which they were held may have ended since.
        if !self.held.renew(bytes.len())? {
            self.send_rest(bytes, 0);
            return Ok(());
        }
        let sent = self.give(&bytes)?;
        bytes.advance(sent.min(bytes.len()));
        if bytes.is_empty() {
            self.held.settle(sent);
        } else {
            self.send_rest(bytes, sent);
        }
        Ok(())
    }

    /// Writes as many zeros as the last check permitted: the default checks anew, and would trap
    /// when the window has ended since.
    fn write_zeroes(&mut self, count: usize) -> StreamResult<()> {
        self.due_error()?;
        // Before they are allocated.
        self.ask_permitted(count)?;
        self.write(vec![0; count].into())
    }

    /// Writes without a task in between, and waits without an end of its own, for the peer and for
    /// the quota.
    async fn blocking_write_and_flush(&mut self, mut bytes: Bytes) -> StreamResult<()> {
        self.permitted = 0;
        poll_fn(|cx| self.poll_sent(cx)).await;
        self.due_error()?;
        while !bytes.is_empty() {
            let held = self.held(bytes.len()).await?;
            self.due_error()?;
            let sent = self.give(bytes.get(..held).unwrap_or(&bytes))?;
            self.held.settle(sent);
            bytes.advance(sent.min(bytes.len()));
        }
        Ok(())
    }

    /// Nothing is held back but by the task that sends.
    fn flush(&mut self) -> StreamResult<()> {
        self.due_error()
    }

    /// Waits until what was written is sent, and the kernel takes more. Bytes of the quota are not
    /// waited for: those that call this next take them with the write, and a flush needs none.
    async fn write_ready(&mut self) -> StreamResult<usize> {
        poll_fn(|cx| self.poll_sent(cx)).await;
        self.due_error()?;
        // An error of the connection is met by the write.
        let _ready = self.connection.stream().writable().await;
        Ok(MOST)
    }

    /// Waits until what was written is sent, so that a stream that a guest drops loses none.
    async fn cancel(&mut self) {
        poll_fn(|cx| self.poll_sent(cx)).await;
        self.held.release();
    }
}
