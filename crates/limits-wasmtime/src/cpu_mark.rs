//! A thread's CPU time, to tell a guest that runs from a system that runs others.

use core::time::Duration;

use crate::moment::{Moment, thread_time, thread_waits};

/// The part of a poll that a thread may be without a core before its waits are looked at, which
/// costs as much as its clock.
const SMALL_PART: u32 = 16;

/// One moment on the clock and on that of the thread's CPU time.
pub(crate) struct CpuMark {
    at: Moment,
    cpu: Duration,
    /// The times that the thread had waited in the system, if they were counted.
    waits: Option<u64>,
}

/// The time of one poll.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PollTime {
    /// The CPU time that the thread used.
    pub(crate) used: Duration,
    /// The time that the execution held its slot, without that in which the system ran others.
    pub(crate) held: Duration,
}

impl PollTime {
    /// Returns the time of a poll in which the thread ran all the time, as far as is known.
    pub(crate) const fn all(ran: Duration) -> Self {
        Self { used: ran, held: ran }
    }
}

impl CpuMark {
    /// Reads the thread's clock at `at`, if the system has one, and its waits if asked to.
    pub(crate) fn at(at: Moment, counts_waits: bool) -> Option<Self> {
        let waits = if counts_waits { thread_waits() } else { None };
        Some(Self { at, cpu: thread_time()?, waits })
    }

    /// Returns the time of a poll that began at `polled_at` and has just ended after `ran`.
    ///
    /// A thread that did not wait since the mark was without a core because the system ran others.
    /// One that did, in a host function or in the kernel, kept the slot from other guests then: all
    /// of the poll counts, since the system does not tell the two apart any further.
    pub(crate) fn time_of_poll(&self, ran: Duration, polled_at: Moment) -> PollTime {
        let Some(cpu) = thread_time() else { return PollTime::all(ran) };
        let used = ran.min(self.used_since(polled_at, cpu));
        let is_away = ran - used > ran / SMALL_PART;
        let has_waited = is_away && self.waits.is_some_and(|before| thread_waits() > Some(before));
        PollTime { used, held: if has_waited { ran } else { used } }
    }

    /// Returns the CPU time from `since` to now, when the thread's clock shows `cpu`. The thread
    /// ran all the time from the mark to `since`.
    fn used_since(&self, since: Moment, cpu: Duration) -> Duration {
        cpu.saturating_sub(self.cpu).saturating_sub(since.since(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::{CpuMark, PollTime};
    use crate::moment::Moment;
    use core::time::Duration;
    use std::thread;

    #[test]
    fn a_poll_counts_its_own_time_and_not_that_of_the_polls_before_it() {
        let micros = Duration::from_micros;
        let mark = CpuMark { at: Moment::now(), cpu: micros(1_000), waits: None };
        // 200 us of polls, then one of 3 ms in which the thread had a core for 10 us.
        let polled_at = mark.at.after(micros(200));
        assert_eq!(mark.used_since(polled_at, micros(1_210)), micros(10));
        // The thread was away before the poll, too: nothing is known of it.
        assert_eq!(mark.used_since(polled_at, micros(1_150)), Duration::ZERO);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_poll_that_waited_holds_its_slot_all_the_time_if_waits_are_counted() {
        let second = Duration::from_secs(1);
        for counts_waits in [true, false] {
            let began = Moment::now();
            let mark = CpuMark::at(began, counts_waits).unwrap();
            thread::sleep(Duration::from_millis(1));
            let time = mark.time_of_poll(second, began);
            assert!(time.used < second / 2, "{time:?}");
            assert_eq!(time.held, if counts_waits { second } else { time.used });
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_poll_of_which_the_system_took_most_holds_its_slot_for_the_rest() {
        let began = Moment::now();
        let mark = CpuMark::at(began, true).unwrap();
        let PollTime { used, held } = mark.time_of_poll(Duration::from_secs(1), began);
        assert!(used < Duration::from_millis(500));
        assert_eq!(held, used);
    }
}
