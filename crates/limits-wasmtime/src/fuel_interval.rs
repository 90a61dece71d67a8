//! The fuel that a guest burns between two looks at the clock, steered by what fuel costs it.

use core::time::Duration;

use crate::slice_clock::nanos;

/// Time that one interval of fuel should last: the driver reads the clock this often.
const INTERVAL_NS: u64 = 75_000;

/// The first interval, before anything is known about the guest.
const FIRST_INTERVAL: u64 = 20_000;

/// The longest interval. Bounds the gain of a guest that runs cheap instructions until it is
/// trusted with long intervals and expensive ones after that.
const MOST_INTERVAL: u64 = 50_000;

/// The shortest interval.
pub(crate) const LEAST_INTERVAL: u64 = 1_000;

/// The price that one unit of fuel is assumed to have at worst: twice that of a load that misses
/// every cache and the TLB (240 ns measured).
const WORST_NS_PER_FUEL: u64 = 512;

/// Decay constant of the remembered price: it falls to 1/e in this time.
const PRICE_DECAY_NS: u64 = 100_000_000;

/// Prices are in nanoseconds for this much fuel.
const PRICE_UNIT: u64 = 1_024;

/// The interval of one execution, and the price of its fuel.
#[derive(Debug)]
pub(crate) struct FuelInterval {
    interval: u64,
    /// The highest price seen of late.
    price: u64,
    /// Fuel in the store and time run, in nanoseconds, when the price was last computed.
    mark: (u64, u64),
}

impl FuelInterval {
    /// Returns the interval for the start of an execution with so much fuel and time.
    #[inline]
    pub(crate) fn start(max_fuel: u64, timeout: Duration) -> Self {
        let interval = cap(FIRST_INTERVAL, Some(nanos(timeout)));
        Self { interval, price: 0, mark: (max_fuel, 0) }
    }

    #[inline]
    pub(crate) const fn get(&self) -> u64 {
        self.interval
    }

    /// Leaves fuel out of the price that a host function charged: it took the guest no time, and
    /// must not make the guest's own fuel look cheap.
    #[inline]
    pub(crate) const fn skip(&mut self, charged: u64) {
        self.mark.0 = self.mark.0.saturating_sub(charged);
    }

    /// Steers the interval at its end: with `fuel` in the store, after the guest ran for `ran`
    /// nanoseconds in all, with `left` to the deadline. Returns the new interval where it differs
    /// enough from the present one to be worth setting.
    pub(crate) fn steer(&mut self, fuel: u64, ran: u64, left: Option<Duration>) -> Option<u64> {
        let burnt = self.mark.0.saturating_sub(fuel);
        let took = ran.saturating_sub(self.mark.1);
        self.mark = (fuel, ran);
        self.price = price(self.price, burnt, took);
        let next = next_interval(self.interval, self.price, left.map(nanos));
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
    let faded =
        u128::from(past) * u128::from(took.min(PRICE_DECAY_NS)) / u128::from(PRICE_DECAY_NS);
    let remembered = past.saturating_sub(u64::try_from(faded).unwrap_or(past));
    present.max(remembered).max(1)
}

/// Returns the next interval, with fuel at `price` and `left` nanoseconds to the deadline.
///
/// Aims at [`INTERVAL_NS`], trusts a cheap guest only step by step, and shrinks as the deadline
/// comes near, so that even the most expensive instructions cannot carry the guest far past it.
/// That costs a number of looks at the clock that grows with the logarithm of the timeout.
fn next_interval(interval: u64, price: u64, left: Option<u64>) -> u64 {
    let ideal = INTERVAL_NS * PRICE_UNIT / price.max(1);
    cap(ideal.min(interval.saturating_mul(2)), left)
}

#[inline]
fn cap(interval: u64, left: Option<u64>) -> u64 {
    let affordable = left.map_or(MOST_INTERVAL, |left| left / WORST_NS_PER_FUEL);
    interval.min(affordable).clamp(LEAST_INTERVAL, MOST_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::{
        INTERVAL_NS, LEAST_INTERVAL, MOST_INTERVAL, PRICE_UNIT, WORST_NS_PER_FUEL, next_interval,
        price,
    };
    use proptest::prelude::*;

    /// Nanoseconds for `PRICE_UNIT` units at `ns` a unit.
    const fn at(ns: u64) -> u64 {
        ns * PRICE_UNIT
    }

    #[test]
    fn the_clock_is_read_sooner_for_an_expensive_guest() {
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
            prop_assert!(now >= took.saturating_mul(PRICE_UNIT) / burnt.max(1));
            prop_assert!(now <= past.max(took.saturating_mul(PRICE_UNIT) / burnt.max(1)).max(1));
        }
    }
}
