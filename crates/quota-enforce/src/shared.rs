//! What all components of a registry have in common.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use limits_core::{Clock, QuotaTracker, ResourceQuota, SystemClock};

use crate::{AuditEvent, AuditSink, CoarseClock};

pub(crate) struct Shared {
    pub(crate) clocks: Clocks,
    pub(crate) parent: Option<Arc<QuotaTracker>>,
    pub(crate) sinks: Vec<Arc<dyn AuditSink>>,
    pub(crate) grants: bool,
    pub(crate) observe_only: bool,
}

pub(crate) enum Clocks {
    /// The one that the host gave.
    Given(Arc<dyn Clock>),
    /// The cheap one where windows are long enough for it, else the exact one.
    Default { coarse: Arc<dyn Clock>, exact: Arc<dyn Clock> },
}

impl Default for Clocks {
    fn default() -> Self {
        Self::Default { coarse: Arc::new(CoarseClock::new()), exact: Arc::new(SystemClock::new()) }
    }
}

impl Clocks {
    pub(crate) fn for_period(&self, period: Duration) -> Arc<dyn Clock> {
        match self {
            Self::Given(clock) => Arc::clone(clock),
            Self::Default { coarse, .. } if period >= CoarseClock::SHORTEST_PERIOD => {
                Arc::clone(coarse)
            }
            Self::Default { exact, .. } => Arc::clone(exact),
        }
    }
}

impl Shared {
    pub(crate) fn tracker(&self, quota: ResourceQuota) -> QuotaTracker {
        match &self.parent {
            Some(parent) => QuotaTracker::with_parent(quota, Arc::clone(parent)),
            None => QuotaTracker::with_clock(quota, self.clocks.for_period(quota.reset_period)),
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        match &self.clocks {
            Clocks::Given(clock) => clock.now_ns(),
            Clocks::Default { coarse, .. } => coarse.now_ns(),
        }
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

    pub(crate) fn report(&self, event: &AuditEvent<'_>) {
        for sink in &self.sinks {
            sink.record(event);
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
        let Clocks::Default { coarse, exact } = &clocks else { panic!("no clock was given") };
        let for_ms = |ms| clocks.for_period(Duration::from_millis(ms));
        assert!(Arc::ptr_eq(&for_ms(49), exact));
        assert!(Arc::ptr_eq(&for_ms(50), coarse));
        assert!(Arc::ptr_eq(&for_ms(1_000), coarse));
    }
}
