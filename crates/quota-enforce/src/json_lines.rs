//! Audit events as lines of JSON.

mod audit_line;
mod line_writer;

use core::fmt;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use limits_core::Clock as _;

use self::audit_line::{Line, Loss, time_ms, to_line};
use self::line_writer::LineWriter;
use crate::audit::{AuditEvent, AuditKind, AuditSink};
use crate::coarse_clock::CoarseClock;
use crate::crossings::{Crossings, Due};

/// Lines that wait for the writer.
const QUEUE: usize = 1_024;
/// How often what was left out is written down, at most.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How long dropping the sink waits for what is in the queue.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long [`JsonLinesSink::flush`] waits before it looks again for room in the queue.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Writes audit events as lines of JSON, from a thread of its own.
///
/// Recording never waits for the writer. Of denials and grants, a component gets at most ten lines a
/// second of each kind; the next one after that says in `repeats` how many were left out. Of crossings
/// of a resource's level, it gets at most twelve. The last crossing always gets to the writer: at once
/// if it is a rise, else after at most two seconds, or by [`flush`](Self::flush). When the writer cannot
/// keep up, 1 024 lines wait; crossings are then kept, and other events are dropped. What was lost is
/// written down as well, at most once a second:
///
/// ```json
/// {"time_ms":1764000000000,"sequence":7,"event":"quota_denied","component":"shop","subject":"storage","enforced":true,"used":900,"requested":200,"limit":1000,"unit":"bytes","level":0,"retry":"now"}
/// {"time_ms":1764000001000,"event":"audit_loss","left_out":4711,"dropped":0,"failed":0}
/// ```
///
/// All three count events. `left_out` are those that no line has told of yet; the `repeats` of a
/// later line may still do so. `dropped` and `failed` are totals since the beginning: events that
/// found no room, and events that the writer refused or could not flush, with the repeats that their
/// lines would have told of. Every event is in a line, in the `repeats` of one, or in one of these.
///
/// A line that was written in part is ended before the next one begins. Hidden characters
/// ([`is_hidden`](limits_core::is_hidden)) are escaped; of a resource that a guest asked for, the first
/// 1 024 bytes are written.
///
/// Dropping the sink writes what waits, but waits no longer than a second for it. A registry in a
/// `static`, as [`install`](crate::install) makes it, is never dropped: keep the sink and call
/// [`flush`](Self::flush) before the process ends:
///
/// ```
/// use core::time::Duration;
/// use std::sync::Arc;
///
/// use limits_core::{CapabilitySet, QuotaType};
/// use quota_enforce::{JsonLinesSink, QuotaRegistry, SecurityContext};
///
/// # let path = std::env::temp_dir().join(format!("audit-{}.jsonl", std::process::id()));
/// let file = std::fs::File::options().create(true).append(true).open(&path)?;
/// let audit = Arc::new(JsonLinesSink::new(file)?);
/// let registry = QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&audit)).build();
/// let shop = registry.register(SecurityContext::new("shop", CapabilitySet::new()))?;
/// assert!(shop.consume(QuotaType::Storage(u64::MAX)).is_err());
///
/// // At the end of the process.
/// if !audit.flush(Duration::from_secs(5)) || audit.dropped() + audit.failed() > 0 {
///     eprintln!("the audit is not complete");
/// }
/// # let written = std::fs::read_to_string(&path)?;
/// # std::fs::remove_file(&path)?;
/// # assert!(written.lines().any(|line| line.contains("\"event\":\"quota_denied\"")), "{written}");
/// # assert_eq!(written.lines().count(), 2, "{written}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonLinesSink {
    losses: Arc<Losses>,
    /// `None` only while the sink is dropped.
    queue: Option<SyncSender<Entry>>,
    finished: Mutex<Receiver<()>>,
}

/// An entry of the queue.
enum Entry {
    Line {
        bytes: Vec<u8>,
        /// The line's own event and those that it tells of.
        events: u64,
    },
    /// A caller waits until everything before this is flushed, and asks whether that worked.
    Flush(SyncSender<bool>),
}

#[derive(Debug, Default)]
struct Losses {
    /// Counts the seconds of crossings.
    clock: CoarseClock,
    /// Events that were too many, less those that lines have told of. Below zero for a moment if a
    /// line is counted before the events that it tells of.
    left_out: AtomicI64,
    crossings: Crossings,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Losses {
    fn second(&self) -> u64 {
        self.clock.now_ns() / 1_000_000_000
    }

    fn left_out(&self) -> u64 {
        let repeats = u64::try_from(self.left_out.load(Ordering::Relaxed)).unwrap_or_default();
        repeats.saturating_add(self.crossings.left_out())
    }

    fn now(&self) -> [u64; 3] {
        [self.left_out(), self.dropped.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed)]
    }
}

/// Returns how many events a line is about: its own, and those that it tells of.
fn events(event: &AuditEvent<'_>) -> u64 {
    event.repeats.unwrap_or_default().saturating_add(1)
}

impl JsonLinesSink {
    /// Begins to write. The writer may block, fail and panic; after a panic it is not used any more,
    /// and everything counts as failed. It is flushed whenever nothing waits.
    ///
    /// # Errors
    ///
    /// What the system says when it has no thread left.
    pub fn new(writer: impl Write + Send + 'static) -> io::Result<Self> {
        let losses = Arc::new(Losses::default());
        let (queue, waiting) = sync_channel(QUEUE);
        let (done, finished) = sync_channel(1);
        let told = Arc::clone(&losses);
        thread::Builder::new().name(String::from("quota-audit")).spawn(move || {
            write_entries(LineWriter::new(writer), &waiting, &told, REPORT_EVERY);
            // Nobody may be waiting any more.
            let _ = done.send(());
        })?;
        Ok(Self { losses, queue: Some(queue), finished: Mutex::new(finished) })
    }

    /// Waits until everything recorded before is written and flushed, crossings that were kept back
    /// among it, and what was lost is told; returns whether that worked within the time given.
    ///
    /// For the end of a process. It blocks: not for host calls.
    #[must_use]
    pub fn flush(&self, at_most: Duration) -> bool {
        let began = Instant::now();
        let (done, is_done) = sync_channel(1);
        let Some(queue) = &self.queue else { return false };
        while let Err(TrySendError::Full(_)) = queue.try_send(Entry::Flush(done.clone())) {
            if began.elapsed() >= at_most {
                return false;
            }
            thread::sleep(LOOK_AGAIN);
        }
        // So that nothing is waited for if the queue has no reader any more.
        drop(done);
        is_done.recv_timeout(at_most.saturating_sub(began.elapsed())).unwrap_or(false)
    }

    /// Returns how many events were dropped since the writer could not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.losses.dropped.load(Ordering::Relaxed)
    }

    /// Returns how many events were left out and not told of yet: repeats, and crossings that are kept
    /// back.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.losses.left_out()
    }

    /// Returns how many events the writer refused or could not flush. One with a buffer of its own
    /// may still write what it could not flush at first.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.losses.failed.load(Ordering::Relaxed)
    }
}

impl AuditSink for JsonLinesSink {
    fn record(&self, event: &AuditEvent<'_>) {
        let Losses { left_out, crossings, dropped, .. } = &*self.losses;
        let send = |event: &AuditEvent<'_>| {
            let entry = Entry::Line { bytes: to_line(&Line::of(event)), events: events(event) };
            self.queue.as_ref().is_some_and(|queue| queue.try_send(entry).is_ok())
        };
        if let AuditKind::Registered | AuditKind::Unregistered = event.kind {
            crossings.forget(event.component);
        }
        let is_sent = match (event.kind, event.repeats) {
            (AuditKind::Threshold { .. }, _) => crossings.record(event, self.losses.second(), send),
            (_, Some(repeats)) => {
                let repeats = i64::try_from(repeats).unwrap_or(i64::MAX);
                left_out.fetch_sub(repeats, Ordering::Relaxed);
                send(event)
            }
            (_, None) => {
                left_out.fetch_add(1, Ordering::Relaxed);
                true
            }
        };
        if !is_sent {
            dropped.fetch_add(events(event), Ordering::Relaxed);
        }
    }
}

impl Drop for JsonLinesSink {
    fn drop(&mut self) {
        self.queue = None;
        if let Ok(finished) = self.finished.get_mut() {
            // A writer that is stuck must not hold up the host.
            let _ = finished.recv_timeout(LAST_WORDS);
        }
    }
}

impl fmt::Debug for JsonLinesSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left_out, dropped, failed] = self.losses.now();
        f.debug_struct("JsonLinesSink")
            .field("left_out", &left_out)
            .field("dropped", &dropped)
            .field("failed", &failed)
            .finish_non_exhaustive()
    }
}

/// Writes until the queue is closed.
fn write_entries(
    writer: LineWriter<impl Write>,
    waiting: &Receiver<Entry>,
    losses: &Losses,
    report_every: Duration,
) {
    let mut book = Book { writer, losses, waiting, told: [0; 3], unflushed: 0, asked: Vec::new() };
    let mut last = Instant::now();
    loop {
        match waiting.recv_timeout(report_every) {
            Ok(entry) => {
                book.enter(entry);
                // Whatever is taken from the queue is entered: the time is looked at before.
                while last.elapsed() < report_every
                    && let Ok(entry) = waiting.try_recv()
                {
                    book.enter(entry);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if !book.asked.is_empty() {
            book.write_crossings(Due::All);
            book.tell_losses();
        } else if last.elapsed() >= report_every {
            book.write_crossings(Due::In(losses.second()));
            book.tell_losses();
        }
        if last.elapsed() >= report_every {
            last = Instant::now();
        }
        book.flush();
    }
    book.write_crossings(Due::All);
    book.tell_losses();
    book.flush();
}

/// What the thread writes in.
struct Book<'a, W: Write> {
    writer: LineWriter<W>,
    losses: &'a Losses,
    waiting: &'a Receiver<Entry>,
    /// The losses that were told of last.
    told: [u64; 3],
    /// Events that were written and not flushed yet.
    unflushed: u64,
    /// Who waits for a flush. They may have gone.
    asked: Vec<SyncSender<bool>>,
}

impl<W: Write> Book<'_, W> {
    fn enter(&mut self, entry: Entry) {
        match entry {
            Entry::Line { bytes, events } => {
                if !self.write(&bytes, events) {
                    self.losses.failed.fetch_add(events, Ordering::Relaxed);
                }
            }
            Entry::Flush(done) => self.asked.push(done),
        }
    }

    fn write(&mut self, bytes: &[u8], events: u64) -> bool {
        let is_written = self.writer.write(bytes);
        if is_written {
            self.unflushed = self.unflushed.saturating_add(events);
        }
        is_written
    }

    /// Writes crossings that are kept back. One that the writer refuses stays kept.
    fn write_crossings(&mut self, due: Due) {
        let losses = self.losses;
        losses.crossings.write_due(due, |event| {
            // Earlier crossings of this resource may wait in the queue; no later one gets there
            // before this is written.
            for entry in self.waiting.try_iter().take(QUEUE) {
                self.enter(entry);
            }
            self.write(&to_line(&Line::of(event)), events(event))
        });
    }

    /// Writes down what was lost if that has changed.
    fn tell_losses(&mut self) {
        let now = self.losses.now();
        if now == self.told {
            return;
        }
        let [left_out, dropped, failed] = now;
        let loss = Loss { time_ms: time_ms(), event: "audit_loss", left_out, dropped, failed };
        // What could not be told now is told the next time.
        if self.writer.write(&to_line(&loss)) {
            self.told = now;
        }
    }

    fn flush(&mut self) {
        let flushed = self.writer.flush();
        if !flushed {
            self.losses.failed.fetch_add(self.unflushed, Ordering::Relaxed);
        }
        self.unflushed = 0;
        for done in self.asked.drain(..) {
            let _ = done.send(flushed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{
        Duration, Entry, LineWriter, Losses, Ordering, Receiver, SyncSender, sync_channel,
        write_entries,
    };
    use crate::audit::{AuditEvent, AuditKind};
    use crate::usage_level::UsageLevel;
    use limits_core::{Allowance, QuotaResource, QuotaResourceStatus};
    use std::io::{self, Write};

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

    /// Has a rise that found no room in the queue.
    fn kept() -> Losses {
        let losses = Losses::default();
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
        // Losses are due after every single line.
        write_entries(LineWriter::new(&mut written), &waiting, &Losses::default(), Duration::ZERO);
        assert_eq!(written, b"line\n".repeat(10));
    }

    #[test]
    fn a_crossing_that_was_kept_is_written_after_what_waited_before_it() {
        // I7
        let (_, waiting) = queue(10);
        let (mut written, losses) = (Vec::new(), kept());
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
        write_entries(LineWriter::new(&mut writer), &waiting, &kept(), Duration::ZERO);
        assert!(writer.text.ends_with("\nline\n"), "{}", writer.text);
    }

    #[test]
    fn a_crossing_that_the_writer_refuses_stays_kept_and_what_is_written_last_is_counted_once() {
        // I7
        let (_, waiting) = queue(0);
        let mut no_room = [0; 10];
        let losses = kept();
        write_entries(LineWriter::new(&mut no_room[..]), &waiting, &losses, Duration::ZERO);
        assert_eq!((losses.left_out(), losses.failed.load(Ordering::Relaxed)), (1, 0));
    }
}
