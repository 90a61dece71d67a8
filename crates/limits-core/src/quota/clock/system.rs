//! The operating system's monotonic clock.

use alloc::sync::Arc;
use std::sync::OnceLock;
use std::time::Instant;

use super::Clock;

/// The operating system's monotonic clock, as [`Instant`] reads it.
///
/// A reading costs about 20 ns. The platform decides whether time in suspension counts; see
/// [`Instant`].
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Returns a clock that shows 0 ns now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Returns the clock that trackers share by default.
    pub(crate) fn shared() -> Arc<dyn Clock> {
        static SHARED: OnceLock<Arc<SystemClock>> = OnceLock::new();
        let shared: Arc<Self> = Arc::clone(SHARED.get_or_init(|| Arc::new(Self::new())));
        shared
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_ns(&self) -> u64 {
        // 584 years fit.
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::SystemClock;
    use crate::quota::clock::Clock as _;
    use std::time::Instant;

    #[test]
    fn the_system_clock_counts_nanoseconds_from_its_start() {
        let before = Instant::now();
        let clock = SystemClock::default();
        let first = clock.now_ns();
        let second = clock.now_ns();
        assert!(first <= second);
        assert!(u128::from(second) <= before.elapsed().as_nanos());
    }
}
