//! The thread that writes an audit log.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Instant;

use super::audit_line::{Line, Loss, time_ms};
use super::line_writer::LineWriter;
use super::loss_counters::LossCounters;
use crate::audit::AuditEvent;
use crate::crossings::Due;
use crate::escaped_json::to_line;

/// The lines that wait for the writer, at most.
pub(super) const QUEUE: usize = 1_024;

/// An entry of the queue.
pub(super) enum Entry {
    Line {
        bytes: Vec<u8>,
        /// The line's own event, and those in its `repeats`.
        events: u64,
    },
    /// A caller waits for the flush of all entries before this one, and for its result.
    Flush(SyncSender<bool>),
}

/// Returns the number of events of a line: its own, and those in its `repeats`.
pub(super) fn events(event: &AuditEvent<'_>) -> u64 {
    event.repeats.unwrap_or_default().saturating_add(1)
}

/// Writes entries until the queue is closed.
pub(super) fn write_entries(
    writer: LineWriter<impl Write>,
    waiting: &Receiver<Entry>,
    losses: &LossCounters,
    report_every: Duration,
) {
    let mut worker = AuditWorker {
        writer,
        losses,
        waiting,
        reported: [0; 3],
        unflushed: 0,
        flush_callers: Vec::new(),
    };
    let mut last = Instant::now();
    loop {
        match waiting.recv_timeout(report_every) {
            Ok(entry) => {
                worker.accept(entry);
                // The time is checked first: an entry that is taken from the queue must be written.
                while last.elapsed() < report_every
                    && let Ok(entry) = waiting.try_recv()
                {
                    worker.accept(entry);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if !worker.flush_callers.is_empty() {
            worker.write_kept_crossings(Due::All);
            worker.report_losses();
        } else if last.elapsed() >= report_every {
            worker.write_kept_crossings(Due::In(losses.second()));
            worker.report_losses();
        }
        if last.elapsed() >= report_every {
            last = Instant::now();
        }
        worker.flush();
    }
    worker.write_kept_crossings(Due::All);
    worker.report_losses();
    worker.flush();
}

/// The state of the thread.
struct AuditWorker<'a, W: Write> {
    writer: LineWriter<W>,
    losses: &'a LossCounters,
    waiting: &'a Receiver<Entry>,
    /// The losses that were reported last.
    reported: [u64; 3],
    /// Events that were written and not flushed yet.
    unflushed: u64,
    /// Callers that wait for a flush, or have given up.
    flush_callers: Vec<SyncSender<bool>>,
}

impl<W: Write> AuditWorker<'_, W> {
    fn accept(&mut self, entry: Entry) {
        match entry {
            Entry::Line { bytes, events } => {
                if !self.write(&bytes, events) {
                    self.losses.failed.fetch_add(events, Ordering::Relaxed);
                }
            }
            Entry::Flush(done) => self.flush_callers.push(done),
        }
    }

    fn write(&mut self, bytes: &[u8], events: u64) -> bool {
        let is_written = self.writer.write(bytes);
        if is_written {
            self.unflushed = self.unflushed.saturating_add(events);
        }
        is_written
    }

    /// Writes kept crossings that are due. One that the writer refuses stays kept.
    fn write_kept_crossings(&mut self, due: Due) {
        let losses = self.losses;
        losses.crossings.write_due(due, |event| {
            // Earlier crossings of this resource may wait in the queue; no later one gets there
            // before this is written.
            for entry in self.waiting.try_iter().take(QUEUE) {
                self.accept(entry);
            }
            self.write(&to_line(&Line::of(event)), events(event))
        });
    }

    /// Writes the losses if they have changed.
    fn report_losses(&mut self) {
        let now = self.losses.now();
        if now == self.reported {
            return;
        }
        let [left_out, dropped, failed] = now;
        let loss = Loss { time_ms: time_ms(), event: "audit_loss", left_out, dropped, failed };
        // A report that could not be written is due the next time.
        if self.writer.write(&to_line(&loss)) {
            self.reported = now;
        }
    }

    fn flush(&mut self) {
        let flushed = self.writer.flush();
        if !flushed {
            self.losses.failed.fetch_add(self.unflushed, Ordering::Relaxed);
        }
        self.unflushed = 0;
        for done in self.flush_callers.drain(..) {
            let _ = done.send(flushed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{
        Duration, Entry, LineWriter, LossCounters, Ordering, Receiver, SyncSender, write_entries,
    };
    use crate::audit::{AuditEvent, AuditKind};
    use crate::usage_level::UsageLevel;
    use limits_core::{Allowance, QuotaResource, QuotaResourceStatus};
    use std::io::{self, Write};
    use std::sync::mpsc::sync_channel;

    fn queue(lines: usize) -> (SyncSender<Entry>, Receiver<Entry>) {
        let (queue, waiting) = sync_channel(20);
        for _ in 0..lines {
            queue.send(line()).expect("there is room");
        }
        (queue, waiting)
    }

    fn line() -> Entry {
        Entry::Line { bytes: b"line\n".to_vec(), events: 1 }
    }

    /// Returns the counters after a rise that found no room in the queue.
    fn with_kept_rise() -> LossCounters {
        let losses = LossCounters::default();
        let (resource, from, to) =
            (QuotaResource::Storage, UsageLevel::Normal, UsageLevel::Critical);
        let status = QuotaResourceStatus::new(96, Allowance::AtMost(100));
        let kind = AuditKind::Threshold { resource, from, to, status };
        let event = AuditEvent::new("a", kind, true);
        assert!(losses.crossings.record(&event, losses.second(), |_| false));
        losses
    }

    #[test]
    fn whatever_is_taken_from_the_queue_is_written_however_often_losses_are_told() {
        let (_, waiting) = queue(10);
        let mut written = Vec::new();
        // A report of losses is due after every single line.
        write_entries(
            LineWriter::new(&mut written),
            &waiting,
            &LossCounters::default(),
            Duration::ZERO,
        );
        assert_eq!(written, b"line\n".repeat(10));
    }

    #[test]
    fn a_crossing_that_was_kept_is_written_after_what_waited_before_it() {
        // I7
        let (_, waiting) = queue(10);
        let (mut written, losses) = (Vec::new(), with_kept_rise());
        write_entries(LineWriter::new(&mut written), &waiting, &losses, Duration::ZERO);
        let crossing = written.strip_prefix(&*b"line\n".repeat(10)).unwrap();
        assert!(crossing.starts_with(b"{\"time_ms\":"), "{crossing:?}");
        assert_eq!(losses.left_out(), 0);
    }

    /// Closes the queue once it has seen a crossing, with one more line, or after a while.
    struct Waiting {
        queue: Option<SyncSender<Entry>>,
        flushes: usize,
        text: String,
    }

    impl Write for &mut Waiting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.text.push_str(core::str::from_utf8(bytes).expect("JSON is text"));
            if self.text.contains("threshold")
                && let Some(queue) = self.queue.take()
            {
                queue.send(line()).expect("there is room");
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.flushes += 1;
            self.queue.take_if(|_| self.flushes > 1_000);
            Ok(())
        }
    }

    #[test]
    fn a_crossing_that_was_kept_is_written_though_nothing_else_happens() {
        // I7
        let (queue, waiting) = queue(0);
        let mut writer = Waiting { queue: Some(queue), flushes: 0, text: String::new() };
        write_entries(LineWriter::new(&mut writer), &waiting, &with_kept_rise(), Duration::ZERO);
        assert!(writer.text.ends_with("\nline\n"), "{}", writer.text);
    }

    #[test]
    fn a_crossing_that_the_writer_refuses_stays_kept_and_what_is_written_last_is_counted_once() {
        // I7
        let (_, waiting) = queue(0);
        let mut no_room = [0; 10];
        let losses = with_kept_rise();
        write_entries(LineWriter::new(&mut no_room[..]), &waiting, &losses, Duration::ZERO);
        assert_eq!((losses.left_out(), losses.failed.load(Ordering::Relaxed)), (1, 0));
    }
}
