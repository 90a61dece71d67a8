//! Batches of an operation, and the rounds that they are measured in.

use core::hint::spin_loop;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::thread;
use std::time::Instant;

use bench_report::{Rounds, Row};
use rustix::time::{ClockId, clock_gettime};

/// Operations in a batch on one thread: some 0.1 ms.
pub const BATCH: u32 = 10_000;
/// Operations of each thread in a batch on several: some 0.3 ms, against the time that it takes to
/// start together.
const THREADED_BATCH: u32 = 20_000;

/// Nanoseconds for each operation, if the batch counts.
pub type Sample = Option<f64>;

/// One operation, which takes a sample of itself.
type Subject<'a> = Box<dyn FnMut() -> Sample + 'a>;

/// Subjects that are measured in the same rounds, one after another.
#[derive(Default)]
pub struct Interleaved<'a> {
    subjects: Vec<(&'static str, Subject<'a>)>,
}

/// The samples of all subjects, by name.
#[derive(Debug)]
pub struct Measured {
    names: Vec<&'static str>,
    rounds: Rounds,
}

impl<'a> Interleaved<'a> {
    /// Adds a subject that is measured by a call of `batch`.
    pub fn add(&mut self, name: &'static str, batch: impl FnMut() -> Sample + 'a) {
        self.subjects.push((name, Box::new(batch)));
    }

    /// Adds an operation that is measured on this thread. One that does not do what it is measured
    /// for, and so returns `false`, ends the program.
    pub fn alone(&mut self, name: &'static str, operation: impl Fn() -> bool + Copy + 'a) {
        // A copy for each batch: its references are then in registers, as a host's are.
        self.add(name, move || alone(BATCH, operation));
    }

    /// Adds an operation for each thread, all measured together.
    pub fn together<const THREADS: usize>(
        &mut self,
        name: &'static str,
        operations: [&'a (dyn Fn() + Sync); THREADS],
    ) {
        self.add(name, move || together(operations));
    }

    /// Measures all of them in so many rounds, after one that warms up.
    #[must_use]
    pub fn run(mut self, rounds: usize) -> Measured {
        let mut samples = Rounds::new(self.subjects.len());
        for round in 0..=rounds {
            let times: Vec<_> = self.subjects.iter_mut().map(|(_, batch)| batch()).collect();
            if round > 0 {
                samples.push(times);
            }
        }
        let names = self.subjects.iter().map(|(name, _)| *name).collect();
        Measured { names, rounds: samples }
    }
}

impl Measured {
    /// Returns the median of a subject.
    #[must_use]
    pub fn median(&self, name: &str) -> f64 {
        self.rounds.median(self.at(name))
    }

    /// Returns the median of the first subject less the second.
    #[must_use]
    pub fn difference(&self, first: &str, second: &str) -> f64 {
        self.rounds.difference(self.at(first), self.at(second))
    }

    /// Returns the row of a subject without a peer.
    #[must_use]
    pub fn row(&self, group: &str, name: &str) -> Row {
        Row::new(group, name, "ns").measured(self.median(name))
    }

    /// Returns the row of a subject beside a peer, under a title.
    #[must_use]
    pub fn compared(&self, group: &str, title: &str, ours: &str, peer: &str) -> Row {
        Row::new(group, title, "ns").compared(&self.rounds, self.at(ours), peer, self.at(peer))
    }

    /// Returns the subjects of which less than half of the batches counted, with that number.
    pub fn doubtful(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let counted =
            self.names.iter().enumerate().map(|(at, name)| (*name, self.rounds.counted(at)));
        let most = counted.clone().map(|(_, count)| count).max().unwrap_or(0);
        counted.filter(move |(_, count)| count * 2 < most)
    }

    fn at(&self, name: &str) -> usize {
        let found = self.names.iter().position(|known| *known == name);
        found.unwrap_or_else(|| panic!("no subject has the name `{name}`"))
    }
}

/// The time of a batch.
#[derive(Debug)]
pub struct Span {
    begun: Instant,
    done: Instant,
    /// The time in which its thread had a core.
    on_core: Duration,
}

impl Span {
    /// Runs a batch.
    pub fn of(batch: impl FnOnce()) -> Self {
        let (begun, on_core) = (Instant::now(), on_core());
        batch();
        let on_core = self::on_core().saturating_sub(on_core);
        Self { begun, done: Instant::now(), on_core }
    }

    /// Returns the time from the beginning to the end.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.done - self.begun
    }

    /// Returns the time in which its thread had a core.
    #[must_use]
    pub const fn on_core(&self) -> Duration {
        self.on_core
    }

    /// Tells whether the thread had a core all along.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.on_core.as_secs_f64() > 0.95 * self.time().as_secs_f64()
    }
}

/// Returns how long this thread has had a core.
fn on_core() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Measures so many operations on this thread.
pub fn alone(count: u32, operation: impl FnMut() -> bool) -> Sample {
    let span = Span::of(|| repeat(count, operation));
    span.is_whole().then(|| per(span.time(), count))
}

#[inline]
fn repeat(count: u32, mut operation: impl FnMut() -> bool) {
    for _ in 0..count {
        assert!(operation(), "what is measured did not happen");
    }
}

/// Measures batches of [`THREADED_BATCH`], each on its thread, from when the first one began to
/// when the last one is done. Those that ran one after another for most of it are left out.
fn together<const THREADS: usize>(operations: [&(dyn Fn() + Sync); THREADS]) -> Sample {
    let awaited = &AtomicUsize::new(THREADS);
    let spans = thread::scope(|scope| {
        let threads = operations.map(|batch| {
            scope.spawn(move || {
                awaited.fetch_sub(1, Ordering::AcqRel);
                while awaited.load(Ordering::Acquire) > 0 {
                    spin_loop();
                }
                Span::of(batch)
            })
        });
        threads.map(|thread| thread.join().expect("no batch panics"))
    });
    let first = spans.iter().map(|span| span.begun).min()?;
    let last = spans.iter().map(|span| span.done).max()?;
    let all_begun = spans.iter().map(|span| span.begun).max()?;
    let one_done = spans.iter().map(|span| span.done).min()?;
    let side_by_side = one_done.saturating_duration_since(all_begun) > (last - first) / 2;
    let counts = side_by_side && spans.iter().all(Span::is_whole);
    let operations = THREADED_BATCH * u32::try_from(THREADS).ok()?;
    counts.then(|| per(last - first, operations))
}

/// Repeats an operation as often as [`Interleaved::together`] counts.
pub fn threaded(operation: impl FnMut() -> bool) {
    repeat(THREADED_BATCH, operation);
}

/// Returns nanoseconds for each operation.
#[must_use]
pub fn per(time: Duration, operations: u32) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(operations)
}
