//! A moment of the monotonic clock, and the only places that read it, or a thread's clock and
//! waits.

use core::time::Duration;

/// A moment of the system's monotonic clock, in nanoseconds since a start of its own.
///
/// One word, so that an execution's task and its store share moments without a lock, and compare
/// them in one step.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Moment(u64);

impl Moment {
    /// Later than any moment of the clock.
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// Reads the clock.
    #[cfg(target_os = "linux")]
    #[inline]
    pub(crate) fn now() -> Self {
        use rustix::time::{ClockId, clock_gettime};
        // Costs what an `Instant` costs, whose differences then cost several nanoseconds more.
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Reads the clock.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn now() -> Self {
        use std::sync::OnceLock;
        use std::time::Instant;
        static START: OnceLock<Instant> = OnceLock::new();
        Self(nanos(START.get_or_init(Instant::now).elapsed()))
    }

    #[inline]
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    #[inline]
    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the moment so much later; `NEVER` where the clock cannot express it.
    #[inline]
    pub(crate) fn after(self, time: Duration) -> Self {
        self.after_nanos(nanos(time))
    }

    /// Returns the moment so many nanoseconds later; `NEVER` where the clock cannot express it.
    #[inline]
    pub(crate) const fn after_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Returns the time since `earlier`, or none where that is later.
    #[inline]
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// Returns the nanoseconds since `earlier`, or none where that is later.
    #[inline]
    pub(crate) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Returns the CPU time of this thread, where the system has a clock for it. Reading it costs ten
/// times as much as the moment.
#[cfg(target_os = "linux")]
pub(crate) fn thread_time() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) const fn thread_time() -> Option<Duration> {
    None
}

/// Returns how often this thread has waited in the system, where the system counts it: for a lock,
/// a file, a timer. Costs as much as [`thread_time`].
#[cfg(target_os = "linux")]
pub(crate) fn thread_waits() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_THREAD).ok()?;
    u64::try_from(usage.voluntary_context_switches()).ok()
}

#[cfg(not(target_os = "linux"))]
pub(crate) const fn thread_waits() -> Option<u64> {
    None
}

/// Returns `duration` in nanoseconds; a longer one than 584 years is 584 years.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Moment;
    use core::time::Duration;
    use std::time::Instant;

    #[test]
    fn a_moment_is_of_the_clock_that_instants_are_of() {
        let (before, began) = (Instant::now(), Moment::now());
        std::thread::yield_now();
        let (ended, after) = (Moment::now(), Instant::now());
        assert!(ended.since(began) <= after.duration_since(before));
        assert_eq!(began.since(ended), Duration::ZERO);
    }

    #[test]
    fn a_moment_beyond_the_clock_is_never() {
        assert_eq!(Moment::now().after(Duration::MAX), Moment::NEVER);
        let second = Moment::from_nanos(7).after(Duration::from_secs(1));
        assert_eq!(second.as_nanos(), 1_000_000_007);
    }
}
