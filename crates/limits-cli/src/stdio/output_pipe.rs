//! A bounded pipe from guests, and from the command, to one of the process's output streams.
//!
//! A thread of its own writes, so that a stalled reader delays neither the guest's deadline nor the
//! end of the process.
//!
//! # Invariants
//!
//! - I1: nothing here waits while it is polled; a guest that finds the pipe full waits as a future.
//! - I2: the bytes held for a guest are at most twice [`CAPACITY`], and twice one [`PERMIT`] for
//!   each of its open streams: half are with the thread, half wait.
//! - I3: no byte of a guest follows a text of the command: from the first such text on, and from
//!   [`OutputPipe::seal`] on, guests' streams are closed.

mod guest_writer;

use core::time::Duration;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::outcome::system_error::SystemError;

/// Bytes that may wait for the writing thread; then a guest waits.
const CAPACITY: usize = 64 * 1024;
/// Bytes that a guest may write after one check for room.
const PERMIT: usize = 8 * 1024;
/// Bytes of one write. A Unix pipe takes them in one step, so a slow reader differs from a stalled
/// one.
const STEP: usize = 4 * 1024;

/// The longest time without progress at the end, after which output is abandoned.
pub(crate) const DRAIN_PATIENCE: Duration = Duration::from_secs(1);
/// The same for output that holds a report.
pub(crate) const REPORT_PATIENCE: Duration = Duration::from_secs(10);

/// The fate of the bytes in a pipe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Drained {
    /// All of it was written.
    All,
    /// The reader has left, and misses nothing.
    ReaderLeft,
    /// Some bytes were lost, for this reason.
    Lost(SystemError),
}

/// The pipe to one output stream of the process.
#[derive(Clone)]
pub(crate) struct OutputPipe {
    shared: Arc<Shared>,
    /// Whether the other end is a terminal, which guests must not control.
    is_terminal: bool,
}

struct Shared {
    state: Mutex<State>,
    /// Bytes have arrived, or the pipe was closed.
    filled: Condvar,
    /// Bytes were written, or the pipe is broken.
    drained: Condvar,
    /// Room for guests may have changed.
    room: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    last_byte: Option<u8>,
    steps_done: u64,
    /// The first bytes of a guest's incomplete character.
    split: Vec<u8>,
    is_writing: bool,
    is_closed: bool,
    /// Guests' streams are closed; waiting bytes are still written.
    is_sealed: bool,
    /// The reason why no byte can be written any more.
    broken: Option<Drained>,
}

impl State {
    /// Returns whether writes of guests are refused.
    fn refuses_guests(&self) -> bool {
        self.broken.is_some() || self.is_closed || self.is_sealed
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutputPipe {
    /// Starts the thread that writes to `sink`.
    ///
    /// # Errors
    ///
    /// The system's, if it has no thread left.
    pub(crate) fn new(
        name: &str,
        is_terminal: bool,
        sink: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            room: Notify::new(),
        });
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name(format!("{name}-writer"))
            .spawn(move || write_until_closed(&writer, sink))?;
        Ok(Self { shared, is_terminal })
    }

    /// Closes the streams of all guests permanently. Earlier bytes are still written.
    pub(crate) fn seal(&self) {
        self.shared.state().is_sealed = true;
        // A guest that waits for room finds its stream closed.
        self.shared.room.notify_waiters();
    }

    /// Returns whether the output ends within a line, as it may after a loss.
    pub(crate) fn is_within_line(&self) -> bool {
        let state = self.shared.state();
        state.broken.is_some() || state.last_byte.is_some_and(|byte| byte != b'\n')
    }

    /// Returns the reason for a loss, if a part of the lost bytes may still arrive.
    pub(crate) fn is_stuck(&self) -> Option<SystemError> {
        let state = self.shared.state();
        match &state.broken {
            Some(Drained::Lost(reason)) if state.is_writing => Some(reason.clone()),
            _ => None,
        }
    }

    /// Adds lines of the command behind the output of guests, on a line of their own, even to a
    /// full pipe. Closes the guests' streams in the same step.
    pub(crate) fn push(&self, lines: &str) {
        if lines.is_empty() {
            return;
        }
        let mut state = self.shared.state();
        state.is_sealed = true;
        if state.last_byte.is_some_and(|byte| byte != b'\n') {
            append(&mut state, b"\n");
        }
        append(&mut state, lines.as_bytes());
        if !lines.ends_with('\n') {
            append(&mut state, b"\n");
        }
        drop(state);
        self.shared.filled.notify_one();
        self.shared.room.notify_waiters();
    }

    /// Returns whether the other end is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Waits until all bytes in the pipe are written, at most `patience` without progress; then
    /// discards the rest, so that it cannot arrive later.
    pub(crate) fn settle(&self, patience: Duration) {
        if let lost @ Drained::Lost(_) = self.drained(self.shared.state(), patience) {
            let mut state = self.shared.state();
            state.broken.get_or_insert(lost);
            state.waiting = Vec::new();
            drop(state);
            self.shared.room.notify_waiters();
        }
    }

    /// Closes the pipe and waits until all bytes are written, at most `patience` without progress.
    pub(crate) fn finish(&self, patience: Duration) -> Drained {
        let mut state = self.shared.state();
        state.is_closed = true;
        self.shared.filled.notify_one();
        self.shared.room.notify_waiters();
        self.drained(state, patience)
    }

    fn drained(&self, mut state: MutexGuard<'_, State>, patience: Duration) -> Drained {
        while state.broken.is_none() && (state.is_writing || !state.waiting.is_empty()) {
            let before = state.steps_done;
            let (next, wait) = self
                .shared
                .drained
                .wait_timeout(state, patience)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            if wait.timed_out() && state.steps_done == before {
                let reason = format!("its reader took nothing for {patience:?}");
                return Drained::Lost(SystemError::Other(reason));
            }
        }
        state.broken.clone().unwrap_or(Drained::All)
    }
}

fn append(state: &mut State, bytes: &[u8]) {
    if state.broken.is_some() || state.is_closed {
        return;
    }
    if let Some(&last) = bytes.last() {
        state.last_byte = Some(last);
        state.waiting.extend_from_slice(bytes);
    }
}

fn write_until_closed(shared: &Shared, mut sink: impl Write) {
    let mut taken = Vec::new();
    loop {
        {
            let mut state = shared.state();
            while state.waiting.is_empty() {
                if state.is_closed {
                    return;
                }
                state = shared.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            core::mem::swap(&mut state.waiting, &mut taken);
            state.is_writing = true;
        }
        shared.room.notify_waiters();
        for step in taken.chunks(STEP) {
            let written = sink.write_all(step).and_then(|()| sink.flush());
            let mut state = shared.state();
            match written {
                Ok(()) => state.steps_done = state.steps_done.wrapping_add(1),
                Err(error) => {
                    // The guest gets the error with its next write.
                    state.broken = Some(match error.kind() {
                        io::ErrorKind::BrokenPipe => Drained::ReaderLeft,
                        _ => Drained::Lost(SystemError::of(&error)),
                    });
                    state.waiting = Vec::new();
                }
            }
            let is_broken = state.broken.is_some();
            drop(state);
            shared.drained.notify_all();
            if is_broken {
                shared.room.notify_waiters();
                return;
            }
        }
        taken.clear();
        shared.state().is_writing = false;
        shared.drained.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::{Drained, OutputPipe};
    use crate::outcome::system_error::SystemError;
    use core::time::Duration;
    use limits_core::{HostResource, HostShortage};
    use std::io::{self, Write};
    use std::sync::mpsc;
    use std::sync::{Arc, Mutex};

    pub(super) const PATIENCE: Duration = Duration::from_secs(30);

    #[derive(Clone, Default)]
    pub(super) struct Kept(pub(super) Arc<Mutex<Vec<u8>>>);
    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Writes one step for each message, and blocks without one.
    pub(super) struct Gated(pub(super) mpsc::Receiver<()>, pub(super) Kept);
    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|closed| io::Error::new(io::ErrorKind::BrokenPipe, closed))?;
            self.1.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_is_given_up_after_a_while() {
        let (_step, gate) = mpsc::channel();
        let pipe = OutputPipe::new("test", false, Gated(gate, Kept::default())).unwrap();
        pipe.push("never read");
        let stalled =
            Drained::Lost(SystemError::Other(String::from("its reader took nothing for 20ms")));
        assert_eq!(pipe.finish(Duration::from_millis(20)), stalled);
    }

    #[test]
    fn a_full_disk_is_told_from_a_reader_that_left() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let pipe = OutputPipe::new("test", false, Full).unwrap();
        pipe.push("too much");
        let full = HostShortage::new(HostResource::Disk, "no storage space");
        let full = Drained::Lost(SystemError::Short(full));
        assert_eq!(pipe.finish(PATIENCE), full);
    }
}
