//! The clock of one execution, which its driver and its call hook share.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use crate::crowd::SLICE;

/// The deadline and the slices of one execution.
///
/// The driver and the call hook run in the same task, one inside the other's poll, so relaxed
/// atomics are enough: the runtime orders the task's polls when it moves between threads.
#[derive(Debug)]
pub(crate) struct SliceClock {
    start: Instant,
    deadline: Option<Instant>,
    /// Start of the slice, in nanoseconds since `start`.
    began: AtomicU64,
    /// Length of the slice, in nanoseconds.
    length: AtomicU64,
    /// Time that the guest ran in all polls but the present one, in nanoseconds.
    ran: AtomicU64,
    /// The last poll ended in a yield of the guest: it had used up its interval of fuel.
    yielded: AtomicBool,
    /// The hook wants the thread to go back to the runtime.
    parked: AtomicBool,
}

impl SliceClock {
    /// Starts the clock of an execution that may take `timeout`. A timeout beyond what the clock
    /// can express is no deadline.
    #[inline]
    pub(crate) fn start(timeout: Duration) -> Self {
        let start = Instant::now();
        Self {
            start,
            deadline: start.checked_add(timeout),
            began: AtomicU64::new(0),
            length: AtomicU64::new(nanos(SLICE)),
            ran: AtomicU64::new(0),
            yielded: AtomicBool::new(false),
            parked: AtomicBool::new(false),
        }
    }

    /// Starts the clock of an execution in the place of that of the one before, unless that is
    /// still in use.
    #[inline]
    pub(crate) fn start_in(place: Option<Arc<Self>>, timeout: Duration) -> Arc<Self> {
        let clock = Self::start(timeout);
        if let Some(mut place) = place
            && let Some(old) = Arc::get_mut(&mut place)
        {
            *old = clock;
            return place;
        }
        Arc::new(clock)
    }

    /// Reads the clock. Together with [`start`](Self::start) the only place that does.
    #[expect(clippy::unused_self, reason = "ties reading the clock to an execution")]
    #[inline]
    pub(crate) fn now(&self) -> Instant {
        Instant::now()
    }

    /// Tells whether the deadline has passed at `now`. At the deadline itself it has.
    #[inline]
    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Returns the time from `now` to the deadline, if there is one.
    #[inline]
    pub(crate) fn time_left(&self, now: Instant) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(now))
    }

    /// Returns the moment of the start.
    #[inline]
    pub(crate) const fn started(&self) -> Instant {
        self.start
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(self.start)
    }

    /// Returns the CPU time of this thread, where the system has a clock for it. Reading it costs
    /// ten times as much as `now`.
    #[cfg(target_os = "linux")]
    #[expect(clippy::unused_self, reason = "as for `now`")]
    pub(crate) fn thread_time(&self) -> Option<Duration> {
        use rustix::time::{ClockId, clock_gettime};
        Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "as for `now`")]
    pub(crate) const fn thread_time(&self) -> Option<Duration> {
        None
    }

    #[inline]
    fn since_start(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.start))
    }

    /// Starts a slice of this length.
    #[inline]
    pub(crate) fn begin_slice(&self, now: Instant, length: Duration) {
        self.began.store(self.since_start(now), Ordering::Relaxed);
        self.length.store(nanos(length), Ordering::Relaxed);
    }

    /// Tells whether the slice is over.
    #[inline]
    pub(crate) fn is_slice_over(&self, now: Instant) -> bool {
        let began = self.began.load(Ordering::Relaxed);
        self.since_start(now).saturating_sub(began) >= self.length.load(Ordering::Relaxed)
    }

    /// Notes a poll in which the guest ran for `ran`, and whether the guest yielded at its end.
    #[inline]
    pub(crate) fn note_poll(&self, ran: Duration, yielded: bool) {
        // Only the driver writes it.
        let before = self.ran.load(Ordering::Relaxed);
        self.ran.store(before.saturating_add(nanos(ran)), Ordering::Relaxed);
        self.yielded.store(yielded, Ordering::Relaxed);
    }

    /// Returns the time that the guest ran in the polls noted so far, in nanoseconds.
    pub(crate) fn ran(&self) -> u64 {
        self.ran.load(Ordering::Relaxed)
    }

    /// Tells whether the last poll ended in a yield, and forgets it.
    #[inline]
    pub(crate) fn take_yielded(&self) -> bool {
        take(&self.yielded)
    }

    /// Asks the driver to go to the runtime after this poll.
    pub(crate) fn park(&self) {
        self.parked.store(true, Ordering::Relaxed);
    }

    /// Tells whether the hook has asked for the runtime, and forgets it.
    #[inline]
    pub(crate) fn take_parked(&self) -> bool {
        take(&self.parked)
    }
}

/// Returns a flag of the task and resets it. Half the cost of a `swap`, which is for more threads.
#[inline]
fn take(flag: &AtomicBool) -> bool {
    let was = flag.load(Ordering::Relaxed);
    if was {
        flag.store(false, Ordering::Relaxed);
    }
    was
}

/// Returns `duration` in nanoseconds; a longer one than 584 years is 584 years.
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::SliceClock;
    use crate::crowd::SLICE;
    use core::time::Duration;

    const NANOSECOND: Duration = Duration::from_nanos(1);

    #[test]
    fn a_slice_is_over_after_its_whole_length() {
        let clock = SliceClock::start(Duration::from_secs(1));
        let began = clock.start + Duration::from_millis(7);
        for length in [SLICE, SLICE / 10] {
            clock.begin_slice(began, length);
            assert!(!clock.is_slice_over(began));
            assert!(!clock.is_slice_over(began + length - NANOSECOND));
            assert!(clock.is_slice_over(began + length));
        }
    }

    #[test]
    fn a_deadline_has_passed_from_its_first_moment_on() {
        let timeout = Duration::from_millis(7);
        let clock = SliceClock::start(timeout);
        let deadline = clock.start + timeout;
        assert!(!clock.is_expired(deadline - NANOSECOND));
        assert_eq!(clock.time_left(deadline - NANOSECOND), Some(NANOSECOND));
        assert!(clock.is_expired(deadline));
        assert_eq!(clock.time_left(deadline + SLICE), Some(Duration::ZERO));
    }

    #[test]
    fn the_longest_timeout_is_no_deadline() {
        let clock = SliceClock::start(Duration::MAX);
        assert!(!clock.is_expired(clock.start + Duration::from_secs(1 << 40)));
        assert_eq!(clock.time_left(clock.now()), None);
    }
}
