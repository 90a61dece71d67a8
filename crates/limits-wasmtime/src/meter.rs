//! The clock that an execution is held against.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use limits_core::{ResourceLimits, WasmError};

/// How long a guest runs before the runtime gets its thread back.
pub(crate) const SLICE: Duration = Duration::from_micros(250);

/// How long one interval of fuel should last: the driver looks at the clock this often.
const INTERVAL_NS: u64 = 75_000;

/// A poll that lasts longer is looked into: was it the guest, or did the system run others?
pub(crate) const SUSPICIOUS: Duration = Duration::from_micros(300);

/// Fuel between two looks at the clock, before anything is known about the guest.
const FIRST_INTERVAL: u64 = 20_000;

/// The most fuel between two looks at the clock. Bounds what a guest can win by running cheap
/// instructions until it is trusted with long intervals and expensive ones after that.
const MOST_INTERVAL: u64 = 50_000;

/// The least fuel between two looks at the clock.
const LEAST_INTERVAL: u64 = 1_000;

/// What one unit of fuel is assumed to cost at worst: twice what a load takes that misses every
/// cache and the TLB (240 ns measured).
const WORST_NS_PER_FUEL: u64 = 512;

/// How long a guest that was seen to be expensive is still taken for it, as the time in which its
/// price falls to a third.
const MEMORY_NS: u64 = 100_000_000;

/// Prices are kept in nanoseconds for this much fuel.
const PRICED: u64 = 1_024;

/// What the driver and the call hook of one execution tell each other.
///
/// Both run in the same task, one inside the other's poll, so relaxed atomics are enough: the
/// runtime orders the task's polls when it moves between threads.
#[derive(Debug)]
pub(crate) struct Turn {
    start: Instant,
    /// When the runtime gave us the thread, in nanoseconds since `start`.
    began: AtomicU64,
    /// How long the guest ran in all its polls but the present one, in nanoseconds.
    ran: AtomicU64,
    /// The guest comes back from a yield of its own accord, which is how a used-up interval shows.
    yielded: AtomicBool,
    /// The hook wants the thread to go back to the runtime.
    parked: AtomicBool,
}

impl Turn {
    fn new(start: Instant) -> Self {
        Self {
            start,
            began: AtomicU64::new(0),
            ran: AtomicU64::new(0),
            yielded: AtomicBool::new(false),
            parked: AtomicBool::new(false),
        }
    }

    /// Reads the clock. Together with [`Meter::arm`] the only place that does.
    #[expect(clippy::unused_self, reason = "ties reading the clock to an armed execution")]
    pub(crate) fn now(&self) -> Instant {
        Instant::now()
    }

    /// Returns the time since the execution was armed.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(self.start)
    }

    /// Returns the CPU time of this thread, where the system tells; it costs ten times a look at
    /// the clock.
    #[cfg(target_os = "linux")]
    #[expect(clippy::unused_self, reason = "as for `now`")]
    pub(crate) fn thread_time(&self) -> Option<Duration> {
        use rustix::time::{ClockId, clock_gettime};
        Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "as for `now`")]
    pub(crate) const fn thread_time(&self) -> Option<Duration> {
        None
    }

    fn since_start(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.start))
    }

    pub(crate) fn begin(&self, now: Instant) {
        self.began.store(self.since_start(now), Ordering::Relaxed);
    }

    fn is_over(&self, now: Instant) -> bool {
        let began = self.began.load(Ordering::Relaxed);
        self.since_start(now).saturating_sub(began) >= nanos(SLICE)
    }

    /// Notes that the guest ran for `ran` in a poll and whether the guest yielded at its end.
    pub(crate) fn note_poll(&self, ran: Duration, yielded: bool) {
        self.ran.fetch_add(nanos(ran), Ordering::Relaxed);
        self.yielded.store(yielded, Ordering::Relaxed);
    }

    /// Tells whether the guest comes back from a yield, and forgets.
    fn take_yielded(&self) -> bool {
        self.yielded.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn park(&self) {
        self.parked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_parked(&self) -> bool {
        self.parked.swap(false, Ordering::Relaxed)
    }
}

/// One execution's fuel and deadline, as seen from inside the store.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    turn: Arc<Turn>,
    deadline: Option<Instant>,
    max_fuel: u64,
    interval: u64,
    /// The highest price seen of late, in nanoseconds for [`PRICED`] units.
    price: u64,
    /// Fuel in the store and time run when the price was last computed.
    mark: (u64, u64),
    /// Fuel left when the guest last called out, less what was charged since.
    fuel_left: u64,
    /// Fuel that host functions charged and that is not yet taken from the store.
    charged: u64,
    /// Whether code of the guest has run.
    entered: bool,
}

/// What the hook is to do before the guest runs on.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Continue,
    /// Give the thread back to the runtime first.
    Park,
    Expired,
}

impl Meter {
    /// Starts an execution: fresh fuel, fresh deadline.
    pub(crate) fn arm(&mut self, limits: &ResourceLimits) -> (Arc<Turn>, Option<Instant>) {
        let start = Instant::now();
        let allowed = Duration::from_millis(limits.execution_timeout_ms());
        let deadline = start.checked_add(allowed);
        let turn = Arc::new(Turn::new(start));
        let max_fuel = limits.max_fuel_per_execution();
        self.run = Some(Run {
            turn: Arc::clone(&turn),
            deadline,
            max_fuel,
            interval: cap(FIRST_INTERVAL, Some(nanos(allowed))),
            price: 0,
            mark: (max_fuel, 0),
            fuel_left: max_fuel,
            charged: 0,
            entered: false,
        });
        (turn, deadline)
    }

    /// Notes that code of the guest is about to run.
    pub(crate) const fn note_entry(&mut self) {
        if let Some(run) = &mut self.run {
            run.entered = true;
        }
    }

    /// Tells whether code of the guest has run.
    pub(crate) fn is_entered(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.entered)
    }

    /// Returns the fuel that the guest may burn between two looks at the clock.
    pub(crate) fn interval(&self) -> u64 {
        self.run.as_ref().map_or(LEAST_INTERVAL, |run| run.interval)
    }

    /// Notes the fuel that is left as the guest calls out.
    pub(crate) const fn note_fuel(&mut self, left: u64) {
        if let Some(run) = &mut self.run {
            run.fuel_left = left;
        }
    }

    pub(crate) fn fuel_left(&self) -> u64 {
        self.run.as_ref().map_or(0, |run| run.fuel_left)
    }

    pub(crate) fn time_left(&self) -> Option<Duration> {
        let run = self.run.as_ref()?;
        run.deadline.map(|deadline| deadline.saturating_duration_since(run.turn.now()))
    }

    /// Takes `units` of fuel for work that the host does on the guest's behalf.
    pub(crate) const fn charge(&mut self, units: u64) -> Result<(), WasmError> {
        let Some(run) = &mut self.run else {
            return Err(WasmError::OutOfFuel { max_fuel: 0, consumed: units });
        };
        run.charged = run.charged.saturating_add(units);
        match run.fuel_left.checked_sub(units) {
            Some(left) => {
                run.fuel_left = left;
                Ok(())
            }
            None => {
                run.fuel_left = 0;
                Err(WasmError::OutOfFuel { max_fuel: run.max_fuel, consumed: run.max_fuel })
            }
        }
    }

    /// Returns the fuel charged by host functions since the last call, and forgets it.
    pub(crate) const fn take_charge(&mut self) -> u64 {
        match &mut self.run {
            Some(run) => {
                let charged = core::mem::replace(&mut run.charged, 0);
                // Fuel that took the guest no time must not make its own fuel look cheap.
                run.mark.0 = run.mark.0.saturating_sub(charged);
                charged
            }
            None => 0,
        }
    }

    /// Looks at the clock as the guest is about to run on.
    pub(crate) fn check(&self) -> Verdict {
        let Some(run) = &self.run else {
            // A store that nobody armed has no time.
            return Verdict::Expired;
        };
        let now = run.turn.now();
        if run.deadline.is_some_and(|deadline| now >= deadline) {
            Verdict::Expired
        } else if run.turn.is_over(now) {
            Verdict::Park
        } else {
            Verdict::Continue
        }
    }

    /// Marks the thread as wanted back by the runtime.
    pub(crate) fn park(&self) {
        if let Some(run) = &self.run {
            run.turn.park();
        }
    }

    /// If the guest comes back from a yield, with `fuel` left in the store, returns the interval to
    /// go on with where it differs enough from the present one to be worth setting.
    pub(crate) fn steer(&mut self, fuel: u64) -> Option<u64> {
        let run = self.run.as_mut()?;
        if !run.turn.take_yielded() {
            return None;
        }
        let ran = run.turn.ran.load(Ordering::Relaxed);
        let burnt = run.mark.0.saturating_sub(fuel);
        let took = ran.saturating_sub(run.mark.1);
        run.mark = (fuel, ran);
        run.price = price(run.price, burnt, took);
        let left = run.deadline.map(|d| nanos(d.saturating_duration_since(run.turn.now())));
        let next = next_interval(run.interval, run.price, left);
        if next.abs_diff(run.interval) <= run.interval / 8 {
            return None;
        }
        run.interval = next;
        Some(next)
    }

    /// Forgets a yield: something other than its return came first.
    pub(crate) fn forget_yield(&self) {
        if let Some(run) = &self.run {
            let _ = run.turn.take_yielded();
        }
    }
}

/// Returns the price to reckon with after `burnt` units of fuel took `took` nanoseconds: that of the
/// present, or that of the past as far as it is remembered.
///
/// Without the memory a guest could win long intervals by a moment of cheap code, again and again.
fn price(past: u64, burnt: u64, took: u64) -> u64 {
    let present = took.saturating_mul(PRICED) / burnt.max(1);
    let faded = u128::from(past) * u128::from(took.min(MEMORY_NS)) / u128::from(MEMORY_NS);
    let remembered = past.saturating_sub(u64::try_from(faded).unwrap_or(past));
    present.max(remembered).max(1)
}

/// Returns the fuel to burn until the next look at the clock, with fuel at `price` and `left`
/// nanoseconds to the deadline.
///
/// Aims at [`INTERVAL_NS`], trusts a cheap guest only step by step, and comes down as the
/// deadline comes near so that even the most expensive instructions cannot carry the guest far
/// past it. Since the interval shrinks with the time that is left, that costs a number of looks
/// that grows with the logarithm of the timeout.
fn next_interval(interval: u64, price: u64, left: Option<u64>) -> u64 {
    let ideal = INTERVAL_NS * PRICED / price.max(1);
    cap(ideal.min(interval.saturating_mul(2)), left)
}

fn cap(interval: u64, left: Option<u64>) -> u64 {
    let affordable = left.map_or(MOST_INTERVAL, |left| left / WORST_NS_PER_FUEL);
    interval.min(affordable).clamp(LEAST_INTERVAL, MOST_INTERVAL)
}

/// Returns `duration` in nanoseconds; what does not fit into 584 years is 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{
        INTERVAL_NS, LEAST_INTERVAL, MOST_INTERVAL, Meter, PRICED, SLICE, Turn, Verdict,
        WORST_NS_PER_FUEL, next_interval, price,
    };
    use core::time::Duration;
    use limits_core::ResourceLimits;
    use proptest::prelude::*;
    use std::time::Instant;

    fn armed(max_fuel: u64, timeout_ms: u64) -> Meter {
        let limits = ResourceLimits::builder().memory_bytes(0).max_fuel(max_fuel);
        let mut meter = Meter::default();
        let _ = meter.arm(&limits.execution_timeout_ms(timeout_ms).build().unwrap());
        meter
    }

    /// Nanoseconds for `PRICED` units at `ns` a unit.
    const fn at(ns: u64) -> u64 {
        ns * PRICED
    }

    #[test]
    fn a_guest_that_is_expensive_is_looked_at_sooner() {
        assert_eq!(next_interval(50_000, at(10), None), INTERVAL_NS / 10);
        assert_eq!(next_interval(50_000, at(100_000), None), LEAST_INTERVAL);
    }

    #[test]
    fn a_cheap_guest_is_trusted_step_by_step() {
        assert_eq!(next_interval(5_000, 1, None), 10_000);
        assert_eq!(next_interval(40_000, 1, None), MOST_INTERVAL);
    }

    #[test]
    fn an_expensive_moment_is_remembered_for_a_while() {
        let expensive = price(1, 1_000, 240_000);
        assert_eq!(expensive, at(240));
        // A millisecond of cheap code, and it is still taken for expensive.
        let soon = price(expensive, 3_000_000, 1_000_000);
        assert!(soon > at(230), "{soon}");
        // A second of it, and it is trusted again.
        let mut later = soon;
        for _ in 0..1_000 {
            later = price(later, 3_000_000, 1_000_000);
        }
        assert!(later < at(1), "{later}");
    }

    #[test]
    fn a_slice_is_over_after_its_whole_length() {
        let start = Instant::now();
        let turn = Turn::new(start);
        let began = start + Duration::from_millis(7);
        turn.begin(began);
        assert!(!turn.is_over(began));
        assert!(!turn.is_over(began + SLICE - Duration::from_nanos(1)));
        assert!(turn.is_over(began + SLICE));
    }

    #[test]
    fn the_longest_timeout_has_no_deadline_and_does_not_panic() {
        let meter = armed(1, u64::MAX);
        assert_eq!(meter.check(), Verdict::Continue);
    }

    #[test]
    fn no_time_left_is_expired() {
        assert_eq!(armed(1, 0).check(), Verdict::Expired);
        assert_eq!(armed(1, 0).time_left(), Some(Duration::ZERO));
    }

    #[test]
    fn a_charge_past_the_fuel_is_refused_and_still_taken() {
        let mut meter = armed(100, 1_000);
        assert!(meter.charge(60).is_ok());
        assert_eq!(meter.fuel_left(), 40);
        assert_eq!(
            meter.charge(41).unwrap_err().to_string(),
            "out of fuel: 100 of 100 fuel (100.0 %)"
        );
        assert_eq!(meter.take_charge(), 101);
        assert_eq!(meter.take_charge(), 0);
    }

    #[test]
    fn an_unarmed_meter_has_nothing_to_give() {
        let mut meter = Meter::default();
        assert_eq!((meter.fuel_left(), meter.time_left()), (0, None));
        assert!(meter.charge(1).is_err());
        assert_eq!(meter.check(), Verdict::Expired);
    }

    proptest! {
        #[test]
        fn an_interval_keeps_its_bounds_and_the_deadline(
            interval in LEAST_INTERVAL..=MOST_INTERVAL,
            price in any::<u64>(),
            left in any::<Option<u64>>(),
        ) {
            let next = next_interval(interval, price, left);
            prop_assert!((LEAST_INTERVAL..=MOST_INTERVAL).contains(&next));
            prop_assert!(next <= (interval * 2).max(LEAST_INTERVAL));
            if let Some(left) = left {
                let worst = next * WORST_NS_PER_FUEL;
                prop_assert!(worst <= left.max(LEAST_INTERVAL * WORST_NS_PER_FUEL));
            }
        }

        #[test]
        fn a_price_is_never_below_what_was_just_seen(
            past in any::<u64>(), burnt in any::<u64>(), took in any::<u64>(),
        ) {
            let now = price(past, burnt, took);
            prop_assert!(now >= took.saturating_mul(PRICED) / burnt.max(1));
            prop_assert!(now <= past.max(took.saturating_mul(PRICED) / burnt.max(1)).max(1));
        }
    }
}
