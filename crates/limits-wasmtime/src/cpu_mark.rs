//! A thread's CPU time, to tell a guest that runs from a system that runs others.

use core::time::Duration;
use std::time::Instant;

use crate::slice_clock::SliceClock;

/// One moment on the clock and on that of the thread's CPU time.
pub(crate) struct CpuMark {
    at: Instant,
    cpu: Duration,
}

impl CpuMark {
    /// Reads the thread's clock at `at`, if the system has one.
    pub(crate) fn at(clock: &SliceClock, at: Instant) -> Option<Self> {
        Some(Self { at, cpu: clock.thread_time()? })
    }

    /// Returns the CPU time from `since` to now, when the thread's clock shows `cpu`. The thread
    /// ran all the time from the mark to `since`.
    pub(crate) fn used_since(&self, since: Instant, cpu: Duration) -> Duration {
        cpu.saturating_sub(self.cpu).saturating_sub(since.saturating_duration_since(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::CpuMark;
    use core::time::Duration;
    use std::time::Instant;

    #[test]
    fn a_poll_counts_its_own_time_and_not_that_of_the_polls_before_it() {
        let micros = Duration::from_micros;
        let mark = CpuMark { at: Instant::now(), cpu: micros(1_000) };
        // 200 us of polls, then one of 3 ms in which the thread had a core for 10 us.
        let polled_at = mark.at + micros(200);
        assert_eq!(mark.used_since(polled_at, micros(1_210)), micros(10));
        // The thread was away before the poll, too: nothing is known of it.
        assert_eq!(mark.used_since(polled_at, micros(1_150)), Duration::ZERO);
    }
}
