//! What all components of a registry have in common.

use core::fmt;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::Arc;

use limits_core::{Clock, QuotaError, QuotaTracker, ResourceQuota, Retry, SystemClock};

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
    Default {
        coarse: Arc<dyn Clock>,
        /// How far `coarse` is behind at most.
        lag: Duration,
        exact: Arc<dyn Clock>,
    },
}

impl Default for Clocks {
    fn default() -> Self {
        Self::Default {
            coarse: Arc::new(CoarseClock::new()),
            lag: CoarseClock::resolution(),
            exact: Arc::new(SystemClock::new()),
        }
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
    pub(crate) fn tracker(&self, quota: ResourceQuota) -> QuotaTracker {
        match &self.parent {
            Some(parent) => QuotaTracker::with_parent(quota, Arc::clone(parent)),
            None => QuotaTracker::with_clock(quota, Arc::clone(self.clocks.of(quota.reset_period))),
        }
    }

    /// Returns the time by the clock that windows of this length are counted with.
    pub(crate) fn now_ns(&self, period: Duration) -> u64 {
        self.clocks.of(period).now_ns()
    }

    /// Makes a refusal say how long to wait by any clock: a tracker says it by its own, which may be
    /// behind. What a parent reads is not known here; it is taken to be exact.
    pub(crate) fn by_any_clock(&self, error: QuotaError) -> QuotaError {
        let (Retry::After(wait), Some(period)) = (error.retry(), error.period()) else {
            return error;
        };
        let Clocks::Default { lag, .. } = &self.clocks else { return error };
        if self.parent.is_some() || period < CoarseClock::SHORTEST_PERIOD {
            return error;
        }
        let retry = Retry::After(wait.saturating_add(*lag));
        QuotaError::new(error.resource(), error.used(), error.requested(), error.limit(), retry)
            .at_level(error.level())
            .per(period)
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
            // A sink that panics decides nothing for a component, not even by unwinding: it may be
            // told from a destructor. The program's panic hook has heard of it.
            let _ = catch_unwind(AssertUnwindSafe(|| sink.record(event)));
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
    use super::{Clocks, Shared};
    use crate::ComponentHandle;
    use core::time::Duration;
    use limits_core::{
        Account, Clock, ManualClock, QuotaError, QuotaResource, QuotaTracker, QuotaType,
        ResourceQuota, Retry,
    };
    use std::sync::Arc;

    const TICK: Duration = Duration::from_millis(4);

    #[test]
    fn short_windows_are_counted_with_the_exact_clock() {
        let clocks = Clocks::default();
        let Clocks::Default { coarse, exact, .. } = &clocks else { panic!("no clock was given") };
        let of_ms = |ms| clocks.of(Duration::from_millis(ms));
        assert!(Arc::ptr_eq(of_ms(49), exact));
        assert!(Arc::ptr_eq(of_ms(50), coarse));
        assert!(Arc::ptr_eq(of_ms(1_000), coarse));
    }

    fn at(ns: u64) -> Arc<dyn Clock> {
        let clock = Arc::new(ManualClock::new());
        clock.set_ns(ns);
        clock
    }

    fn shared(coarse: Arc<dyn Clock>, parent: Option<Arc<QuotaTracker>>) -> Shared {
        Shared {
            clocks: Clocks::Default { coarse, lag: TICK, exact: at(2) },
            parent,
            sinks: Vec::new(),
            grants: false,
            observe_only: false,
        }
    }

    #[test]
    fn levels_are_timed_by_the_clock_that_their_windows_are_counted_with() {
        // By the coarse one, a rate that was high in every window of 1 ms seemed idle at each tick.
        let shared = shared(at(1), None);
        assert_eq!(shared.now_ns(Duration::from_millis(1)), 2);
        assert_eq!(shared.now_ns(Duration::from_secs(1)), 1);
    }

    /// A clock that moves on with every fourth millisecond of another.
    #[derive(Debug)]
    struct Ticking(Arc<ManualClock>);

    impl Clock for Ticking {
        fn now_ns(&self) -> u64 {
            let tick = u64::try_from(TICK.as_nanos()).unwrap();
            self.0.now_ns() / tick * tick
        }
    }

    #[test]
    fn whoever_waits_by_the_wall_as_long_as_told_is_let_in() {
        // Of 20 that did, 13 were refused once more.
        for period_ms in [50, 53, 1_000] {
            for start_us in (0..20_000).step_by(700) {
                let wall = Arc::new(ManualClock::new());
                wall.set_ns(start_us * 1_000);
                let shared = Arc::new(shared(Arc::new(Ticking(Arc::clone(&wall))), None));
                let period = Duration::from_millis(period_ms);
                let quota = ResourceQuota::new().with_message_rate(1_u64).with_reset_period(period);
                let tracker = shared.tracker(quota);
                let capabilities = limits_core::CapabilitySet::new();
                let handle = ComponentHandle::new(Box::from("a"), capabilities, tracker, shared);
                let one = QuotaType::MessageRate(1);
                wall.advance(Duration::from_micros(300));
                handle.consume(one).unwrap();
                wall.advance(Duration::from_micros(1_700));
                let refused = handle.consume(one).unwrap_err();
                let refused = *refused.as_quota().unwrap();
                assert_eq!(Account::peek(&handle, one), Err(refused));
                assert_eq!(refused.period(), Some(period));
                let Retry::After(wait) = refused.retry() else { panic!("{refused}") };
                wall.advance(wait);
                handle.consume(one).unwrap();
                // And not much longer than it takes.
                assert!(wait <= period + TICK);
            }
        }
    }

    #[test]
    fn what_is_counted_exactly_is_told_exactly() {
        let after = |period_ms| {
            QuotaError::new(QuotaResource::CpuTime, 1, 2, 3, Retry::After(TICK))
                .at_level(1)
                .per(Duration::from_millis(period_ms))
        };
        let alone = shared(at(0), None);
        assert_eq!(alone.by_any_clock(after(49)), after(49));
        let parent = QuotaTracker::with_clock(ResourceQuota::new(), at(0));
        let child = shared(at(0), Some(Arc::new(parent)));
        assert_eq!(child.by_any_clock(after(1_000)), after(1_000));
        let never = QuotaError::new(QuotaResource::Storage, 1, 2, 1, Retry::Never);
        assert_eq!(alone.by_any_clock(never), never);
        let later = QuotaError::new(QuotaResource::CpuTime, 1, 2, 3, Retry::After(TICK * 2));
        assert_eq!(alone.by_any_clock(after(50)), later.at_level(1).per(Duration::from_millis(50)));
    }
}
