//! Audit events as lines of JSON.
//!
//! The queue, the thread and the flush are not those of `tracing-appender`: its non-blocking writer
//! drops lines without knowing how many events a line stands for, ignores an error of the writer,
//! and its flush has no result. Here every event is in a line, in the `repeats` of one, or counted
//! as a loss, and the last crossing of a level outlives a full queue.

mod audit_line;
mod audit_worker;
mod line_writer;
mod loss_counters;

use core::fmt;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use self::audit_line::Line;
use self::audit_worker::{Entry, QUEUE, events, write_entries};
use self::line_writer::LineWriter;
use self::loss_counters::LossCounters;
use crate::audit::{AuditEvent, AuditKind, AuditSink};
use crate::escaped_json::to_line;

/// The shortest time between two reports of losses.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// The time that dropping the sink waits for the queue.
const DROP_TIMEOUT: Duration = Duration::from_secs(1);
/// The time between two attempts of [`JsonLinesSink::flush`] to enter a full queue.
const FLUSH_POLL: Duration = Duration::from_millis(1);

/// Writes audit events as lines of JSON, from a thread of its own.
///
/// Recording never waits for the writer. A component gets at most ten lines a second for each kind
/// of denial or grant; the next line after that has in `repeats` how many events were left out. It
/// gets at most twelve lines a second for crossings of one resource's level. The last crossing
/// always gets to the writer: at once if it is a rise, else after at most two seconds, or by
/// [`flush`](Self::flush). When the writer cannot keep up, 1 024 lines wait; crossings are then
/// kept, and other events are dropped. Losses are written as well, at most once a second:
///
/// ```json
/// {"time_ms":1764000000000,"sequence":7,"event":"quota_denied","component":"shop","subject":"storage","enforced":true,"used":900,"requested":200,"limit":1000,"unit":"bytes","depth":0,"retry":"now"}
/// {"time_ms":1764000001000,"event":"audit_loss","left_out":4711,"dropped":0,"failed":0}
/// ```
///
/// All three count events. `left_out` are those that no line has told of yet; the `repeats` of a
/// later line may still do so. `dropped` and `failed` are totals since the beginning: events that
/// found no room, and events that the writer refused or could not flush, with the repeats of their
/// lines. Every event is in a line, in the `repeats` of one, or in one of these.
///
/// A line that was written in part is ended before the next one begins. Hidden characters
/// ([`is_hidden`](limits_core::is_hidden)) are escaped. Of a resource that a guest asked for, the
/// first 1 024 bytes are written.
///
/// Dropping the sink writes the queue, but waits no longer than a second for it. A registry in a
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
    losses: Arc<LossCounters>,
    /// `None` only while the sink is dropped.
    queue: Option<SyncSender<Entry>>,
    finished: Mutex<Receiver<()>>,
}

impl JsonLinesSink {
    /// Starts the thread that writes the log. The writer may block, fail and panic; after a panic
    /// it is not used any more, and everything counts as failed. It is flushed whenever the queue
    /// is empty.
    ///
    /// # Errors
    ///
    /// The system's error if it has no thread left.
    pub fn new(writer: impl Write + Send + 'static) -> io::Result<Self> {
        let losses = Arc::new(LossCounters::default());
        let (queue, waiting) = sync_channel(QUEUE);
        let (done, finished) = sync_channel(1);
        let shared = Arc::clone(&losses);
        thread::Builder::new().name(String::from("quota-audit")).spawn(move || {
            write_entries(LineWriter::new(writer), &waiting, &shared, REPORT_EVERY);
            // The sink may have given up waiting.
            let _ = done.send(());
        })?;
        Ok(Self { losses, queue: Some(queue), finished: Mutex::new(finished) })
    }

    /// Waits until all events recorded before are written and flushed, with the crossings that were
    /// kept back, and losses are reported; returns whether that worked within the given time.
    ///
    /// It is for the end of a process. It blocks, so a host call must not make it.
    #[must_use]
    pub fn flush(&self, at_most: Duration) -> bool {
        let began = Instant::now();
        let (done, is_done) = sync_channel(1);
        let Some(queue) = &self.queue else { return false };
        while let Err(TrySendError::Full(_)) = queue.try_send(Entry::Flush(done.clone())) {
            if began.elapsed() >= at_most {
                return false;
            }
            thread::sleep(FLUSH_POLL);
        }
        // Without this sender, a queue whose reader has gone ends the wait.
        drop(done);
        is_done.recv_timeout(at_most.saturating_sub(began.elapsed())).unwrap_or(false)
    }

    /// Returns the number of events that were dropped because the writer could not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.losses.dropped.load(Ordering::Relaxed)
    }

    /// Returns the number of events that were left out and that no line has told of yet: repeats,
    /// and crossings that are kept back.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.losses.left_out()
    }

    /// Returns the number of events that the writer refused or could not flush. A writer with a
    /// buffer of its own may still write later what it could not flush at first.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.losses.failed.load(Ordering::Relaxed)
    }
}

impl AuditSink for JsonLinesSink {
    fn record(&self, event: &AuditEvent<'_>) {
        let LossCounters { left_out, crossings, dropped, .. } = &*self.losses;
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
            // A stuck writer must not hold up the host.
            let _ = finished.recv_timeout(DROP_TIMEOUT);
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
