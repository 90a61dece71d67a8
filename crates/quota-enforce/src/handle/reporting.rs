//! A component's takes, denials and levels on their way to the counters and the sinks.
//!
//! Calls go one way: [`ComponentHandle::on_use`] and [`ComponentHandle::deny`] are entered after
//! each change and each refusal; `on_use` offers to waiters and re-evaluates levels, and everything
//! ends in [`ComponentHandle::report`].

use core::sync::atomic::Ordering;

use limits_core::{QuotaError, QuotaResource, QuotaType, Retry};

use super::{Component, ComponentHandle};
use crate::audit::AuditKind;
use crate::level_watch::{Cause, Look};
use crate::peaks::Peaks;
use crate::throttle::Throttle;

/// A change of a component's use, or one that is undone by now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UseChange<'q> {
    /// A take was granted.
    Granted(&'q [QuotaType]),
    /// Units were counted without being granted: charged, or observed above a limit.
    Counted(&'q [QuotaType]),
    /// Units came back: released, handed back, or held for a moment by a take that was refused.
    Fallen(&'q [QuotaType]),
}

impl ComponentHandle {
    /// Re-evaluates all [levels](crate::UsageLevel) of use and reports those that have changed.
    /// Takes, charges, releases and settled grants do so for what they touch; this is for levels of
    /// rates, which fall as windows pass.
    ///
    /// Sinks that keep crossings back, because there were too many in a second, write the last of
    /// them.
    pub fn refresh_levels(&self) {
        self.re_evaluate_levels();
        self.0.shared.refresh_sinks();
    }

    pub(crate) fn re_evaluate_levels(&self) {
        for resource in QuotaResource::ALL.iter().copied() {
            self.re_evaluate_level(resource, Cause::Fallen);
        }
    }

    /// Reports grants where sinks asked for them, and the levels that a change has crossed.
    #[inline]
    pub(crate) fn on_use(&self, change: UseChange<'_>) {
        // Also after a charge: it may have held more for a moment than it counts.
        #[cfg(feature = "wait")]
        if let UseChange::Fallen(quotas) | UseChange::Counted(quotas) = change {
            self.offer(quotas);
        }
        if self.flags().is_watched() {
            self.report_use(change);
        }
    }

    fn report_use(&self, change: UseChange<'_>) {
        let (quotas, is_fall) = match change {
            UseChange::Granted(quotas) | UseChange::Counted(quotas) => (quotas, false),
            UseChange::Fallen(quotas) => (quotas, true),
        };
        let amounts = || quotas.iter().filter_map(|it| Some((it.resource()?, it.amount())));
        if matches!(change, UseChange::Granted(_)) && self.0.shared.reports_grants() {
            for (resource, amount) in amounts() {
                self.report(AuditKind::QuotaGranted { resource, amount }, true);
            }
        }
        if let Some(peaks) = self.0.peaks.as_deref().filter(|_| !is_fall) {
            self.note_peaks(peaks);
        }
        for (resource, amount) in amounts() {
            let cause = if is_fall { Cause::Fallen } else { Cause::Taken(amount) };
            self.re_evaluate_level(resource, cause);
        }
    }

    #[cold]
    fn note_peaks(&self, peaks: &Peaks) {
        let Component { tracker, shared, .. } = &*self.0;
        peaks.note(tracker);
        if let (Some(peaks), Some(host)) = (&shared.host_peaks, &shared.parent) {
            peaks.note(host);
        }
    }

    /// Counts and reports a denial by a quota; it is an error unless the registry only observes.
    pub(super) fn deny(&self, error: QuotaError) -> Result<(), QuotaError> {
        let error = self.with_clock_lag(error);
        if let Some(counter) = self.0.denied.quota.get(error.resource().index()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if error.depth() > 0
            && let Some(counters) = &self.0.denied.by_parent
            && let Some(counter) = counters.get(error.resource().index())
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let enforced = self.0.shared.enforces();
        self.report(AuditKind::QuotaDenied(error), enforced);
        if enforced { Err(error) } else { Ok(()) }
    }

    /// Adds the clock's lag to the wait of a refusal: the tracker counts it by its own clock, and
    /// the caller may sleep on another.
    pub(super) fn with_clock_lag(&self, error: QuotaError) -> QuotaError {
        let Some(wait) = error.retry().after() else { return error };
        error.with_retry(Retry::After(wait.saturating_add(self.0.tracker.clock().lag())))
    }

    /// Reports the crossings of one resource's level.
    fn re_evaluate_level(&self, resource: QuotaResource, cause: Cause) {
        let Some(level_watch) = self.0.level_watches.get(resource.index()) else { return };
        // An unregistered component has no level that holds; a successor of its id may have one.
        if !self.0.shared.has_sinks() || !self.is_registered() {
            return;
        }
        let tracker = &self.0.tracker;
        let look = || {
            let (now_ns, window_ns) = if resource.is_rate() {
                let period = tracker.quota().reset_period.as_nanos();
                (tracker.clock().now_ns(), Some(u64::try_from(period).unwrap_or(u64::MAX)))
            } else {
                (0, None)
            };
            Look { status: tracker.status_of(resource), now_ns, window_ns }
        };
        level_watch.watch(cause, look, |from, to, status| {
            let kind = AuditKind::Threshold { resource, from, to, status: *status };
            self.report(kind, true);
        });
    }

    /// Sends an event to all sinks, unless the component was never registered.
    pub(crate) fn report(&self, kind: AuditKind<'_>, enforced: bool) {
        let Component { id, shared, throttle, tracker, .. } = &*self.0;
        if !shared.has_sinks() || self.is_unheard() {
            return;
        }
        let repeats = if Throttle::decides(&kind) {
            throttle.get_or_init(Box::default).admit(&kind, tracker.clock().now_ns())
        } else {
            Some(0)
        };
        shared.report(id, kind, enforced, repeats);
    }
}
