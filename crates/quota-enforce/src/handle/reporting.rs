//! What a component's takes, denials and levels tell the counters and the sinks.

use core::sync::atomic::Ordering;

use limits_core::{QuotaError, QuotaResource, QuotaType, Retry};

use super::{Component, ComponentHandle};
use crate::audit::AuditKind;
use crate::level_watch::{Cause, Look};
use crate::peaks::Peaks;
use crate::throttle::Throttle;

impl ComponentHandle {
    /// Looks at all [levels](crate::UsageLevel) of use and reports those that have changed. Taking,
    /// charging, releasing and settling a grant do so for what they touch; this is for levels of
    /// rates, which fall as windows pass.
    ///
    /// Sinks that keep crossings back, as there were too many in a second, write the last of them.
    pub fn refresh_levels(&self) {
        self.look_at_levels();
        self.0.shared.refresh_sinks();
    }

    pub(crate) fn look_at_levels(&self) {
        for &resource in QuotaResource::ALL {
            self.watch_fall(resource);
        }
    }

    /// Makes a refusal say how long to wait by any clock. The tracker says it by its own, which may be
    /// behind.
    pub(super) fn by_any_clock(&self, error: QuotaError) -> QuotaError {
        let Some(wait) = error.retry().after() else { return error };
        error.with_retry(Retry::After(wait.saturating_add(self.0.tracker.clock().lag())))
    }

    /// Takes note of a denial by a quota; it is an error unless the registry only observes.
    pub(super) fn refuse(&self, error: QuotaError) -> Result<(), QuotaError> {
        let error = self.by_any_clock(error);
        if let Some(counter) = self.0.denied.quota.get(error.resource().index()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if error.depth() > 0
            && let Some(counter) = self.0.denied.by_parent.get(error.resource().index())
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let enforced = self.0.shared.enforces();
        self.report(AuditKind::QuotaDenied(error), enforced);
        if enforced { Err(error) } else { Ok(()) }
    }

    #[inline]
    pub(super) fn granted(&self, quotas: &[QuotaType]) {
        if self.0.shared.has_sinks() || self.0.peaks.is_some() {
            self.tell_granted(quotas);
        }
    }

    /// Tells the sinks what was taken, and looks at the levels.
    fn tell_granted(&self, quotas: &[QuotaType]) {
        if self.0.shared.reports_grants() {
            for quota in quotas {
                if let Some(resource) = quota.resource() {
                    let amount = quota.amount();
                    self.report(AuditKind::QuotaGranted { resource, amount }, true);
                }
            }
        }
        self.watch(quotas);
    }

    /// Looks at the levels of what was just taken.
    pub(super) fn watch(&self, quotas: &[QuotaType]) {
        if let Some(peaks) = &self.0.peaks {
            self.note_peaks(peaks);
        }
        for quota in quotas {
            if let Some(resource) = quota.resource() {
                self.watch_one(resource, Cause::Taken(quota.amount()));
            }
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

    /// Looks at the levels of what was refused. A take of several resources or levels may have held a
    /// part of it for a moment, in which another thread may have looked.
    pub(super) fn look_again(&self, quotas: &[QuotaType]) {
        for resource in quotas.iter().filter_map(|quota| quota.resource()) {
            self.watch_fall(resource);
        }
    }

    /// Looks at the level of what a grant was settled for, after more or less than it held.
    pub(crate) fn settled(&self, resource: QuotaResource, more: u64) {
        if more > 0 {
            self.watch(&[QuotaType::of(resource, more)]);
        } else {
            self.watch_fall(resource);
        }
    }

    /// Looks at a level after something came back.
    pub(super) fn watch_fall(&self, resource: QuotaResource) {
        self.watch_one(resource, Cause::Fallen);
    }

    /// Reports the crossings of one resource's level.
    fn watch_one(&self, resource: QuotaResource, seen: Cause) {
        let Some(level_watch) = self.0.level_watches.get(resource.index()) else { return };
        // A component that is gone has no level that holds; a successor of its id may have one.
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
        level_watch.watch(seen, look, |from, to, status| {
            let kind = AuditKind::Threshold { resource, from, to, status: *status };
            self.report(kind, true);
        });
    }

    pub(crate) fn report(&self, kind: AuditKind<'_>, enforced: bool) {
        let Component { id, shared, throttle, tracker, .. } = &*self.0;
        if !shared.has_sinks() {
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
