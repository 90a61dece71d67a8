//! A host's store, which writes down what the host received.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quota_cluster::{Answer, KeyRefusal, LeaseStore, Question, StoreError};

use crate::history::{Counts, Recorder};
use crate::spec::{HostSpec, Plant};
use crate::window::{Windows, now_us};

/// A store of leases over another.
///
/// Units are written down before the driver gets them, so a host that is killed has never spent
/// more than it has written down. A slow clock is one that sees the store's durations longer than
/// they are.
#[derive(Debug)]
pub struct WitnessStore<S> {
    inner: S,
    files: Arc<Mutex<Files>>,
    slow_ppm: i64,
    /// The last ticket of its own, if it gives a repeated question another one.
    tickets: Option<u64>,
    /// The last answer of each ticket: a repeated one is received once.
    known: BTreeMap<Arc<str>, (u64, u64)>,
    in_force: Arc<InForce>,
}

/// The time until which the last lease that a host has received is in force at the latest.
#[derive(Debug, Default)]
pub struct InForce {
    until_us: AtomicU64,
}

impl InForce {
    /// Reports whether a lease may have been in force at a time in microseconds since 1970.
    ///
    /// Asked after a take: the lease that the take spent was noted before the take could see it.
    #[must_use]
    pub fn includes(&self, unix_us: u64) -> bool {
        unix_us <= self.until_us.load(Ordering::SeqCst)
    }
}

/// The files of a store's counts.
#[derive(Debug)]
pub struct Files {
    /// Units received, by the store's windows.
    pub received: Recorder,
    /// Round trips, by the machine's windows.
    pub questions: Recorder,
    counted: Counted,
}

#[derive(Debug)]
struct Counted {
    windows: Windows,
    received: BTreeMap<u64, u64>,
    questions: BTreeMap<u64, u64>,
}

impl Files {
    /// Returns the files of a host.
    #[must_use]
    pub fn new(received: Recorder, questions: Recorder, windows: Windows) -> Self {
        let counted = Counted { windows, received: BTreeMap::new(), questions: BTreeMap::new() };
        Self { received, questions, counted }
    }

    fn asked(&mut self) {
        let window = self.counted.windows.now();
        let count = self.counted.questions.entry(window).or_insert(0);
        *count += 1;
        // Questions after the end of the run have no place.
        let _written = self.questions.write(window, Counts { other: *count, ..Counts::default() });
    }

    /// Writes units down; `false` if the window has no place, so that they must not be spent.
    fn received(&mut self, window: u64, units: u64) -> bool {
        let count = self.counted.received.entry(window).or_insert(0);
        *count += units;
        self.received.write(window, Counts { other: *count, ..Counts::default() }).is_ok()
    }
}

impl<S: LeaseStore> WitnessStore<S> {
    /// Returns a store that writes into files.
    #[must_use]
    pub fn new(
        inner: S,
        files: Arc<Mutex<Files>>,
        in_force: Arc<InForce>,
        spec: &HostSpec,
    ) -> Self {
        Self {
            inner,
            files,
            slow_ppm: spec.slow_ppm,
            tickets: spec.has(Plant::NoTicket).then_some(0),
            known: BTreeMap::new(),
            in_force,
        }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn witness(&mut self, question: &Question, answer: &mut Answer) {
        let last = self.known.insert(Arc::clone(&question.key), (question.ticket, answer.granted));
        let is_repeated = last == Some((question.ticket, answer.granted));
        if !is_repeated
            && answer.granted > 0
            && !self.files().received(answer.window, answer.granted)
        {
            answer.granted = 0;
        }
        let spendable = answer.window_left.min(answer.life).as_micros();
        let until = now_us().saturating_add(u64::try_from(spendable).unwrap_or(u64::MAX));
        self.in_force.until_us.fetch_max(until, Ordering::SeqCst);
        answer.window_left = seen_by_a_slow_clock(answer.window_left, self.slow_ppm);
        answer.life = seen_by_a_slow_clock(answer.life, self.slow_ppm);
    }
}

/// Writes on the host's log what is not an ordinary answer.
fn tell(asked: u64, answers: &Result<Vec<Result<Answer, KeyRefusal>>, StoreError>) {
    let now = now_us();
    let lasted = now.saturating_sub(asked);
    let mut log = io::stderr().lock();
    // A log that is full is no reason to end.
    let _written = match answers {
        Err(error) => writeln!(log, "{now}: after {lasted} us: {error}"),
        Ok(answers) => answers.iter().try_for_each(|answer| match answer {
            Err(refusal) => writeln!(log, "{now}: after {lasted} us: {refusal:?}"),
            Ok(answer) if answer.newborn > 0 => writeln!(
                log,
                "{now}: after {lasted} us: in window {} newborn for {}, reign {}",
                answer.window, answer.newborn, answer.reign
            ),
            Ok(_) => Ok(()),
        }),
    };
}

/// Returns a duration as a clock of that drift would let it last, in the machine's time.
fn seen_by_a_slow_clock(time: Duration, slow_ppm: i64) -> Duration {
    let drift = time / 1_000_000 * u32::try_from(slow_ppm.unsigned_abs()).unwrap_or(u32::MAX);
    if slow_ppm < 0 { time.saturating_sub(drift) } else { time + drift }
}

impl<S: LeaseStore> LeaseStore for WitnessStore<S> {
    async fn ask(
        &mut self,
        questions: &[Question],
    ) -> Result<Vec<Result<Answer, KeyRefusal>>, StoreError> {
        self.files().asked();
        let mut questions = questions.to_vec();
        if let Some(last) = &mut self.tickets {
            for question in &mut questions {
                *last += 1;
                question.ticket = *last;
            }
        }
        let asked = now_us();
        let answers = self.inner.ask(&questions).await;
        tell(asked, &answers);
        let mut answers = answers?;
        for (question, answer) in questions.iter().zip(&mut answers) {
            if let Ok(answer) = answer {
                self.witness(question, answer);
            }
        }
        Ok(answers)
    }

    fn warnings(&mut self) -> Vec<String> {
        self.inner.warnings()
    }
}

#[cfg(test)]
mod tests {
    use super::seen_by_a_slow_clock;
    use core::time::Duration;

    #[test]
    fn a_clock_that_is_slow_by_300_millionths_lets_a_second_last_longer() {
        let second = Duration::from_secs(1);
        assert_eq!(seen_by_a_slow_clock(second, 300), Duration::from_micros(1_000_300));
        assert_eq!(seen_by_a_slow_clock(second, -300), Duration::from_micros(999_700));
        assert_eq!(seen_by_a_slow_clock(second, 0), second);
    }
}
