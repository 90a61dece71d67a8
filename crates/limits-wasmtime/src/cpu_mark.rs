//! A thread's CPU time, to tell a guest that runs from a system that runs others.

use core::time::Duration;

use crate::moment::{Moment, thread_time};

/// One moment on the clock and on that of the thread's CPU time.
pub(crate) struct CpuMark {
    at: Moment,
    cpu: Duration,
}

impl CpuMark {
    /// Reads the thread's clock at `at`, if the system has one.
    pub(crate) fn at(at: Moment) -> Option<Self> {
        Some(Self { at, cpu: thread_time()? })
    }

    /// Returns the CPU time from `since` to now, when the thread's clock shows `cpu`. The thread
    /// ran all the time from the mark to `since`.
    pub(crate) fn used_since(&self, since: Moment, cpu: Duration) -> Duration {
        cpu.saturating_sub(self.cpu).saturating_sub(since.since(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::CpuMark;
    use crate::moment::Moment;
    use core::time::Duration;

    #[test]
    fn a_poll_counts_its_own_time_and_not_that_of_the_polls_before_it() {
        let micros = Duration::from_micros;
        let mark = CpuMark { at: Moment::now(), cpu: micros(1_000) };
        // 200 us of polls, then one of 3 ms in which the thread had a core for 10 us.
        let polled_at = mark.at.after(micros(200));
        assert_eq!(mark.used_since(polled_at, micros(1_210)), micros(10));
        // The thread was away before the poll, too: nothing is known of it.
        assert_eq!(mark.used_since(polled_at, micros(1_150)), Duration::ZERO);
    }
}
