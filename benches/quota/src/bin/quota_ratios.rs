//! The cost of a quota against `governor`, in one run.
//!
//! `cargo xtask bench` runs it last; its argument is the number of rounds. It prints the tables of
//! `docs/performance.md`. Each round runs a short batch of everything, one after another, so that
//! whatever else the machine does meets all of them; what is printed are medians over the rounds. A
//! batch during which a thread had to wait for a core is left out.

use core::error::Error;
use core::hint::{black_box, spin_loop};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{Write as _, stdout};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use ::governor::DefaultDirectRateLimiter;
use ::governor::clock::{Clock as _, DefaultClock};
use limits_core::{Clock, Permission, QuotaTracker, QuotaType};
use limits_quota_benches::{
    FILE, clock, exact_clock, exhausted, governor, leased, registry, tracker, two_levels,
};
use quota_enforce::{ComponentHandle, QuotaRegistry};
use rustix::time::{ClockId, clock_gettime};

/// Operations in a batch on one thread: some 0.1 ms.
const BATCH: u32 = 10_000;
/// Operations of each thread in a batch on several: some 0.3 ms, against the time that it takes to
/// start together.
const THREADED_BATCH: u32 = 20_000;

/// Nanoseconds for each operation, if the batch counts.
type Sample = Option<f64>;

/// The promise about two measurements of the same rounds.
enum Target {
    /// The first divided by the second is at most this.
    Ratio(f64),
    /// The second divided by the first is at least this: throughput.
    Speedup(f64),
    /// The first takes at most this much longer than the second, in nanoseconds.
    Beyond(f64),
    /// The first takes at most this long, in nanoseconds.
    Time(f64),
    /// Nothing: it is for information.
    None,
}

fn main() -> Result<(), Box<dyn Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(1_001), |rounds| rounds.parse())?;
    let names = Subjects::NAMES;
    let subjects = Subjects::new()?;
    let mut samples: [Vec<Sample>; Subjects::NAMES.len()] = Default::default();
    for round in 0..=rounds {
        let times = subjects.round();
        // The first round warms up.
        if round > 0 {
            samples.iter_mut().zip(times).for_each(|(samples, time)| samples.push(time));
        }
    }
    let mut out = stdout().lock();
    writeln!(out, "medians of {rounds} interleaved rounds\n")?;
    writeln!(out, "| operation | ns | 5 % are below | rounds |\n|---|---|---|---|")?;
    for (name, samples) in names.iter().zip(&samples) {
        let counted = || samples.iter().copied().flatten();
        let (median, low) = (at(counted(), 50), at(counted(), 5));
        writeln!(out, "| {name} | {median:.1} | {low:.1} | {} |", counted().count())?;
    }
    writeln!(out, "\n| comparison | measured | target | |\n|---|---|---|---|")?;
    let [
        clock,
        _,
        least,
        least_three,
        take,
        denial,
        three,
        two_levels,
        leased,
        two_levels_exact,
        leased_exact,
        check,
        _,
        write,
        handle,
        lookup,
        one,
        two,
        shared,
        governor_shared,
        governor_one,
        governor_two,
    ] = &samples;
    for (name, first, second, target) in [
        ("take of one resource / governor", take, check, Target::Ratio(0.5)),
        ("the least for that / governor", least, check, Target::None),
        ("denial beyond the clock", denial, clock, Target::Beyond(2.0)),
        ("three resources at once / governor", three, check, Target::Ratio(0.9)),
        ("the least for that / governor", least_three, check, Target::None),
        ("take on a leased level / on two levels", leased, two_levels, Target::Ratio(1.2)),
        ("the same with an exact clock", leased_exact, two_levels_exact, Target::Ratio(1.2)),
        ("file write: capability, quota, commit", write, write, Target::Time(150.0)),
        ("look-up and take / take by handle", lookup, handle, Target::None),
        ("two threads, two components: throughput", two, one, Target::Speedup(1.8)),
        ("the same of governor", governor_one, governor_two, Target::None),
        ("two threads, one component / governor", shared, governor_shared, Target::Ratio(1.0)),
    ] {
        let (measured, target, verdict) = target.compare(first, second);
        writeln!(out, "| {name} | {measured} | {target} | {verdict} |")?;
    }
    Ok(())
}

impl Target {
    /// Returns what was measured, what is promised, and whether that is kept.
    fn compare(&self, first: &[Sample], second: &[Sample]) -> (String, String, &'static str) {
        let median = |of: fn(f64, f64) -> f64| {
            let pairs = first.iter().zip(second);
            at(pairs.filter_map(|(first, second)| Some(of((*first)?, (*second)?))), 50)
        };
        let verdict = |measured: f64, kept| match kept {
            _ if measured.is_nan() => "no batch counted",
            true => "met",
            false => "missed",
        };
        match *self {
            Self::Ratio(most) => {
                let ratio = median(|first, second| first / second);
                (
                    format!("{ratio:.2}x"),
                    format!("at most {most:.1}x"),
                    verdict(ratio, ratio <= most),
                )
            }
            Self::Speedup(least) => {
                let speedup = median(|first, second| second / first);
                let verdict = verdict(speedup, speedup >= least);
                (format!("{speedup:.2}x"), format!("at least {least:.1}x"), verdict)
            }
            Self::Beyond(most) => {
                let beyond = median(|first, second| first - second);
                (
                    format!("{beyond:.1} ns"),
                    format!("at most {most:.0} ns"),
                    verdict(beyond, beyond <= most),
                )
            }
            Self::Time(most) => {
                let time = at(first.iter().copied().flatten(), 50);
                (
                    format!("{time:.1} ns"),
                    format!("at most {most:.0} ns"),
                    verdict(time, time <= most),
                )
            }
            Self::None => {
                let ratio = median(|first, second| first / second);
                (format!("{ratio:.2}x"), "none".to_owned(), "")
            }
        }
    }
}

/// Something on cache lines of its own, as a tracker is by itself.
#[repr(align(128))]
struct Apart<T>(T);

/// The subjects of the measurements.
struct Subjects {
    clock: Arc<dyn Clock>,
    words: [AtomicU64; 3],
    tracker: QuotaTracker,
    two_levels: [QuotaTracker; 2],
    leased: [QuotaTracker; 2],
    exhausted: QuotaTracker,
    governor: Apart<DefaultDirectRateLimiter>,
    other_governor: Apart<DefaultDirectRateLimiter>,
    registry: QuotaRegistry,
    first: ComponentHandle,
    second: ComponentHandle,
}

impl Subjects {
    /// The operations of a round, in their order.
    const NAMES: [&str; 22] = [
        "the coarse clock alone",
        "a compare-and-swap alone",
        "the clock and a compare-and-swap",
        "the clock and three compare-and-swaps",
        "take of one resource",
        "denial",
        "take of three resources at once",
        "take of one resource on two levels",
        "the same, the lower one leased",
        "take of one resource on two levels, exact clock",
        "the same, the lower one leased",
        "governor's check",
        "governor's clock alone",
        "file write through a handle",
        "take through a handle",
        "look-up among 100 components, then take",
        "one thread, one component",
        "two threads, two components",
        "two threads, one component",
        "two threads, one governor",
        "one thread, one governor",
        "two threads, two governors",
    ];

    fn new() -> Result<Self, Box<dyn Error>> {
        let registry = registry(100)?;
        let (first, second) = (registry.lookup("component-17")?, registry.lookup("component-71")?);
        Ok(Self {
            clock: clock(),
            words: Default::default(),
            tracker: tracker(),
            two_levels: [clock(), exact_clock()].map(two_levels),
            leased: [clock(), exact_clock()].map(leased),
            exhausted: exhausted(),
            governor: Apart(governor()),
            other_governor: Apart(governor()),
            registry,
            first,
            second,
        })
    }

    /// Runs a batch of each and returns nanoseconds for each operation.
    ///
    /// An operation that does not do what it is measured for ends the program.
    fn round(&self) -> [Sample; Self::NAMES.len()] {
        let Self {
            clock,
            words,
            tracker,
            two_levels: [two_levels, two_levels_exact],
            leased: [leased, leased_exact],
            exhausted,
            governor,
            other_governor,
            registry,
            first,
            second,
        } = self;
        let (governor, other_governor) = (&governor.0, &other_governor.0);
        // A host function names the resource; what it does not know is how much.
        let one = || black_box(1);
        let peer_clock = DefaultClock::default();
        let epoch = peer_clock.now();
        let take = |of: &ComponentHandle| of.consume(QuotaType::MessageRate(one())).is_ok();
        let take_first = || repeat(THREADED_BATCH, || take(first));
        let take_second = || repeat(THREADED_BATCH, || take(second));
        let check = || repeat(THREADED_BATCH, || governor.check().is_ok());
        let check_other = || repeat(THREADED_BATCH, || other_governor.check().is_ok());
        [
            alone(|| black_box(clock.now_ns()) > 0),
            alone(|| count(&words[0], one())),
            alone(|| black_box(clock.now_ns()) > 0 && count(&words[0], one())),
            alone(|| black_box(clock.now_ns()) > 0 && words.iter().all(|word| count(word, one()))),
            alone(|| tracker.consume(QuotaType::MessageRate(one())).is_ok()),
            alone(|| exhausted.consume(QuotaType::MessageRate(one())).is_err()),
            alone(|| {
                let three = [
                    QuotaType::MessageRate(one()),
                    QuotaType::NetworkBandwidth(one()),
                    QuotaType::CpuTimeMicros(one()),
                ];
                tracker.reserve_all(&three).map(|taken| taken.commit()).is_ok()
            }),
            alone(|| two_levels.consume(QuotaType::MessageRate(one())).is_ok()),
            alone(|| leased.consume(QuotaType::MessageRate(one())).is_ok()),
            alone(|| two_levels_exact.consume(QuotaType::MessageRate(one())).is_ok()),
            alone(|| leased_exact.consume(QuotaType::MessageRate(one())).is_ok()),
            alone(|| governor.check().is_ok()),
            alone(|| black_box(peer_clock.now()) >= epoch),
            alone(|| {
                let quota = QuotaType::Storage(black_box(4_096));
                first
                    .authorize(Permission::FilesystemWrite, black_box(FILE), quota)
                    .map(|granted| granted.commit())
                    .is_ok()
            }),
            alone(|| take(first)),
            alone(|| registry.lookup(black_box("component-17")).is_ok_and(|found| take(&found))),
            together([&take_first]),
            together([&take_first, &take_second]),
            together([&take_first, &take_first]),
            together([&check, &check]),
            together([&check]),
            together([&check, &check_other]),
        ]
    }
}

/// Counts in a word as a rate does, and does nothing else: no count without that.
fn count(word: &AtomicU64, n: u64) -> bool {
    let seen = word.load(Ordering::Relaxed);
    word.compare_exchange(seen, seen + n, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

fn repeat(count: u32, mut operation: impl FnMut() -> bool) {
    for _ in 0..count {
        assert!(operation(), "what is measured did not happen");
    }
}

/// The time of a batch.
struct Span {
    begun: Instant,
    done: Instant,
    /// The time in which its thread had a core.
    on_core: Duration,
}

impl Span {
    fn of(batch: impl FnOnce()) -> Self {
        let (begun, on_core) = (Instant::now(), on_core());
        batch();
        let on_core = self::on_core().saturating_sub(on_core);
        Self { begun, done: Instant::now(), on_core }
    }

    fn time(&self) -> Duration {
        self.done - self.begun
    }

    /// Tells whether the thread had a core all along.
    fn is_whole(&self) -> bool {
        self.on_core.as_secs_f64() > 0.95 * self.time().as_secs_f64()
    }
}

/// Returns how long this thread has had a core.
fn on_core() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Measures a batch on this thread.
fn alone(operation: impl FnMut() -> bool) -> Sample {
    let span = Span::of(|| repeat(BATCH, operation));
    span.is_whole().then(|| per(span.time(), BATCH))
}

/// Measures batches of [`THREADED_BATCH`], each on its thread, from when the first one began to
/// when the last one is done. Those that ran one after another for most of it are left out.
fn together<const THREADS: usize>(batches: [&(dyn Fn() + Sync); THREADS]) -> Sample {
    let awaited = &AtomicUsize::new(THREADS);
    let spans = thread::scope(|scope| {
        let threads = batches.map(|batch| {
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

fn per(time: Duration, operations: u32) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(operations)
}

/// Returns the percentile of `samples`.
fn at(samples: impl Iterator<Item = f64>, percent: usize) -> f64 {
    let mut sorted: Vec<f64> = samples.collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(f64::NAN)
}
