//! Audit events as lines of JSON.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use limits_core::{Clock as _, Denial, Retry};
use serde::Serialize;

use crate::repeats::{Admission, Repeats};
use crate::{AuditEvent, AuditKind, AuditSink, CoarseClock};

/// Lines that wait for the writer.
const QUEUE: usize = 1_024;
/// Events of a kind per component and second.
const PER_SECOND: u32 = 10;
/// How often what was left out is written down, at most.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How long dropping the sink waits for what is in the queue.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Writes audit events as lines of JSON, from a thread of its own.
///
/// Recording never waits. Of a kind, a component gets at most ten events a second; the next one after
/// that says in `repeats` how many were left out. When the writer cannot keep up, 1 024 lines wait
/// and the others are dropped. What was left out or dropped is written down as well, at most once a
/// second, in totals since the beginning:
///
/// ```json
/// {"time_ms":1764000000000,"event":"quota_denied","component":"shop","subject":"storage","enforced":true,"used":900,"requested":200,"limit":1000,"unit":"bytes","level":0,"retry":"now"}
/// {"time_ms":1764000001000,"event":"audit_loss","left_out":4711,"dropped":0,"failed":0}
/// ```
///
/// `left_out` are repeats that no line has told of yet, `failed` lines that the writer refused.
/// Dropping the sink writes what waits, but waits no longer than a second for it.
pub struct JsonLinesSink {
    clock: CoarseClock,
    losses: Arc<Losses>,
    /// `None` only while the sink is dropped.
    lines: Option<SyncSender<Vec<u8>>>,
    finished: Mutex<Receiver<()>>,
}

#[derive(Debug)]
struct Losses {
    repeats: Repeats,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Losses {
    fn now(&self) -> [u64; 3] {
        [
            self.repeats.counted(),
            self.dropped.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
        ]
    }
}

impl JsonLinesSink {
    /// Begins to write. The writer may block and fail; it is flushed whenever nothing waits.
    ///
    /// # Errors
    ///
    /// What the system says when it has no thread left.
    pub fn new(writer: impl Write + Send + 'static) -> io::Result<Self> {
        let losses = Arc::new(Losses {
            repeats: Repeats::new(PER_SECOND),
            dropped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        });
        let (lines, waiting) = sync_channel(QUEUE);
        let (done, finished) = sync_channel(1);
        let told = Arc::clone(&losses);
        thread::Builder::new().name(String::from("quota-audit")).spawn(move || {
            write_lines(writer, &waiting, &told);
            // Nobody may be waiting any more.
            let _ = done.send(());
        })?;
        Ok(Self {
            clock: CoarseClock::new(),
            losses,
            lines: Some(lines),
            finished: Mutex::new(finished),
        })
    }

    /// Returns how many lines were dropped since the writer could not keep up.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.losses.dropped.load(Ordering::Relaxed)
    }

    /// Returns how many repeats were left out and not told of yet.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.losses.repeats.counted()
    }

    /// Returns how many lines the writer refused.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.losses.failed.load(Ordering::Relaxed)
    }
}

impl AuditSink for JsonLinesSink {
    fn record(&self, event: &AuditEvent<'_>) {
        let Losses { repeats, dropped, .. } = &*self.losses;
        let Admission::Report { counted } = repeats.admit(event, self.clock.now_ns()) else {
            return;
        };
        let line = to_line(&Line::of(event, counted));
        let sent = self.lines.as_ref().is_some_and(|lines| lines.try_send(line).is_ok());
        if !sent {
            // The line and those that it would have told of.
            dropped.fetch_add(counted.saturating_add(1), Ordering::Relaxed);
        }
    }
}

impl Drop for JsonLinesSink {
    fn drop(&mut self) {
        self.lines = None;
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

fn write_lines(mut writer: impl Write, lines: &Receiver<Vec<u8>>, losses: &Losses) {
    let mut told = [0; 3];
    let mut tell = |writer: &mut dyn Write| {
        let now = losses.now();
        if now != told {
            told = now;
            let [left_out, dropped, failed] = now;
            let time_ms = time_ms();
            let loss = Loss { time_ms, event: "audit_loss", left_out, dropped, failed };
            // A writer that fails here fails with the next line as well, which is counted.
            let _ = writer.write_all(&to_line(&loss));
        }
    };
    let mut last = std::time::Instant::now();
    loop {
        match lines.recv_timeout(REPORT_EVERY) {
            Ok(line) => {
                let mut next = Some(line);
                while let Some(line) = next {
                    if writer.write_all(&line).is_err() {
                        losses.failed.fetch_add(1, Ordering::Relaxed);
                    }
                    next = lines.try_recv().ok().filter(|_| last.elapsed() < REPORT_EVERY);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if last.elapsed() >= REPORT_EVERY {
            last = std::time::Instant::now();
            tell(&mut writer);
        }
        let _ = writer.flush();
    }
    tell(&mut writer);
    let _ = writer.flush();
}

fn to_line(line: &impl Serialize) -> Vec<u8> {
    // Numbers and texts under names that are texts: serialising them cannot fail.
    let mut line = serde_json::to_vec(line).unwrap_or_default();
    line.push(b'\n');
    line
}

fn time_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize)]
struct Loss {
    time_ms: u64,
    event: &'static str,
    left_out: u64,
    dropped: u64,
    failed: u64,
}

/// One event. What does not belong to its kind is left out.
#[derive(Default, Serialize)]
struct Line<'a> {
    time_ms: u64,
    event: &'static str,
    component: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'static str,
    enforced: bool,
    #[serde(skip_serializing_if = "is_zero")]
    repeats: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<u64>,
    /// Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_us: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl<'a> Line<'a> {
    /// The most of a text that a guest wrote, in bytes.
    const MOST: usize = 1_024;

    fn of(event: &AuditEvent<'a>, repeats: u64) -> Self {
        let AuditEvent { component, kind, enforced } = *event;
        let line = Self {
            time_ms: time_ms(),
            event: kind.name(),
            component,
            subject: kind.subject(),
            enforced,
            repeats,
            ..Self::default()
        };
        match kind {
            AuditKind::Registered | AuditKind::Unregistered => line,
            AuditKind::CapabilityDenied(decision) | AuditKind::CapabilityGranted(decision) => {
                let target = decision.resource();
                let end = target.floor_char_boundary(Self::MOST);
                Self {
                    target: target.get(..end),
                    rule: decision.rule().map(limits_core::Pattern::as_str),
                    reason: decision.denial().as_ref().map(Denial::to_string),
                    ..line
                }
            }
            AuditKind::QuotaDenied(error) => {
                let (retry, retry_after_us) = match error.retry() {
                    Retry::Now => ("now", None),
                    Retry::After(wait) => {
                        // Rounded up: whoever waits this long is let in.
                        let micros = wait.as_nanos().div_ceil(1_000);
                        ("after", Some(u64::try_from(micros).unwrap_or(u64::MAX)))
                    }
                    Retry::Never => ("never", None),
                };
                Self {
                    used: Some(error.used()),
                    requested: Some(error.requested()),
                    limit: Some(error.limit()),
                    unit: Some(error.resource().unit()),
                    level: Some(error.level()),
                    retry: Some(retry),
                    retry_after_us,
                    ..line
                }
            }
            AuditKind::QuotaGranted { resource, amount } => {
                Self { requested: Some(amount), unit: Some(resource.unit()), ..line }
            }
            AuditKind::Threshold { resource, from, to, status } => Self {
                from: Some(from.as_str()),
                to: Some(to.as_str()),
                used: Some(status.used()),
                limit: status.limit().at_most(),
                unit: Some(resource.unit()),
                ..line
            },
        }
    }
}
