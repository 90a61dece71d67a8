//! The answers of a worker.

use std::io::{self, StdoutLock, Write as _, stdout};
use std::sync::{Mutex, PoisonError};

use crate::frame;
use crate::protocol::Answer;

/// The answers of a worker: the last one is written once, by the thread that comes first.
#[derive(Debug, Default)]
pub(super) struct Output {
    has_ended: Mutex<bool>,
}

impl Output {
    /// Writes an answer that others follow.
    pub(super) fn say(&self, answer: &Answer) -> io::Result<()> {
        let _held = self.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut stdout().lock(), answer, &[])
    }

    /// Writes the last answer, unless another thread has.
    pub(super) fn end(&self, answer: &Answer, bodies: &[&[u8]]) -> io::Result<()> {
        let mut has_ended = self.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        if *has_ended {
            return Ok(());
        }
        *has_ended = true;
        write(&mut stdout().lock(), answer, bodies)
    }
}

fn write(to: &mut StdoutLock<'_>, answer: &Answer, bodies: &[&[u8]]) -> io::Result<()> {
    frame::write(to, answer, bodies)?;
    to.flush()
}
