//! The account that pays for the CPU time of a store.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{Account, CpuTimePolicy, CpuWait, QuotaError, QuotaType, Retry, Wait};

const NANOS_PER_MICRO: u64 = 1_000;

/// An account, and what happens when it has no CPU time left.
#[derive(Clone, Debug)]
pub(crate) struct CpuAccount {
    pub(crate) account: Arc<dyn Account>,
    pub(crate) policy: CpuTimePolicy,
}

/// The answer of an account to a guest that wants to run.
pub(crate) enum CpuBudget {
    /// The guest may run.
    Granted,
    /// The guest must end.
    Refused(QuotaError),
    /// The guest has to wait so long.
    Later(Duration, QuotaError),
}

impl CpuAccount {
    /// Asks whether the guest may run.
    pub(crate) fn ask(&self) -> CpuBudget {
        let moment = QuotaType::CpuTimeMicros(1);
        let Err(error) = self.account.peek(moment) else {
            return CpuBudget::Granted;
        };
        match (self.policy, error.retry()) {
            (CpuTimePolicy::Deny, Retry::After(delay)) if error.is_coming() => {
                CpuBudget::Later(delay, error)
            }
            // Waiting is not a denial. Ending is one, and an account may want to record it.
            (CpuTimePolicy::Deny, _) | (_, Retry::Never) => match self.account.take(moment) {
                Ok(()) => CpuBudget::Granted,
                Err(error) => CpuBudget::Refused(error),
            },
            (CpuTimePolicy::Throttle, Retry::After(delay)) => CpuBudget::Later(delay, error),
            (CpuTimePolicy::Throttle, Retry::Now) => {
                CpuBudget::Later(Duration::from_millis(1), error)
            }
        }
    }

    /// Charges `ran` nanoseconds, and what `unbilled` remembers, in whole microseconds.
    pub(crate) fn charge(&self, unbilled: &mut UnbilledTime, ran: u64) {
        unbilled.0 = unbilled.0.saturating_add(ran);
        let micros = unbilled.0 / NANOS_PER_MICRO;
        if micros > 0 {
            self.account.charge(QuotaType::CpuTimeMicros(micros));
            unbilled.0 %= NANOS_PER_MICRO;
        }
    }
}

/// The part of a microsecond that an account is still owed, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct UnbilledTime(u64);

/// The time that an execution has used up to now.
///
/// Most executions neither wait for CPU time nor queue: what is known of waits is in a cell of its
/// own, which they do not have.
#[derive(Debug, Default)]
pub(crate) struct TimeUse {
    /// Time that the guest held a thread, in nanoseconds.
    pub(crate) cpu_nanos: u64,
    pub(crate) slices: u64,
    pub(crate) unbilled: UnbilledTime,
    waits: Option<Box<Waits>>,
}

/// The waits of an execution that could have run.
#[derive(Debug, Default)]
struct Waits {
    throttled: Duration,
    /// The reason for throttling: once a parent refused, that parent's refusal.
    throttled_by: Option<QuotaError>,
    /// The time that it waited for its turn.
    queued: Duration,
    /// The deadline passed as it waited for its turn.
    is_late_in_queue: bool,
}

impl TimeUse {
    /// Returns the time of an execution that has used none, and pays for what is `unbilled`.
    #[inline]
    pub(crate) fn after(unbilled: UnbilledTime) -> Self {
        Self { unbilled, ..Self::default() }
    }

    /// Returns the time that the guest held a thread.
    #[inline]
    pub(crate) const fn cpu_time(&self) -> Duration {
        Duration::from_nanos(self.cpu_nanos)
    }

    /// Returns the time that the execution waited for CPU time.
    #[inline]
    pub(crate) fn throttled(&self) -> Duration {
        self.waits.as_ref().map_or(Duration::ZERO, |waits| waits.throttled)
    }

    /// Returns the time that the execution waited for its turn.
    #[inline]
    pub(crate) fn queued(&self) -> Duration {
        self.waits.as_ref().map_or(Duration::ZERO, |waits| waits.queued)
    }

    /// Notes whose CPU time the guest waits for. A parent's is kept: what other components used
    /// up must not be put down to the component's own quota.
    pub(crate) fn note_throttle(&mut self, refused: QuotaError) {
        let waits = self.waits.get_or_insert_default();
        if waits.throttled_by.is_none_or(|known| known.depth() == 0) {
            waits.throttled_by = Some(refused);
        }
    }

    /// Notes that the execution waited for CPU time.
    pub(crate) fn add_throttled(&mut self, waited: Duration) {
        let waits = self.waits.get_or_insert_default();
        waits.throttled = waits.throttled.saturating_add(waited);
    }

    /// Notes that the execution waited for its turn.
    #[inline]
    pub(crate) fn add_queued(&mut self, waited: Duration) {
        if !waited.is_zero() {
            let waits = self.waits.get_or_insert_default();
            waits.queued = waits.queued.saturating_add(waited);
        }
    }

    /// Notes that the deadline passed as the execution waited for its turn.
    pub(crate) fn note_late_in_queue(&mut self) {
        self.waits.get_or_insert_default().is_late_in_queue = true;
    }

    /// Returns the wait that is to blame for a deadline that has passed, if one is.
    pub(crate) fn waited(&self) -> Option<Wait> {
        let waits = self.waits.as_ref()?;
        if waits.is_late_in_queue {
            return Some(Wait::Turn(waits.queued));
        }
        let refused = waits.throttled_by.filter(|_| !waits.throttled.is_zero())?;
        Some(Wait::CpuTime(CpuWait { time: waits.throttled, refused }))
    }
}

#[cfg(test)]
mod tests {
    use super::{TimeUse, UnbilledTime};
    use core::time::Duration;
    use limits_core::{CpuWait, QuotaError, QuotaResource, Wait};

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn a_deadline_that_passed_in_the_queue_is_put_down_to_the_queue_after_any_other_wait() {
        let mut time = TimeUse::after(UnbilledTime::default());
        assert_eq!(
            (time.waited(), time.throttled(), time.queued()),
            (None, Duration::ZERO, Duration::ZERO)
        );
        let refused = QuotaError::new(QuotaResource::CpuTime, 1);
        time.note_throttle(refused);
        assert_eq!(time.waited(), None, "it has not waited yet");
        time.add_throttled(MILLISECOND);
        time.add_queued(2 * MILLISECOND);
        assert_eq!(time.waited(), Some(Wait::CpuTime(CpuWait { time: MILLISECOND, refused })));
        time.note_late_in_queue();
        assert_eq!(time.waited(), Some(Wait::Turn(2 * MILLISECOND)));
        assert_eq!((time.throttled(), time.queued()), (MILLISECOND, 2 * MILLISECOND));
    }

    #[test]
    fn a_parents_refusal_is_kept_as_the_reason_for_throttling() {
        let mut time = TimeUse::default();
        let own = QuotaError::new(QuotaResource::CpuTime, 1);
        for refused in [own, own.at_depth(1), own] {
            time.note_throttle(refused);
            time.add_throttled(MILLISECOND);
        }
        let Some(Wait::CpuTime(wait)) = time.waited() else { panic!("{time:?}") };
        assert_eq!((wait.time, wait.refused.depth()), (3 * MILLISECOND, 1));
    }
}
