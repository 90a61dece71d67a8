//! Audit events as `tracing` events.

use core::sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;

use limits_core::{Clock, Escaped, Retry};

use crate::audit::{AuditEvent, AuditKind, AuditSink};
use crate::coarse_clock::CoarseClock;
use crate::crossings::{Crossings, Due};
use crate::lessor::ClusterEvent;
use crate::usage_level::UsageLevel;

/// The characters of an id in an event.
const COMPONENT_CHARACTERS: usize = 256;

/// Emits audit events as `tracing` events with the target `quota_enforce::audit`.
///
/// Denials, critical levels, the loss of a [cluster's](AuditKind::Cluster) store and its warnings
/// are warnings, grants are at debug level, everything else is informational.
///
/// A component gets at most ten events a second for each kind of denial or grant; the next event
/// after that has in `repeats` how many were left out. It gets at most twelve a second for
/// crossings of one resource's level: a rise is emitted at once, and a fall that is kept back is
/// emitted in a later second with the next event of any component, or by `refresh_levels`. A
/// subscriber that blocks blocks the host call.
#[derive(Debug)]
pub struct TracingSink {
    clock: Arc<dyn Clock>,
    crossings: Crossings,
    /// Events that were left out, less those in the `repeats` of others. Below zero for a moment if
    /// an event is counted before its repeats.
    left_out: AtomicI64,
}

impl TracingSink {
    /// Makes a sink.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(CoarseClock::new()))
    }

    fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, crossings: Crossings::default(), left_out: AtomicI64::new(0) }
    }

    /// Returns the number of events that were left out and are in no event's `repeats` yet, with
    /// the crossings that are kept back.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        let repeats = u64::try_from(self.left_out.load(Ordering::Relaxed)).unwrap_or_default();
        repeats.saturating_add(self.crossings.left_out())
    }
}

impl Default for TracingSink {
    fn default() -> Self {
        Self::new()
    }
}

impl AuditSink for TracingSink {
    fn record(&self, event: &AuditEvent<'_>) {
        let second = self.clock.now_ns() / 1_000_000_000;
        if let AuditKind::Registered | AuditKind::Unregistered = event.kind {
            self.crossings.forget(event.component);
        }
        match (event.kind, event.repeats) {
            (AuditKind::Threshold { .. }, _) => {
                self.crossings.record(event, second, emit);
            }
            (_, Some(repeats)) => {
                let repeats = i64::try_from(repeats).unwrap_or(i64::MAX);
                self.left_out.fetch_sub(repeats, Ordering::Relaxed);
                emit(event);
            }
            (_, None) => {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        self.crossings.write_due(Due::In(second), emit);
    }

    fn refresh(&self) {
        self.crossings.write_due(Due::All, emit);
    }
}

/// Emits an event; it never fails.
fn emit(event: &AuditEvent<'_>) -> bool {
    let AuditEvent { component, kind, enforced, sequence, repeats } = event;
    let repeats = repeats.unwrap_or_default();
    // A subscriber may write the text as it is.
    let component = &Escaped::head(component, COMPONENT_CHARACTERS);
    match kind {
        AuditKind::CapabilityDenied(decision) => tracing::warn!(
            target: "quota_enforce::audit",
            %component, sequence, enforced, repeats, %decision, "capability denied",
        ),
        AuditKind::CapabilityGranted(decision) => tracing::debug!(
            target: "quota_enforce::audit",
            %component, sequence, repeats, %decision, "capability granted",
        ),
        AuditKind::QuotaDenied(error) => tracing::warn!(
            target: "quota_enforce::audit",
            %component, sequence, enforced, repeats,
            resource = error.resource().key(),
            used = error.used(),
            requested = error.requested(),
            limit = error.limit(),
            depth = error.depth(),
            retry = %ShownRetry(error.retry()),
            leased = error.is_leased(),
            "quota denied",
        ),
        AuditKind::QuotaGranted { resource, amount } => tracing::debug!(
            target: "quota_enforce::audit",
            %component, sequence, repeats, resource = resource.key(), amount, "quota granted",
        ),
        AuditKind::Threshold { resource, from, to: to @ UsageLevel::Critical, status } => {
            tracing::warn!(
                target: "quota_enforce::audit",
                %component, sequence, repeats, resource = resource.key(), %from, %to,
                used = status.used(), limit = %status.limit(),
                "quota threshold",
            );
        }
        AuditKind::Threshold { resource, from, to, status } => tracing::info!(
            target: "quota_enforce::audit",
            %component, sequence, repeats, resource = resource.key(), %from, %to,
            used = status.used(), limit = %status.limit(),
            "quota threshold",
        ),
        AuditKind::Cluster(event @ ClusterEvent::StoreBack { .. }) => tracing::info!(
            target: "quota_enforce::audit",
            %component, sequence, event = kind.name(), resource = kind.subject(), "{event}",
        ),
        AuditKind::Cluster(event) => tracing::warn!(
            target: "quota_enforce::audit",
            %component, sequence, event = kind.name(), resource = kind.subject(), "{event}",
        ),
        AuditKind::Registered | AuditKind::Unregistered => tracing::info!(
            target: "quota_enforce::audit",
            %component, sequence, repeats, "component {}", kind.name(),
        ),
    }
    true
}

/// The time to retry, for people.
struct ShownRetry(Retry);

impl core::fmt::Display for ShownRetry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0 {
            Retry::Now => f.write_str("when units are released"),
            Retry::After(wait) => write!(f, "after {wait:?}"),
            Retry::Never => f.write_str("never"),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::TracingSink;
    use crate::audit::{AuditEvent, AuditKind, AuditSink};
    use crate::usage_level::UsageLevel::{Critical, Normal};
    use core::time::Duration;
    use limits_core::{Allowance, ManualClock, QuotaResource, QuotaResourceStatus};
    use std::sync::Arc;

    #[test]
    fn a_fall_that_was_kept_back_is_emitted_with_the_next_event_of_a_later_second() {
        // I7
        let clock = Arc::new(ManualClock::new());
        let sink = TracingSink::with_clock(Arc::<ManualClock>::clone(&clock));
        let cross = |from, to| {
            let status = QuotaResourceStatus::new(0, Allowance::AtMost(100));
            let kind = AuditKind::Threshold { resource: QuotaResource::Storage, from, to, status };
            sink.record(&AuditEvent::new("a", kind, true));
        };
        for _ in 0..6 {
            cross(Normal, Critical);
            cross(Critical, Normal);
        }
        let other = AuditEvent::new("b", AuditKind::Registered, true);
        sink.record(&other);
        assert_eq!(sink.left_out(), 1);
        clock.advance(Duration::from_secs(1));
        sink.record(&other.with_repeats(None));
        assert_eq!(sink.left_out(), 2, "one that is too many itself emits nothing");
        sink.record(&other);
        assert_eq!(sink.left_out(), 1);
    }
}
