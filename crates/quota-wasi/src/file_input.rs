//! Input streams of files.

use core::mem;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};

use crate::blocking::Work;
use crate::opened::HeldFile;
use crate::quota::Shared;

/// The most bytes that the host holds for a stream, as without quotas.
const MOST: usize = 64 * 1024;
/// Bytes that are read for a guest that waits before it asks for any.
const AHEAD: usize = 4_096;

/// An input stream of a file, read on threads of the component's.
#[derive(Debug)]
pub(crate) struct FileInput {
    shared: Arc<Shared>,
    file: Arc<HeldFile>,
    offset: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    Reading(Work<Self>),
    Holding(Bytes),
    Failed(io::Error),
    Closed,
}

impl FileInput {
    pub(crate) fn new(shared: Arc<Shared>, file: Arc<HeldFile>, offset: u64) -> Self {
        Self { shared, file, offset, state: State::Idle }
    }

    fn read_some(&self, size: usize) -> impl FnOnce(&Shared) -> State + Send + 'static {
        let (file, offset) = (Arc::clone(&self.file), self.offset);
        move |_| read_some(file.file().file(), offset, size)
    }

    async fn finish_reading(&mut self) {
        if let State::Reading(work) = &mut self.state {
            self.state = work.await;
        }
    }
}

fn read_some(file: &File, offset: u64, size: usize) -> State {
    let mut bytes = BytesMut::zeroed(size.min(MOST));
    loop {
        match file.read_at(&mut bytes, offset) {
            Ok(0) => return State::Closed,
            Ok(read) => {
                bytes.truncate(read);
                return State::Holding(bytes.freeze());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return State::Failed(error),
        }
    }
}

#[async_trait]
impl Pollable for FileInput {
    async fn ready(&mut self) {
        if let State::Idle = self.state {
            self.state = State::Reading(self.shared.start(self.read_some(AHEAD)));
        }
        self.finish_reading().await;
    }
}

#[async_trait]
impl InputStream for FileInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match &mut self.state {
            State::Idle if size == 0 => Ok(Bytes::new()),
            State::Idle => {
                self.state = State::Reading(self.shared.start(self.read_some(size)));
                Ok(Bytes::new())
            }
            State::Reading(_) => Ok(Bytes::new()),
            State::Holding(held) => {
                let given = held.split_to(held.len().min(size));
                if held.is_empty() {
                    self.state = State::Idle;
                }
                let read = u64::try_from(given.len()).unwrap_or(u64::MAX);
                self.offset = self.offset.saturating_add(read);
                Ok(given)
            }
            State::Failed(_) => match mem::replace(&mut self.state, State::Closed) {
                State::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
                _ => Err(StreamError::Closed),
            },
            State::Closed => Err(StreamError::Closed),
        }
    }

    /// Reads without a task of its own in between.
    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.finish_reading().await;
        if let State::Idle = self.state {
            self.state = self.shared.block(self.read_some(size)).await;
        }
        self.read(size)
    }

    /// Waits for the read that goes on.
    async fn cancel(&mut self) {
        self.finish_reading().await;
        self.state = State::Closed;
    }
}
