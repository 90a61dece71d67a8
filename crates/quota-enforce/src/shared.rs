//! The parts of a registry that all its components share.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_core::{Clock, ExecutionEnd, QuotaTracker, ResourceQuota, SystemClock};

use crate::audit::{AuditEvent, AuditKind, AuditSink};
use crate::caught::caught;
use crate::coarse_clock::CoarseClock;
use crate::enforce_error::EnforceError;
use crate::lending::Lending;
use crate::lessor::NotShared;
use crate::peaks::Peaks;
#[cfg(feature = "wait")]
use crate::waits::Waits;

pub(crate) struct Shared {
    pub(crate) clocks: Clocks,
    pub(crate) parent: Option<Arc<QuotaTracker>>,
    pub(crate) sinks: Vec<Arc<dyn AuditSink>>,
    pub(crate) grants: bool,
    pub(crate) observe_only: bool,
    /// The peaks of the parent, if peaks are recorded.
    pub(crate) host_peaks: Option<Peaks>,
    /// The lessor, if quotas are shared with other hosts.
    pub(crate) lending: Option<Lending>,
    /// The number of events so far.
    pub(crate) events: AtomicU64,
    /// The queues of all components, if there is a parent or a lessor.
    #[cfg(feature = "wait")]
    pub(crate) waits: Waits,
}

pub(crate) enum Clocks {
    /// The clock that the host has chosen.
    Given(Arc<dyn Clock>),
    /// The coarse clock where windows are long enough for it, else the exact one.
    Default { coarse: Arc<dyn Clock>, exact: Arc<dyn Clock> },
}

impl Default for Clocks {
    fn default() -> Self {
        Self::Default { coarse: Arc::new(CoarseClock::new()), exact: Arc::new(SystemClock::new()) }
    }
}

impl Clocks {
    /// Returns the clock for windows of this length.
    pub(crate) fn of(&self, period: Duration) -> &Arc<dyn Clock> {
        match self {
            Self::Given(clock) => clock,
            Self::Default { coarse, .. } if period >= CoarseClock::SHORTEST_PERIOD => coarse,
            Self::Default { exact, .. } => exact,
        }
    }
}

impl Shared {
    /// Makes the tracker of a component.
    pub(crate) fn tracker(
        &self,
        id: &str,
        quota: ResourceQuota,
    ) -> Result<QuotaTracker, NotShared> {
        let tracker = match &self.parent {
            Some(parent) => QuotaTracker::with_parent(quota, Arc::clone(parent)),
            None => QuotaTracker::with_clock(quota, Arc::clone(self.clocks.of(quota.reset_period))),
        };
        match &self.lending {
            Some(lending) => lending.component(id, tracker),
            None => Ok(tracker),
        }
    }

    /// Reports whether the components' callers wait in one set of queues, since each may wait for
    /// units that come from elsewhere.
    #[cfg(feature = "wait")]
    pub(crate) const fn shares_queues(&self) -> bool {
        self.parent.is_some() || self.lending.is_some()
    }

    /// Refuses a period that is too short for the clock that would count it.
    pub(crate) fn check_period(&self, component: Duration) -> Result<(), EnforceError> {
        let clock = match &self.parent {
            Some(parent) => parent.clock(),
            None => self.clocks.of(component),
        };
        let shortest = clock.shortest_period();
        let levels = core::iter::successors(self.parent.as_ref(), |level| level.parent());
        let periods = levels.map(|level| level.quota().reset_period);
        let too_short =
            core::iter::once(component).chain(periods).find(|period| *period < shortest);
        too_short.map_or(Ok(()), |period| Err(EnforceError::PeriodTooShort { period, shortest }))
    }

    pub(crate) const fn enforces(&self) -> bool {
        !self.observe_only
    }

    pub(crate) const fn has_sinks(&self) -> bool {
        !self.sinks.is_empty()
    }

    pub(crate) const fn reports_grants(&self) -> bool {
        self.grants && self.has_sinks()
    }

    /// Reports an event to the sinks.
    ///
    /// A panicking sink must not unwind into a host call, or out of a destructor. The panic hook
    /// has already run.
    pub(crate) fn report(
        &self,
        component: &str,
        kind: AuditKind<'_>,
        enforced: bool,
        repeats: Option<u64>,
    ) {
        // Relaxed: the counter's own order is that of events which happen one after the other.
        let sequence = self.events.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let event = AuditEvent { component, kind, enforced, sequence, repeats };
        for sink in &self.sinks {
            let _ = caught(|| sink.record(&event));
        }
    }

    /// Reports the end of an execution to the sinks.
    pub(crate) fn report_end(&self, component: &str, end: &ExecutionEnd) {
        for sink in &self.sinks {
            let _ = caught(|| sink.execution_ended(component, end));
        }
    }

    /// Lets the sinks write what they keep back.
    pub(crate) fn refresh_sinks(&self) {
        for sink in &self.sinks {
            let _ = caught(|| sink.refresh());
        }
    }
}

impl Drop for Shared {
    /// The last handle may be dropped with a grant, while a panic unwinds.
    fn drop(&mut self) {
        for sink in self.sinks.drain(..) {
            let _ = caught(|| drop(sink));
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("sinks", &self.sinks)
            .field("grants", &self.grants)
            .field("observe_only", &self.observe_only)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Clocks;
    use core::time::Duration;
    use std::sync::Arc;

    #[test]
    fn short_windows_are_counted_with_the_exact_clock() {
        let clocks = Clocks::default();
        let Clocks::Default { coarse, exact, .. } = &clocks else { panic!("no clock was given") };
        let of_ms = |ms| clocks.of(Duration::from_millis(ms));
        assert!(Arc::ptr_eq(of_ms(49), exact));
        assert!(Arc::ptr_eq(of_ms(50), coarse));
        assert!(Arc::ptr_eq(of_ms(1_000), coarse));
    }
}
