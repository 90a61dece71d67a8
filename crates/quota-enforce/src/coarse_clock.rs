//! The kernel's coarse clock.

use core::time::Duration;

use limits_core::{Clock, SystemClock};

/// A clock that is cheap to read and lags by a few milliseconds.
///
/// On Linux it reads `CLOCK_MONOTONIC_COARSE`, which the kernel advances with each of its ticks (1
/// to 10 ms); elsewhere it is the [`SystemClock`]. It lags, so it opens a window late and never
/// early, and no time admits more. Windows that open late by different amounts can be a tick
/// shorter than the period, so the bound of twice the limit holds for any stretch a tick shorter
/// than that. For periods below [`SHORTEST_PERIOD`](Self::SHORTEST_PERIOD) a tick is too much:
/// registries take the system clock for them, and refuse a component with such a period where the
/// host has chosen this clock for all.
///
/// A tracker counts waits by its own clock. A caller that sleeps on another clock could come a tick
/// too early, so handles add the [`lag`](Clock::lag) to the waits that they return.
#[derive(Debug)]
pub struct CoarseClock {
    fallback: SystemClock,
    tick: Duration,
}

impl CoarseClock {
    /// The shortest period that is worth counting with this clock: 50 ms.
    pub const SHORTEST_PERIOD: Duration = Duration::from_millis(50);

    /// Makes a clock.
    #[must_use]
    pub fn new() -> Self {
        Self { fallback: SystemClock::new(), tick: tick().unwrap_or_default() }
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

    /// Returns the kernel's tick, zero where the clock does not lag.
    fn lag(&self) -> Duration {
        self.tick
    }

    /// Returns [`SHORTEST_PERIOD`](Self::SHORTEST_PERIOD), zero where the clock does not lag.
    fn shortest_period(&self) -> Duration {
        if self.tick.is_zero() { Duration::ZERO } else { Self::SHORTEST_PERIOD }
    }
}

#[cfg(target_os = "linux")]
fn coarse_ns() -> Option<u64> {
    use rustix::time::{ClockId, clock_gettime};

    nanoseconds(clock_gettime(ClockId::MonotonicCoarse))
}

#[cfg(target_os = "linux")]
fn tick() -> Option<Duration> {
    use rustix::time::{ClockId, clock_getres};

    nanoseconds(clock_getres(ClockId::MonotonicCoarse)).map(Duration::from_nanos)
}

#[cfg(target_os = "linux")]
fn nanoseconds(time: rustix::time::Timespec) -> Option<u64> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanoseconds = u64::try_from(time.tv_nsec).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(not(target_os = "linux"))]
const fn coarse_ns() -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
const fn tick() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::{CoarseClock, Duration};
    use limits_core::Clock as _;
    use std::time::Instant;

    #[test]
    fn it_is_behind_by_a_small_part_of_the_shortest_period() {
        assert!(CoarseClock::new().lag() <= Duration::from_millis(10));
        assert!(CoarseClock::new().lag() * 5 <= CoarseClock::SHORTEST_PERIOD);
    }

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
