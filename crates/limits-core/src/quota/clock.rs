//! The sources of a tracker's time.

#[cfg(feature = "std")]
mod system;

use core::fmt::Debug;
use core::time::Duration;

use crate::quota::sync::{AtomicU64, Ordering};

#[cfg(feature = "std")]
pub use self::system::SystemClock;

/// A source of time.
///
/// A clock may lag; windows then begin later, never earlier. A clock should not step back; if it
/// does, nothing more is granted, and windows stand still until it has caught up.
pub trait Clock: Debug + Send + Sync {
    /// Returns the nanoseconds since any fixed point. A number and not a `Duration`, since every
    /// take of a rate reads it.
    fn now_ns(&self) -> u64;

    /// Returns the clock's maximum lag behind real time. Default: zero.
    ///
    /// Trackers report waits on their own clock; add this before passing a wait to a caller that
    /// sleeps on another clock.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns the shortest period that this clock can count. Default: five times its
    /// [`lag`](Self::lag).
    ///
    /// Windows begin late by up to the lag, so in shorter ones a component would get only a part of
    /// its rate. `quota-enforce` refuses to register a component with a shorter period.
    fn shortest_period(&self) -> Duration {
        self.lag().saturating_mul(5)
    }
}

/// A clock that moves only when it is set or advanced.
///
/// ```
/// use core::time::Duration;
/// use limits_core::{Clock, ManualClock};
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_micros(3));
/// assert_eq!(clock.now_ns(), 3_000);
/// ```
#[derive(Debug)]
pub struct ManualClock {
    ns: AtomicU64,
}

impl ManualClock {
    /// Returns a clock that shows 0 ns.
    #[must_use]
    pub fn new() -> Self {
        Self { ns: AtomicU64::new(0) }
    }

    /// Moves the clock forward; it stops at `u64::MAX` ns, after 584 years.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let mut ns = self.ns.load(Ordering::Relaxed);
        while let Err(seen) = self.ns.compare_exchange_weak(
            ns,
            ns.saturating_add(by),
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            ns = seen;
        }
    }

    /// Sets the clock, forwards or back.
    pub fn set_ns(&self, ns: u64) {
        self.ns.store(ns, Ordering::Relaxed);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now_ns(&self) -> u64 {
        self.ns.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, ManualClock};
    use core::time::Duration;

    #[test]
    fn a_lagging_clock_counts_periods_of_five_times_its_lag() {
        #[derive(Debug)]
        struct Behind(Duration);

        impl Clock for Behind {
            fn now_ns(&self) -> u64 {
                0
            }

            fn lag(&self) -> Duration {
                self.0
            }
        }
        assert_eq!(ManualClock::new().shortest_period(), Duration::ZERO);
        assert_eq!(Behind(Duration::from_millis(4)).shortest_period(), Duration::from_millis(20));
        assert_eq!(Behind(Duration::MAX).shortest_period(), Duration::MAX);
    }

    #[test]
    fn a_manual_clock_goes_where_it_is_set() {
        let clock = ManualClock::default();
        clock.advance(Duration::from_nanos(5));
        clock.advance(Duration::from_nanos(5));
        assert_eq!(clock.now_ns(), 10);
        clock.set_ns(3);
        assert_eq!(clock.now_ns(), 3);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now_ns(), u64::MAX);
    }
}
