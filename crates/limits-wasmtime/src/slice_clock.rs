//! The clock of a store's executions, which their driver and the call hook share.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;

use crate::crowd::SLICE;
use crate::moment::{Moment, nanos};

/// The deadline and the slices of one execution, and then of the next one in the same store. Until
/// the first one starts, the deadline has passed.
///
/// The driver and the call hook run in the same task, one inside the other's poll, and executions
/// of a store follow one another. So relaxed atomics are enough: the runtime orders the task's
/// polls when it moves between threads, and the owner of the store its executions.
#[derive(Debug)]
pub(crate) struct SliceClock {
    start: AtomicMoment,
    /// `NEVER` without a deadline.
    deadline: AtomicMoment,
    /// Start of the slice.
    began: AtomicMoment,
    /// Length of the slice, in nanoseconds.
    length: AtomicU64,
    /// Start of the present poll.
    polled: AtomicMoment,
    /// Time that the guest ran in all polls but the present one, in nanoseconds.
    ran: AtomicU64,
    /// The last poll ended in a yield of the guest: it had used up its interval of fuel.
    yielded: AtomicBool,
    /// The hook wants the thread to go back to the runtime.
    parked: AtomicBool,
}

impl SliceClock {
    pub(crate) fn new() -> Self {
        Self {
            start: AtomicMoment::new(),
            deadline: AtomicMoment::new(),
            began: AtomicMoment::new(),
            length: AtomicU64::new(nanos(SLICE)),
            polled: AtomicMoment::new(),
            ran: AtomicU64::new(0),
            yielded: AtomicBool::new(false),
            parked: AtomicBool::new(false),
        }
    }

    /// Starts an execution, `now`, that may take so long. A timeout beyond what the clock can
    /// express is no deadline.
    #[inline]
    pub(crate) fn start(&self, now: Moment, timeout_nanos: u64) {
        self.start.set(now);
        self.deadline.set(now.after_nanos(timeout_nanos));
        self.began.set(now);
        self.ran.store(0, Ordering::Relaxed);
        self.yielded.store(false, Ordering::Relaxed);
        self.parked.store(false, Ordering::Relaxed);
    }

    /// Tells whether the deadline has passed at `now`. At the deadline itself it has.
    #[inline]
    pub(crate) fn is_expired(&self, now: Moment) -> bool {
        now >= self.deadline.get()
    }

    /// Returns the time from `now` to the deadline, if there is one.
    pub(crate) fn time_left(&self, now: Moment) -> Option<Duration> {
        self.nanos_left(now).map(Duration::from_nanos)
    }

    /// Returns the nanoseconds from `now` to the deadline, if there is one.
    #[inline]
    pub(crate) fn nanos_left(&self, now: Moment) -> Option<u64> {
        let deadline = self.deadline.get();
        (deadline != Moment::NEVER).then(|| deadline.nanos_since(now))
    }

    /// Returns the moment of the start.
    #[inline]
    pub(crate) fn started(&self) -> Moment {
        self.start.get()
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        Moment::now().since(self.started())
    }

    /// Starts a slice of this length.
    #[inline]
    pub(crate) fn begin_slice(&self, now: Moment, length: Duration) {
        self.began.set(now);
        self.length.store(nanos(length), Ordering::Relaxed);
    }

    /// Tells whether the present slice is not the one that began at the start.
    #[inline]
    pub(crate) fn is_later_slice(&self) -> bool {
        self.began.get() > self.start.get()
    }

    /// Tells whether the slice is over.
    #[inline]
    pub(crate) fn is_slice_over(&self, now: Moment) -> bool {
        now.nanos_since(self.began.get()) >= self.length.load(Ordering::Relaxed)
    }

    /// Notes that a poll begins `now`.
    #[inline]
    pub(crate) fn begin_poll(&self, now: Moment) {
        self.polled.set(now);
    }

    /// Returns the start of the present poll.
    #[inline]
    pub(crate) fn poll_began(&self) -> Moment {
        self.polled.get()
    }

    /// Notes a poll in which the guest ran for `ran`, and whether the guest yielded at its end.
    #[inline]
    pub(crate) fn note_poll(&self, ran: Duration, yielded: bool) {
        self.ran.store(self.ran().saturating_add(nanos(ran)), Ordering::Relaxed);
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

/// A moment that tasks share.
#[derive(Debug)]
struct AtomicMoment(AtomicU64);

impl AtomicMoment {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    fn get(&self) -> Moment {
        Moment::from_nanos(self.0.load(Ordering::Relaxed))
    }

    #[inline]
    fn set(&self, moment: Moment) {
        self.0.store(moment.as_nanos(), Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::SliceClock;
    use crate::crowd::SLICE;
    use crate::moment::{Moment, nanos};
    use core::time::Duration;

    const NANOSECOND: Duration = Duration::from_nanos(1);
    const START: Moment = Moment::from_nanos(1_000);

    fn clock(timeout: Duration) -> SliceClock {
        let clock = SliceClock::new();
        clock.start(START, nanos(timeout));
        clock
    }

    #[test]
    fn a_slice_is_over_after_its_whole_length() {
        let clock = clock(Duration::from_secs(1));
        let began = START.after(Duration::from_millis(7));
        for length in [SLICE, SLICE / 10] {
            clock.begin_slice(began, length);
            assert!(!clock.is_slice_over(began));
            assert!(!clock.is_slice_over(began.after(length - NANOSECOND)));
            assert!(clock.is_slice_over(began.after(length)));
        }
    }

    #[test]
    fn a_deadline_has_passed_from_its_first_moment_on() {
        let timeout = Duration::from_millis(7);
        let clock = clock(timeout);
        let before = START.after(timeout - NANOSECOND);
        assert!(!clock.is_expired(before));
        assert_eq!(clock.time_left(before), Some(NANOSECOND));
        let deadline = START.after(timeout);
        assert!(clock.is_expired(deadline));
        assert_eq!(clock.time_left(deadline.after(SLICE)), Some(Duration::ZERO));
    }

    #[test]
    fn the_longest_timeout_is_no_deadline() {
        let clock = clock(Duration::MAX);
        assert!(!clock.is_expired(START.after(Duration::from_secs(1 << 32))));
        assert_eq!(clock.time_left(START), None);
    }

    #[test]
    fn a_clock_that_was_never_started_has_no_time() {
        assert!(SliceClock::new().is_expired(Moment::now()));
    }

    #[test]
    fn an_execution_has_nothing_of_the_one_before() {
        let clock = clock(Duration::from_millis(7));
        clock.note_poll(SLICE, true);
        clock.park();
        let next = START.after(Duration::from_secs(1));
        clock.start(next, nanos(Duration::from_millis(7)));
        assert!(!clock.is_expired(next));
        assert!(!clock.is_slice_over(next));
        assert_eq!(clock.ran(), 0);
        assert!(!clock.take_yielded());
        assert!(!clock.take_parked());
    }
}
