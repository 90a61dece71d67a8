//! The account that pays for the CPU time of a store.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{Account, CpuTimePolicy, CpuWait, QuotaError, QuotaType, Retry, Wait};

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

    /// Charges `ran`, and what `unbilled` remembers, in whole microseconds.
    pub(crate) fn charge(&self, unbilled: &mut UnbilledTime, ran: Duration) {
        unbilled.0 = unbilled.0.saturating_add(ran);
        let micros = u64::try_from(unbilled.0.as_micros()).unwrap_or(u64::MAX);
        if micros > 0 {
            self.account.charge(QuotaType::CpuTimeMicros(micros));
            unbilled.0 = unbilled.0.saturating_sub(Duration::from_micros(micros));
        }
    }
}

/// The part of a microsecond that an account is still owed.
#[derive(Debug, Default)]
pub(crate) struct UnbilledTime(Duration);

/// The time that an execution has used up to now.
#[derive(Debug, Default)]
pub(crate) struct TimeUse {
    pub(crate) cpu_time: Duration,
    pub(crate) slices: u64,
    pub(crate) throttled: Duration,
    /// The reason for throttling: once a parent refused, that parent's refusal.
    throttled_by: Option<QuotaError>,
    /// The time that it waited for its turn.
    pub(crate) queued: Duration,
    /// The deadline passed as it waited for its turn.
    pub(crate) is_queued: bool,
    pub(crate) unbilled: UnbilledTime,
}

impl TimeUse {
    /// Returns the time of an execution that has used none, and pays for what is `unbilled`.
    pub(crate) fn after(unbilled: UnbilledTime) -> Self {
        Self { unbilled, ..Self::default() }
    }

    /// Notes whose CPU time the guest waits for. A parent's is kept: what other components used
    /// up must not be put down to the component's own quota.
    pub(crate) fn note_throttle(&mut self, refused: QuotaError) {
        if self.throttled_by.is_none_or(|known| known.depth() == 0) {
            self.throttled_by = Some(refused);
        }
    }

    /// Returns the wait that is to blame for a deadline that has passed, if one is.
    pub(crate) fn waited(&self) -> Option<Wait> {
        if self.is_queued {
            return Some(Wait::Turn(self.queued));
        }
        let refused = self.throttled_by.filter(|_| !self.throttled.is_zero())?;
        Some(Wait::CpuTime(CpuWait { time: self.throttled, refused }))
    }
}
