//! The kernel's coarse clock.

use core::time::Duration;

use limits_core::{Clock, SystemClock};

/// A clock that is cheap to read and a few milliseconds behind.
///
/// On Linux it reads `CLOCK_MONOTONIC_COARSE`, which the kernel moves on with each of its ticks (1
/// to 10 ms); elsewhere it is the [`SystemClock`]. Being behind, it opens a window late and so only
/// ever admits less; for windows below [`SHORTEST_PERIOD`](Self::SHORTEST_PERIOD) that is too much,
/// and registries take the system clock for them.
#[derive(Debug)]
pub struct CoarseClock {
    fallback: SystemClock,
}

impl CoarseClock {
    /// The shortest window that is worth counting with this clock: 50 ms.
    pub const SHORTEST_PERIOD: Duration = Duration::from_millis(50);

    /// Makes a clock.
    #[must_use]
    pub fn new() -> Self {
        Self { fallback: SystemClock::new() }
    }
}

impl Default for CoarseClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for CoarseClock {
    fn now_ns(&self) -> u64 {
        coarse_ns().unwrap_or_else(|| self.fallback.now_ns())
    }
}

#[cfg(target_os = "linux")]
fn coarse_ns() -> Option<u64> {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::MonotonicCoarse);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanoseconds = u64::try_from(time.tv_nsec).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(not(target_os = "linux"))]
const fn coarse_ns() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::CoarseClock;
    use limits_core::Clock as _;
    use std::time::Instant;

    #[test]
    fn it_never_goes_back_and_does_go_on() {
        let clock = CoarseClock::new();
        let (start, began) = (clock.now_ns(), Instant::now());
        let mut last = start;
        // The kernel's tick is at most 10 ms; a minute without one would be a stopped clock.
        while last == start && began.elapsed().as_secs() < 60 {
            let now = clock.now_ns();
            assert!(now >= last);
            last = now;
        }
        assert!(last > start);
    }
}
