//! A bounded pipe from the guest, and from us, to one of the process's output streams.
//!
//! A thread of its own does the writing, so that a reader that stalls can hold up neither the
//! guest's deadline nor the end of the process.
//!
//! # Invariants
//!
//! - I1: nothing here waits while it is polled; a guest that finds the pipe full waits as a future.
//! - I2: the bytes held for a guest are at most twice [`CAPACITY`], and twice one [`PERMIT`] for
//!   each of its open streams: half are with the thread, half wait.
//! - I3: no byte of a guest comes behind text of ours: from the first such text on, and from
//!   [`OutputPipe::seal`] on, guests' streams are closed.

mod guest_writer;

use core::time::Duration;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::outcome::system_error::SystemError;

/// Bytes that wait for the writing thread before a guest has to.
const CAPACITY: usize = 64 * 1024;
/// Bytes that a guest may write after one look at the room there is.
const PERMIT: usize = 8 * 1024;
/// Bytes handed to the system at once: what a Unix pipe takes in one step, so that a slow reader
/// is told from one that does not read.
const STEP: usize = 4 * 1024;

/// How long output may stand still at the end before it is given up.
pub(crate) const DRAIN_PATIENCE: Duration = Duration::from_secs(1);
/// The same where a report of ours is in it, which somebody asked for and will come to read.
pub(crate) const REPORT_PATIENCE: Duration = Duration::from_secs(10);

/// What became of what went in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Drained {
    /// All of it was written.
    All,
    /// Nobody reads any more, so nobody misses it.
    ReaderLeft,
    /// Not all of it was written, for this reason.
    Lost(SystemError),
}

/// The way to one output stream of the process.
#[derive(Clone)]
pub(crate) struct OutputPipe {
    shared: Arc<Shared>,
    /// Whether guests may drive what is at the other end.
    is_terminal: bool,
}

struct Shared {
    state: Mutex<State>,
    /// There is something to write, or there will never be again.
    filled: Condvar,
    /// Something was written, or nothing will be.
    drained: Condvar,
    /// A guest may look again.
    room: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    last_byte: Option<u8>,
    steps_done: u64,
    /// The start of a guest's character whose rest is still to come.
    split: Vec<u8>,
    is_writing: bool,
    is_closed: bool,
    /// Guests' streams are closed, what is waiting is still written.
    is_sealed: bool,
    /// Why nothing more can be written.
    broken: Option<Drained>,
}

impl State {
    /// Tells whether nothing a guest writes is taken any more.
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

    /// Closes the streams of all guests for good. What they wrote before is still written.
    pub(crate) fn seal(&self) {
        self.shared.state().is_sealed = true;
        // Whatever waits for room finds the stream closed.
        self.shared.room.notify_waiters();
    }

    /// Tells whether what was written ends within a line.
    /// After a loss it may be anywhere.
    pub(crate) fn is_within_line(&self) -> bool {
        let state = self.shared.state();
        state.broken.is_some() || state.last_byte.is_some_and(|byte| byte != b'\n')
    }

    /// Tells why the rest was given up, if a part of it is still on its way: it may come later.
    pub(crate) fn is_stuck(&self) -> Option<SystemError> {
        let state = self.shared.state();
        match &state.broken {
            Some(Drained::Lost(reason)) if state.is_writing => Some(reason.clone()),
            _ => None,
        }
    }

    /// Adds lines of ours behind what the guests wrote, however full the pipe is, and on a line of
    /// their own, whatever the guests left. Guests' streams are closed by the same step.
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

    /// Tells whether there is a terminal at the other end.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Waits until all bytes are written that are in it, but no longer than `patience` without
    /// any progress; then the rest is given up, so that nothing of it comes later.
    pub(crate) fn settle(&self, patience: Duration) {
        if let lost @ Drained::Lost(_) = self.drained(self.shared.state(), patience) {
            let mut state = self.shared.state();
            state.broken.get_or_insert(lost);
            state.waiting = Vec::new();
            drop(state);
            self.shared.room.notify_waiters();
        }
    }

    /// Takes no more bytes and waits until all are written, but no longer than `patience`
    /// without any progress.
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
                    // The guest is told by its next write.
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

    /// Writes one step for each message and stands still without.
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
