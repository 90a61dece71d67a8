//! Audit events as `tracing` events.

use limits_core::{Clock as _, Retry};

use crate::repeats::{Admission, PER_SECOND, Repeats};
use crate::{AuditEvent, AuditKind, AuditSink, CoarseClock, Level};

/// Emits audit events as `tracing` events with the target `quota_enforce::audit`.
///
/// Denials and critical levels are warnings, grants are at debug level, everything else is
/// informational. Of a kind, a component gets at most ten a second; the next one after that says in
/// `repeats` how many were left out. Whoever subscribes decides what becomes of them: a subscriber
/// that blocks blocks the host call.
#[derive(Debug)]
pub struct TracingSink {
    clock: CoarseClock,
    repeats: Repeats,
}

impl TracingSink {
    /// Makes a sink.
    #[must_use]
    pub fn new() -> Self {
        Self { clock: CoarseClock::new(), repeats: Repeats::new(PER_SECOND) }
    }

    /// Returns how many events were left out as repeats and not told of yet.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.repeats.counted()
    }
}

impl Default for TracingSink {
    fn default() -> Self {
        Self::new()
    }
}

impl AuditSink for TracingSink {
    fn record(&self, event: &AuditEvent<'_>) {
        let Admission::Report { counted: repeats } = self.repeats.admit(event, self.clock.now_ns())
        else {
            return;
        };
        let AuditEvent { component, kind, enforced } = event;
        match kind {
            AuditKind::CapabilityDenied(decision) => tracing::warn!(
                target: "quota_enforce::audit",
                component, enforced, repeats, %decision, "capability denied",
            ),
            AuditKind::CapabilityGranted(decision) => tracing::debug!(
                target: "quota_enforce::audit",
                component, repeats, %decision, "capability granted",
            ),
            AuditKind::QuotaDenied(error) => tracing::warn!(
                target: "quota_enforce::audit",
                component, enforced, repeats,
                resource = error.resource().key(),
                used = error.used(),
                requested = error.requested(),
                limit = error.limit(),
                level = error.level(),
                retry = %ShownRetry(error.retry()),
                "quota denied",
            ),
            AuditKind::QuotaGranted { resource, amount } => tracing::debug!(
                target: "quota_enforce::audit",
                component, repeats, resource = resource.key(), amount, "quota granted",
            ),
            AuditKind::Threshold { resource, from, to: to @ Level::Critical, status } => {
                tracing::warn!(
                    target: "quota_enforce::audit",
                    component, repeats, resource = resource.key(), %from, %to,
                    used = status.used(), limit = %status.limit(),
                    "quota threshold",
                );
            }
            AuditKind::Threshold { resource, from, to, status } => tracing::info!(
                target: "quota_enforce::audit",
                component, repeats, resource = resource.key(), %from, %to,
                used = status.used(), limit = %status.limit(),
                "quota threshold",
            ),
            AuditKind::Registered | AuditKind::Unregistered => tracing::info!(
                target: "quota_enforce::audit",
                component, repeats, "component {}", kind.name(),
            ),
        }
    }
}

/// When to ask again, for people.
struct ShownRetry(Retry);

impl core::fmt::Display for ShownRetry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Retry::Now => f.write_str("when something is given back"),
            Retry::After(wait) => write!(f, "after {wait:?}"),
            Retry::Never => f.write_str("never"),
        }
    }
}
