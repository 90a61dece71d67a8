//! What a component's takes, denials and levels tell the counters and the sinks.

use core::sync::atomic::Ordering;

use limits_core::{QuotaError, QuotaResource, QuotaStatus, QuotaType, Retry};

use super::ComponentHandle;
use crate::alert::Seen;
use crate::{AuditEvent, AuditKind};

impl ComponentHandle {
    /// Looks at all [levels](crate::Level) of use and reports those that have changed. Taking,
    /// charging, releasing and settling a grant do so for what they touch; this is for levels of
    /// rates, which fall as windows pass.
    pub fn refresh_levels(&self) {
        for resource in QuotaResource::ALL {
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
        let enforced = self.0.shared.enforces();
        self.report(AuditKind::QuotaDenied(error), enforced);
        if enforced { Err(error) } else { Ok(()) }
    }

    #[inline]
    pub(super) fn granted(&self, quotas: &[QuotaType]) {
        if self.0.shared.has_sinks() {
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
        if self.0.shared.has_sinks() {
            let status = self.status();
            for quota in quotas {
                if let Some(resource) = quota.resource() {
                    self.watch_one(resource, &status, Seen::Taken(quota.amount()));
                }
            }
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
        if self.0.shared.has_sinks() && self.watch_one(resource, &self.status(), Seen::Fallen) {
            // Somebody may have taken something and reported it before the fall was.
            self.watch_one(resource, &self.status(), Seen::Taken(0));
        }
    }

    /// Reports a level if it has changed; tells whether it fell.
    fn watch_one(&self, resource: QuotaResource, status: &QuotaStatus, seen: Seen) -> bool {
        let Some(alert) = self.0.alerts.get(resource.index()) else { return false };
        let status = status.of(resource);
        let (now, window) = if resource.is_rate() {
            (self.0.tracker.clock().now_ns(), Some(self.quota().reset_period))
        } else {
            (0, None)
        };
        let Some((from, to)) = alert.observe(&status, now, window, seen) else { return false };
        self.report(AuditKind::Threshold { resource, from, to, status }, true);
        to < from
    }

    pub(crate) fn report(&self, kind: AuditKind<'_>, enforced: bool) {
        self.0.shared.report(&AuditEvent { component: &self.0.id, kind, enforced });
    }
}
