//! One operation on one thread or two, beside the least that is possible and `governor`.

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use ::governor::DefaultDirectRateLimiter;
use ::governor::clock::{Clock as _, DefaultClock};
use bench_report::{Report, Row, Target};
use limits_core::{Clock, Permission, QuotaTracker, QuotaType};
use quota_enforce::{ComponentHandle, EnforceError};

use crate::batch::{Interleaved, Measured, threaded};
use crate::{
    FILE, both_leased, clock, exact_clock, exhausted, governor, leased, quota, registry, tracker,
    two_levels,
};

const GROUP: &str = "quotas: one operation";
const THREADS: &str = "quotas: two threads";

/// Something on cache lines of its own, as a tracker is by itself.
#[repr(align(128))]
struct Apart<T>(T);

/// The least that a take can cost: a reading of the clock, and a swap for each rate and level.
struct Floor {
    clock: Arc<dyn Clock>,
    words: Apart<[AtomicU64; 6]>,
    levels: [Apart<Level>; 2],
}

/// A level whose rates have a limit and windows of a second, and nothing else.
struct Level {
    rates: [AtomicU64; 3],
    limit: AtomicU64,
    period: u64,
    use_bits: u32,
}

/// Trackers, each with the same quota.
struct Trackers {
    one: QuotaTracker,
    exhausted: QuotaTracker,
    full_host: QuotaTracker,
    two_levels: QuotaTracker,
    leased: QuotaTracker,
    both_leased: QuotaTracker,
    two_levels_exact: QuotaTracker,
    leased_exact: QuotaTracker,
}

/// Measures all operations in so many rounds, and adds their rows.
///
/// # Errors
///
/// None, as long as the components can be registered.
pub fn report(rounds: usize, report: &mut Report) -> Result<(), EnforceError> {
    let floor = Floor {
        clock: clock(),
        words: Apart(Default::default()),
        levels: [Apart(Level::new()), Apart(Level::new())],
    };
    let trackers = Trackers {
        one: tracker(),
        exhausted: exhausted(),
        full_host: QuotaTracker::with_parent(quota(), Arc::new(exhausted())),
        two_levels: two_levels(clock()),
        leased: leased(clock()),
        both_leased: both_leased(clock()),
        two_levels_exact: two_levels(exact_clock()),
        leased_exact: leased(exact_clock()),
    };
    let registry = registry(100)?;
    let (first, second) = (registry.lookup("component-17")?, registry.lookup("component-71")?);
    let governors = [Apart(governor()), Apart(governor())];
    let peer_clock = DefaultClock::default();
    let epoch = peer_clock.now();
    let take_first = || threaded(|| take(&first));
    let take_second = || threaded(|| take(&second));
    let [check_first, check_second] =
        governors.each_ref().map(|governor| || threaded(|| check(governor)));
    let mut all = Interleaved::default();
    floor.add_to(&mut all);
    trackers.add_to(&mut all);
    all.alone("governor", || check(&governors[0]));
    all.alone("governor's clock", || black_box(peer_clock.now()) >= epoch);
    all.alone("file write", || {
        let quota = QuotaType::Storage(black_box(4_096));
        let granted = first.authorize(Permission::FilesystemWrite, black_box(FILE), quota);
        granted.map(|granted| granted.commit()).is_ok()
    });
    all.alone("take by handle", || take(&first));
    all.alone("look-up and take", || {
        registry.lookup(black_box("component-17")).is_ok_and(|found| take(&found))
    });
    all.together("one thread", [&take_first]);
    all.together("two components", [&take_first, &take_second]);
    all.together("one component", [&take_first, &take_first]);
    all.together("one thread of governor", [&check_first]);
    all.together("two governors", [&check_first, &check_second]);
    all.together("one governor", [&check_first, &check_first]);
    let measured = all.run(rounds);
    rows(&measured).into_iter().chain(rows_of_threads(&measured)).for_each(|row| report.row(row));
    for (name, counted) in measured.doubtful() {
        eprintln!("{name}: only {counted} batches had their cores");
    }
    Ok(())
}

impl Floor {
    fn add_to<'a>(&'a self, all: &mut Interleaved<'a>) {
        let Self { clock, words: Apart(words), levels: [Apart(upper), Apart(lower)] } = self;
        all.alone("clock", || black_box(clock.now_ns()) > 0);
        all.alone("swap", || count(&words[0]));
        all.alone("clock and swap", || black_box(clock.now_ns()) > 0 && count(&words[0]));
        all.alone("clock and two swaps", || {
            black_box(clock.now_ns()) > 0 && words[..2].iter().all(count)
        });
        all.alone("clock and three swaps", || {
            black_box(clock.now_ns()) > 0 && words[..3].iter().all(count)
        });
        all.alone("clock and six swaps", || {
            black_box(clock.now_ns()) > 0 && words.iter().all(count)
        });
        all.alone("two swaps that fit", move || {
            let now = clock.now_ns();
            let (above, here) = (upper.planned(0, now), lower.planned(0, now));
            upper.swap(0, above) && lower.swap(0, here)
        });
        all.alone("three swaps that fit", move || {
            let now = clock.now_ns();
            let words = [0, 1, 2].map(|rate| lower.planned(rate, now));
            [0, 1, 2].into_iter().zip(words).all(|(rate, word)| lower.swap(rate, word))
        });
    }
}

impl Level {
    const fn new() -> Self {
        Self {
            rates: [const { AtomicU64::new(0) }; 3],
            limit: AtomicU64::new(u64::MAX >> 30),
            period: 1_000_000_000,
            use_bits: 35,
        }
    }

    /// Returns the word of a rate, in the window of `now` and with room for one unit.
    #[inline(always)]
    fn planned(&self, rate: usize, now: u64) -> u64 {
        let word = self.rates[rate].load(Ordering::Relaxed);
        let window = word >> self.use_bits;
        let used = word - (window << self.use_bits);
        let goes_on = now.wrapping_sub(window.wrapping_mul(self.period)) < self.period;
        if goes_on && black_box(1) <= self.limit.load(Ordering::Acquire).saturating_sub(used) {
            word
        } else {
            self.roll(rate, now)
        }
    }

    #[cold]
    fn roll(&self, rate: usize, now: u64) -> u64 {
        let word = (now / self.period) << self.use_bits;
        self.rates[rate].store(word, Ordering::Relaxed);
        word
    }

    #[inline(always)]
    fn swap(&self, rate: usize, word: u64) -> bool {
        let next = word + black_box(1);
        self.rates[rate].compare_exchange(word, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Trackers {
    fn add_to<'a>(&'a self, all: &mut Interleaved<'a>) {
        let Self {
            one: tracker,
            exhausted,
            full_host,
            two_levels,
            leased,
            both_leased,
            two_levels_exact,
            leased_exact,
        } = self;
        // A host function names the resource; what it does not know is how much.
        let message = || QuotaType::MessageRate(black_box(1));
        let three = || {
            let one = || black_box(1);
            [
                QuotaType::MessageRate(one()),
                QuotaType::NetworkBandwidth(one()),
                QuotaType::CpuTimeMicros(one()),
            ]
        };
        all.alone("take", move || tracker.consume(message()).is_ok());
        all.alone("denial", move || exhausted.consume(message()).is_err());
        all.alone("peek", move || tracker.peek(message()).is_ok());
        all.alone("refund", move || tracker.reserve(message()).is_ok());
        all.alone("charge", move || tracker.charge(message()) == 0);
        all.alone("take of a total", move || {
            tracker.consume(QuotaType::Memory(black_box(1))).is_ok()
                && tracker.release(QuotaType::Memory(black_box(1))) == 1
        });
        all.alone("three rates", move || {
            tracker.reserve_all(&three()).map(|taken| taken.commit()).is_ok()
        });
        all.alone("two levels", move || two_levels.consume(message()).is_ok());
        all.alone("denial, two levels", move || full_host.consume(message()).is_err());
        all.alone("peek, two levels", move || two_levels.peek(message()).is_ok());
        all.alone("refund, two levels", move || two_levels.reserve(message()).is_ok());
        all.alone("three rates, two levels", move || {
            two_levels.reserve_all(&three()).map(|taken| taken.commit()).is_ok()
        });
        all.alone("leased", move || leased.consume(message()).is_ok());
        all.alone("both leased", move || both_leased.consume(message()).is_ok());
        all.alone("two levels, exact clock", move || two_levels_exact.consume(message()).is_ok());
        all.alone("leased, exact clock", move || leased_exact.consume(message()).is_ok());
    }
}

fn rows(measured: &Measured) -> Vec<Row> {
    let compared = |title, ours, peer| measured.compared(GROUP, title, ours, peer);
    let median = |name| measured.median(name);
    let row = |title, name| Row { name: String::from(title), ..measured.row(GROUP, name) };
    let (one, two) = (median("clock and swap"), median("clock and two swaps"));
    let six = median("clock and six swaps");
    vec![
        compared("take of one rate / governor", "take", "governor")
            .least(one)
            .target(Target::Ratio(0.5)),
        compared("take of one rate / its floor", "take", "clock and swap").least(one),
        compared("denial", "denial", "clock").target(Target::Beyond(2.0)),
        row("denial by the level above", "denial, two levels").least(median("clock")),
        row("peek", "peek").least(median("clock")),
        row("peek on two levels", "peek, two levels").least(median("clock")),
        row("reserve and drop", "refund").least(two),
        row("reserve and drop on two levels", "refund, two levels")
            .least(median("clock and six swaps") - 2.0 * median("swap")),
        row("charge", "charge").least(one),
        row("take and release of a total", "take of a total").least(two - median("clock")),
        compared("three rates at once", "three rates", "clock and three swaps")
            .least(median("three swaps that fit"))
            .target(Target::Ratio(1.1)),
        compared("three rates at once / governor", "three rates", "governor")
            .least(median("three swaps that fit"))
            .target(Target::Ratio(0.9)),
        compared("one rate on two levels", "two levels", "clock and two swaps")
            .least(median("two swaps that fit"))
            .target(Target::Ratio(1.1)),
        compared("three rates on two levels", "three rates, two levels", "clock and six swaps")
            .least(six),
        compared("one rate on a leased level and a plain one", "leased", "two levels")
            .least(two)
            .target(Target::Ratio(1.2)),
        compared("the same, exact clock", "leased, exact clock", "two levels, exact clock")
            .target(Target::Ratio(1.2)),
        compared("one rate on two leased levels", "both leased", "two levels")
            .least(two)
            .target(Target::Ratio(1.3)),
        row("file write: capability, quota, commit", "file write").target(Target::Most(150.0)),
        compared("take through a handle", "take by handle", "take").least(one),
        compared("look-up among 100, then take", "look-up and take", "take by handle"),
        compared("governor", "governor", "governor's clock"),
    ]
}

fn rows_of_threads(measured: &Measured) -> Vec<Row> {
    let throughput = |title, ours, peer| {
        let time = measured.compared(THREADS, title, ours, peer);
        let millions = |ns: Option<f64>| ns.map(|ns| 1e3 / ns);
        Row {
            unit: String::from("M/s"),
            ours: millions(time.ours),
            peer: millions(time.peer),
            ratio: time.ratio.map(f64::recip),
            ..time
        }
    };
    vec![
        throughput("two threads, two components", "two components", "one thread")
            .target(Target::Speedup(1.8)),
        throughput("two threads, two governors", "two governors", "one thread of governor"),
        throughput("two threads, one component", "one component", "one governor")
            .target(Target::Speedup(1.0)),
    ]
}

/// Counts in a word as a rate does, and does nothing else: no count without that.
#[inline(always)]
pub(crate) fn count(word: &AtomicU64) -> bool {
    let seen = word.load(Ordering::Relaxed);
    let next = seen + black_box(1);
    word.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Takes a message through a handle.
#[inline(always)]
pub(crate) fn take(handle: &ComponentHandle) -> bool {
    handle.consume(QuotaType::MessageRate(black_box(1))).is_ok()
}

fn check(governor: &Apart<DefaultDirectRateLimiter>) -> bool {
    governor.0.check().is_ok()
}
