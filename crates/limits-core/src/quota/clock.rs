//! Where the tracker gets the time from.

#[cfg(feature = "std")]
mod system;

use core::fmt::Debug;
use core::time::Duration;

use crate::quota::sync::{AtomicU64, Ordering};

#[cfg(feature = "std")]
pub use self::system::SystemClock;

/// A source of time.
///
/// A clock may lag: what is counted per period then comes back later, never earlier. It should
/// not step back; where it does, nothing more is granted, and windows stand still until it has
/// caught up.
pub trait Clock: Debug + Send + Sync {
    /// Returns the nanoseconds since a fixed point, which may be any.
    fn now_ns(&self) -> u64;

    /// Returns how far the clock may be behind the time that others wait by; not at all, unless it
    /// says so.
    ///
    /// Trackers say how long to wait by their clock. Who tells somebody else adds this.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns the shortest period that is worth counting by this clock: five times its
    /// [`lag`](Self::lag), unless it says otherwise.
    ///
    /// Windows open late by up to the lag, so that in shorter ones a component would get a small part
    /// of its rate. `quota-enforce` refuses to register a component whose period is shorter.
    fn shortest_period(&self) -> Duration {
        self.lag().saturating_mul(5)
    }
}

/// A clock that stands still until it is told otherwise.
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
    fn a_clock_that_is_behind_is_for_periods_of_five_times_that() {
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
    fn a_manual_clock_goes_where_it_is_told() {
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
