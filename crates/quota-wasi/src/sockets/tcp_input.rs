//! The stream of bytes that a TCP connection receives.

use core::future::poll_fn;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};

use super::connection::{Broken, Connection};
use super::held::Held;
use crate::wire::Wire;
use crate::wire::wire_error::WireError;

/// The most bytes of one read, as without quotas.
const MOST: usize = 64 * 1024;

/// The stream of bytes that a TCP connection receives.
///
/// - I52: no byte is read from the kernel that was not taken from the quota before. While the quota
///   has none, the kernel's buffer fills, and the peer waits.
/// - I53: a guest that waits for the stream wakes to bytes that it may read, to the end of the
///   stream or to an error, never to a window that others have used up.
#[derive(Debug)]
pub(crate) struct TcpInput {
    /// Dropped before the connection can be closed.
    held: Held,
    connection: Arc<Connection>,
    state: State,
}

#[derive(Debug)]
enum State {
    Open,
    /// The end was met, and the guest has not heard of it yet.
    Ending(Broken),
    Closed,
}

impl TcpInput {
    pub(crate) fn new(connection: Arc<Connection>, wire: Wire) -> Self {
        Self { connection, held: Held::new(wire), state: State::Open }
    }

    /// Reports whether a read returns at once whatever the peer and the quota do.
    fn is_over(&self) -> bool {
        !matches!(self.state, State::Open) || self.connection.is_read_shut()
    }

    /// Waits until bytes may be there, and are held. Returns their number: none at the end.
    async fn held(&mut self, wanted: usize) -> Result<usize, WireError> {
        while !self.is_over() {
            // An error of the connection is read as bytes are.
            let _ready = self.connection.stream().readable().await;
            let mut held = self.now(wanted)?;
            if held == 0 && !self.is_over() {
                held = poll_fn(|cx| self.held.poll(wanted, cx)).await?;
            }
            if self.connection.is_readable() {
                return Ok(held);
            }
        }
        Ok(0)
    }

    /// Returns the bytes that may be read without waiting for the quota. An end needs none.
    fn now(&mut self, wanted: usize) -> Result<usize, WireError> {
        let held = self.held.now(wanted);
        if !matches!(held, Ok(1..))
            && let Some(end) = self.connection.end()
        {
            self.state = State::Ending(end);
            return Ok(0);
        }
        held
    }

    /// Reads what is there, and may be read now.
    fn receive(&mut self, size: usize) -> StreamResult<Bytes> {
        let wanted = size.min(MOST);
        let mut most = 0;
        if !self.is_over() && wanted > 0 && self.connection.is_readable() {
            most = self.now(wanted)?.min(wanted);
        }
        self.receive_held(most)
    }

    /// Reads up to `most` bytes, which are held.
    fn receive_held(&mut self, most: usize) -> StreamResult<Bytes> {
        if self.connection.is_read_shut() {
            self.state = State::Closed;
        }
        match self.state {
            State::Open if most == 0 => Ok(Bytes::new()),
            State::Open => match self.connection.receive(most) {
                Ok(bytes) => {
                    self.held.settle(bytes.len());
                    Ok(bytes.into())
                }
                Err(end) => Err(self.close(end)),
            },
            State::Ending(end) => Err(self.close(end)),
            State::Closed => Err(self.close(Broken::Closed)),
        }
    }

    fn close(&mut self, end: Broken) -> StreamError {
        self.state = State::Closed;
        self.held.release();
        end.into()
    }
}

impl From<Broken> for StreamError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Closed => Self::Closed,
            Broken::Failed(errno) => Self::LastOperationFailed(io::Error::from(errno).into()),
        }
    }
}

#[async_trait]
impl Pollable for TcpInput {
    async fn ready(&mut self) {
        // A refusal is heard by the read that follows.
        let _refused = self.held(MOST).await;
    }
}

#[async_trait]
impl InputStream for TcpInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.receive(size)
    }

    /// Waits without an end of its own, for the peer and for the quota.
    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            self.ready().await;
            return self.read(size);
        }
        let mut bytes = self.receive(size)?;
        while bytes.is_empty() {
            let wanted = size.min(MOST);
            let most = self.held(wanted).await?.min(wanted);
            bytes = self.receive_held(most)?;
        }
        Ok(bytes)
    }
}
