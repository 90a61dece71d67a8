//! Output streams of files.

use core::mem;
use std::io;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use wasmtime::format_err;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::blocking::Work;
use crate::disk::error::DiskError;
use crate::disk::open_file::OpenFile;
use crate::error_code::stream_failed;
use crate::opened::HeldFile;
use crate::quota::Shared;

/// Bytes that one write of a stream may have, as without quotas.
const PERMIT: usize = 64 * 1024;

/// Where a stream writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WriteMode {
    /// At this offset, and behind it then.
    At(u64),
    /// At the file's end.
    Append,
}

/// An output stream of a file, whose growth is taken from the component's quota.
///
/// The bytes that still fit are written when the quota refuses the rest. The stream is closed after
/// an error of the system, as without quotas, and stays open after a refusal: programs of WASI
/// preview 1 keep one stream for a file, would hear `EIO` from a closed one, and could not go on
/// after they have made room. An error of a write that was not waited for comes from a later call.
#[derive(Debug)]
pub(crate) struct FileOutput {
    shared: Arc<Shared>,
    file: Arc<HeldFile>,
    mode: WriteMode,
    /// Bytes that the guest may write before it asks again.
    permit: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Ready,
    Writing(Work<Result<u64, DiskError>>),
    Failed(DiskError),
    Closed,
}

impl FileOutput {
    pub(crate) fn new(shared: Arc<Shared>, file: Arc<HeldFile>, mode: WriteMode) -> Self {
        Self { shared, file, mode, permit: 0, state: State::Ready }
    }

    /// Returns the work of a write: all of it, on one thread.
    fn write_all(
        &self,
        bytes: Bytes,
    ) -> impl FnOnce(&Shared) -> Result<u64, DiskError> + Send + 'static {
        let (file, mode) = (Arc::clone(&self.file), self.mode);
        move |_| write_all(file.file(), bytes, mode)
    }

    fn advance(&mut self, written: u64) {
        if let WriteMode::At(offset) = &mut self.mode {
            *offset = offset.saturating_add(written);
        }
        self.state = State::Ready;
    }

    /// Hands the guest an error. Bytes that a refused write left are written again by the next.
    fn fail(&mut self, error: DiskError) -> StreamError {
        let is_refusal = matches!(error, DiskError::Quota(_));
        self.state = if is_refusal { State::Ready } else { State::Closed };
        stream_failed(error)
    }

    /// Returns the error that is due, if any.
    fn due_error(&mut self) -> StreamResult<()> {
        match &self.state {
            State::Ready | State::Writing(_) => Ok(()),
            State::Closed => Err(StreamError::Closed),
            State::Failed(_) => match mem::replace(&mut self.state, State::Closed) {
                State::Failed(error) => Err(self.fail(error)),
                _ => Err(StreamError::Closed),
            },
        }
    }
}

fn write_all(file: &OpenFile, mut bytes: Bytes, mode: WriteMode) -> Result<u64, DiskError> {
    let mut total = 0_u64;
    while !bytes.is_empty() {
        let written = match mode {
            WriteMode::At(offset) => file.write_at(&bytes, offset.saturating_add(total))?,
            WriteMode::Append => file.append(&bytes)?,
        };
        if written == 0 {
            return Err(DiskError::Io(io::ErrorKind::WriteZero.into()));
        }
        bytes.advance(written.min(bytes.len()));
        total = total.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
    }
    Ok(total)
}

#[async_trait]
impl Pollable for FileOutput {
    async fn ready(&mut self) {
        if let State::Writing(work) = &mut self.state {
            match work.await {
                Ok(written) => self.advance(written),
                Err(error) => self.state = State::Failed(error),
            }
        }
    }
}

#[async_trait]
impl OutputStream for FileOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match self.state {
            State::Ready if bytes.is_empty() => Ok(()),
            State::Ready => {
                let Some(left) = self.permit.checked_sub(bytes.len()) else {
                    return Err(StreamError::Trap(format_err!(
                        "the guest wrote {} bytes where {} were permitted",
                        bytes.len(),
                        self.permit
                    )));
                };
                self.permit = left;
                self.state = State::Writing(self.shared.start(self.write_all(bytes)));
                Ok(())
            }
            State::Closed => Err(StreamError::Closed),
            State::Writing(_) | State::Failed(_) => {
                Err(StreamError::trap("write not permitted: check_write not called first"))
            }
        }
    }

    /// Writes without a task of its own in between.
    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.ready().await;
        self.due_error()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let written = self.shared.block(self.write_all(bytes)).await;
        match written {
            Ok(written) => {
                self.advance(written);
                Ok(())
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        // Nothing is held back but by the thread that writes.
        self.due_error()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.due_error()?;
        self.permit = if matches!(self.state, State::Writing(_)) { 0 } else { PERMIT };
        Ok(self.permit)
    }

    /// Waits for the write that goes on, so that a stream which is dropped has written all that it
    /// was given.
    async fn cancel(&mut self) {
        self.ready().await;
        self.state = State::Closed;
    }
}
