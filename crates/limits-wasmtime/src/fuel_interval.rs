//! The fuel that a guest burns between two looks at the clock, steered by what fuel costs it.

use core::time::Duration;

use crate::moment::nanos;

/// Time that one interval of fuel should last: the driver reads the clock this often.
pub(crate) const INTERVAL: Duration = Duration::from_micros(75);

/// The first interval, before anything is known about the guest.
const FIRST_INTERVAL: u64 = 20_000;

/// The longest interval, unless the host chooses another. Bounds the gain of a guest that runs
/// cheap instructions until it is trusted with long intervals and expensive ones after that.
pub(crate) const LONGEST_INTERVAL: u64 = 50_000;

/// The shortest interval.
pub(crate) const LEAST_INTERVAL: u64 = 1_000;

/// The price that one unit of fuel is assumed to have at worst: twice that of a load that misses
/// every cache and the TLB (240 ns measured).
const WORST_NS_PER_FUEL: u64 = 512;

/// Decay constant of the remembered price: it falls to 1/e in this time.
const PRICE_DECAY_NS: u64 = 100_000_000;

/// Prices are in nanoseconds for this much fuel.
const PRICE_UNIT: u64 = 1_024;

/// The highest price: 4 ms for a unit of fuel. From 75 ns on the interval is the shortest.
const MOST_PRICE: u64 = 1 << 32;

/// The interval of one execution, and the price of its fuel.
#[derive(Debug)]
pub(crate) struct FuelInterval {
    interval: u64,
    longest: u64,
    /// The highest price seen of late, from the second interval on.
    price: Option<u64>,
    /// Fuel in the store and time run, in nanoseconds, when the price was last computed.
    mark: (u64, u64),
}

impl FuelInterval {
    /// Returns the interval for the start of an execution with so much fuel and time, which is
    /// never above `longest`.
    #[inline]
    pub(crate) fn start(max_fuel: u64, timeout_nanos: u64, longest: u64) -> Self {
        let interval = cap(FIRST_INTERVAL, longest, Some(timeout_nanos));
        Self { interval, longest, price: None, mark: (max_fuel, 0) }
    }

    #[inline]
    pub(crate) const fn get(&self) -> u64 {
        self.interval
    }

    /// Tells whether an interval is burnt since the last one was steered, with `fuel` in the store.
    #[inline]
    pub(crate) const fn is_over(&self, fuel: u64) -> bool {
        self.mark.0.saturating_sub(fuel) >= self.interval
    }

    /// Leaves fuel out of the price that a host function charged: it took the guest no time, and
    /// must not make the guest's own fuel look cheap.
    #[inline]
    pub(crate) const fn skip(&mut self, charged: u64) {
        self.mark.0 = self.mark.0.saturating_sub(charged);
    }

    /// Shortens an interval that could carry the guest far past a deadline which is `left`
    /// nanoseconds away. Returns the new one if it is shorter.
    #[inline]
    pub(crate) fn approach(&mut self, left: Option<u64>) -> Option<u64> {
        let next = cap(self.interval, self.longest, left);
        (next < self.interval).then(|| {
            self.interval = next;
            next
        })
    }

    /// Steers the interval at its end: with `fuel` in the store, after the guest ran for `ran`
    /// nanoseconds in all, with `left` nanoseconds to the deadline. Returns the new interval where
    /// it differs enough from the present one to be worth setting.
    ///
    /// The first interval has no price: the time up to its end is in part that of instantiation.
    pub(crate) fn steer(&mut self, fuel: u64, ran: u64, left: Option<u64>) -> Option<u64> {
        let burnt = self.mark.0.saturating_sub(fuel);
        let took = ran.saturating_sub(self.mark.1);
        self.mark = (fuel, ran);
        let Some(past) = self.price else {
            self.price = Some(0);
            return None;
        };
        let price = price(past, burnt, took);
        self.price = Some(price);
        let next = next_interval(self.interval, self.longest, price, left);
        if next.abs_diff(self.interval) <= self.interval / 8 {
            return None;
        }
        self.interval = next;
        Some(next)
    }
}

/// Returns the price to expect after `burnt` units of fuel took `took` nanoseconds: the present
/// one, or the past one as far as it is remembered.
///
/// Without the memory a guest could win long intervals by a moment of cheap code, again and again.
fn price(past: u64, burnt: u64, took: u64) -> u64 {
    let present = took.saturating_mul(PRICE_UNIT) / burnt.max(1);
    // No price is so high that this could overflow in the time in which it fades.
    let faded = past.saturating_mul(took.min(PRICE_DECAY_NS)) / PRICE_DECAY_NS;
    let remembered = past.saturating_sub(faded);
    present.max(remembered).clamp(1, MOST_PRICE)
}

/// Returns the next interval, with fuel at `price` and `left` nanoseconds to the deadline.
///
/// Aims at [`INTERVAL`], trusts a cheap guest only step by step, and shrinks as the deadline
/// comes near, so that even the most expensive instructions cannot carry the guest far past it.
/// That costs a number of looks at the clock that grows with the logarithm of the timeout.
fn next_interval(interval: u64, longest: u64, price: u64, left: Option<u64>) -> u64 {
    let ideal = nanos(INTERVAL) * PRICE_UNIT / price.max(1);
    cap(ideal.min(interval.saturating_mul(2)), longest, left)
}

#[inline]
fn cap(interval: u64, longest: u64, left: Option<u64>) -> u64 {
    let affordable = left.map_or(u64::MAX, |left| left / WORST_NS_PER_FUEL);
    interval.min(affordable).min(longest).max(LEAST_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::{
        FuelInterval, INTERVAL, LEAST_INTERVAL, LONGEST_INTERVAL, MOST_PRICE, PRICE_DECAY_NS,
        PRICE_UNIT, WORST_NS_PER_FUEL, next_interval, price,
    };
    use crate::moment::nanos;
    use core::time::Duration;
    use proptest::prelude::*;

    /// Nanoseconds for `PRICE_UNIT` units at `ns` a unit.
    const fn at(ns: u64) -> u64 {
        ns * PRICE_UNIT
    }

    #[test]
    fn the_clock_is_read_sooner_for_an_expensive_guest() {
        let longest = LONGEST_INTERVAL;
        assert_eq!(next_interval(50_000, longest, at(10), None), nanos(INTERVAL) / 10);
        assert_eq!(next_interval(50_000, longest, at(100_000), None), LEAST_INTERVAL);
    }

    #[test]
    fn a_guest_that_is_entered_near_its_deadline_has_a_short_interval_from_the_start() {
        let mut interval = FuelInterval::start(u64::MAX, 1_000_000_000, LONGEST_INTERVAL);
        let first = interval.get();
        assert_eq!(interval.approach(None), None);
        assert_eq!(interval.approach(Some(1_000_000_000)), None);
        let near = 2_000_000 / WORST_NS_PER_FUEL;
        assert_eq!(interval.approach(Some(2_000_000)), Some(near));
        assert_eq!((interval.get(), interval.approach(Some(2_000_000))), (near, None));
        assert!(near < first);
        assert_eq!(interval.approach(Some(0)), Some(LEAST_INTERVAL));
    }

    #[test]
    fn a_cheap_guest_is_trusted_step_by_step() {
        assert_eq!(next_interval(5_000, LONGEST_INTERVAL, 1, None), 10_000);
        assert_eq!(next_interval(40_000, LONGEST_INTERVAL, 1, None), LONGEST_INTERVAL);
    }

    /// A guest of 8 units a nanosecond, on a host that allows long intervals: up to 75 us.
    #[test]
    fn a_host_may_allow_longer_intervals_than_the_default() {
        for (longest, reached) in [(1_000_000, 600_000), (300_000, 300_000)] {
            let timeout = Duration::from_secs(60);
            let mut interval = FuelInterval::start(u64::MAX, nanos(timeout), longest);
            let (mut fuel, mut ran) = (u64::MAX, 0);
            for _ in 0..20 {
                fuel -= interval.get();
                ran += interval.get() / 8;
                let _ = interval.steer(fuel, ran, Some(nanos(timeout)));
            }
            assert_eq!(interval.get(), reached);
        }
    }

    /// An execution whose instantiation takes 1 ms, and whose guest burns 10 units in a nanosecond.
    #[test]
    fn instantiation_does_not_make_fuel_look_expensive() {
        let timeout = Duration::from_secs(60);
        let mut interval = FuelInterval::start(u64::MAX, nanos(timeout), LONGEST_INTERVAL);
        let (mut fuel, mut ran) = (u64::MAX, 1_000_000);
        for _ in 0..4 {
            fuel -= interval.get();
            ran += interval.get() / 10;
            let _ = interval.steer(fuel, ran, Some(nanos(timeout)));
        }
        assert_eq!(interval.get(), LONGEST_INTERVAL);
    }

    #[test]
    fn an_expensive_moment_is_remembered_for_a_while() {
        let expensive = price(1, 1_000, 240_000);
        assert_eq!(expensive, at(240));
        // A millisecond of cheap code, and it still counts as expensive.
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
    fn the_price_of_a_stall_of_hours_is_forgotten_as_any_other() {
        let stalled = price(1, 1, u64::MAX);
        assert_eq!(stalled, MOST_PRICE);
        assert_eq!(price(stalled, u64::MAX, PRICE_DECAY_NS), 1);
        assert_eq!(price(stalled, u64::MAX, PRICE_DECAY_NS / 2), MOST_PRICE / 2);
    }

    proptest! {
        #[test]
        fn an_interval_keeps_its_bounds_and_the_deadline(
            interval in any::<u64>(),
            longest in any::<u64>(),
            price in any::<u64>(),
            left in any::<Option<u64>>(),
        ) {
            let next = next_interval(interval, longest, price, left);
            prop_assert!((LEAST_INTERVAL..=longest.max(LEAST_INTERVAL)).contains(&next));
            prop_assert!(next <= interval.saturating_mul(2).max(LEAST_INTERVAL));
            if let Some(left) = left {
                let worst = next.saturating_mul(WORST_NS_PER_FUEL);
                prop_assert!(worst <= left.max(LEAST_INTERVAL * WORST_NS_PER_FUEL));
            }
        }

        #[test]
        fn a_price_is_never_below_what_was_just_seen(
            past in 1..=MOST_PRICE, burnt in 0..200_000_u64, took in 0..=2 * PRICE_DECAY_NS,
        ) {
            let now = price(past, burnt, took);
            let seen = (took.saturating_mul(PRICE_UNIT) / burnt.max(1)).min(MOST_PRICE);
            prop_assert!(now >= seen);
            prop_assert!(now <= past.max(seen));
            let kept = u128::from(PRICE_DECAY_NS.saturating_sub(took));
            prop_assert!(u128::from(now) * u128::from(PRICE_DECAY_NS) >= u128::from(past) * kept);
        }
    }
}
