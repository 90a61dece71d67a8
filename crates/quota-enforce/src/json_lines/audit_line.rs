//! A line of an audit log.

use std::time::SystemTime;

use limits_core::Extent;
use serde::Serialize;

use crate::audit::{AuditEvent, AuditKind};
use crate::lessor::ClusterEvent;
use crate::refusal_view::{RefusalView, is_false};

pub(super) fn time_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Events that were lost; see [`JsonLinesSink`](super::JsonLinesSink).
#[derive(Serialize)]
pub(super) struct Loss {
    pub(super) time_ms: u64,
    pub(super) event: &'static str,
    pub(super) left_out: u64,
    pub(super) dropped: u64,
    pub(super) failed: u64,
}

/// One event. Keys that do not belong to its kind are absent.
#[derive(Default, Serialize)]
pub(super) struct Line<'a> {
    time_ms: u64,
    sequence: u64,
    event: &'static str,
    component: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'static str,
    enforced: bool,
    #[serde(skip_serializing_if = "is_zero")]
    repeats: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    /// Absent where the request is of the target itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    extent: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The choice for a rate while the store of the cluster is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_store_loss: Option<&'static str>,
    /// The time for which that store was away.
    #[serde(skip_serializing_if = "Option::is_none")]
    away_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<u64>,
    /// The units that were granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    /// Absent where the resource is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_us: Option<u64>,
    #[serde(skip_serializing_if = "is_false")]
    leased: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl<'a> Line<'a> {
    /// The bytes of a text that a guest or a store wrote, at most.
    const MOST: usize = 1_024;

    pub(super) fn of(event: &AuditEvent<'a>) -> Self {
        let AuditEvent { component, kind, enforced, sequence, repeats } = *event;
        let line = Self {
            time_ms: time_ms(),
            sequence,
            event: kind.name(),
            component,
            subject: kind.subject(),
            enforced,
            repeats: repeats.unwrap_or_default(),
            ..Self::default()
        };
        match kind {
            AuditKind::Registered | AuditKind::Unregistered => line,
            AuditKind::CapabilityDenied(decision) | AuditKind::CapabilityGranted(decision) => {
                let target = decision.resource();
                let end = target.floor_char_boundary(Self::MOST);
                let extent = Some(decision.extent()).filter(|extent| *extent != Extent::Itself);
                Self {
                    target: target.get(..end),
                    extent: extent.map(Extent::as_str),
                    rule: decision.rule().map(limits_core::Pattern::as_str),
                    reason: decision.reason().map(|reason| reason.to_string()),
                    ..line
                }
            }
            AuditKind::QuotaDenied(error) => {
                let refusal = RefusalView::from(error);
                Self {
                    used: Some(refusal.used),
                    requested: Some(refusal.requested),
                    limit: Some(refusal.limit),
                    unit: Some(refusal.unit),
                    depth: Some(refusal.depth),
                    retry: Some(refusal.retry),
                    retry_after_us: refusal.retry_after_us,
                    leased: refusal.leased,
                    ..line
                }
            }
            AuditKind::QuotaGranted { resource, amount } => {
                Self { amount: Some(amount), unit: Some(resource.unit()), ..line }
            }
            AuditKind::Threshold { resource, from, to, status } => Self {
                from: Some(from.as_str()),
                to: Some(to.as_str()),
                used: Some(status.used()),
                limit: status.limit().at_most(),
                unit: Some(resource.unit()),
                ..line
            },
            AuditKind::Cluster(event) => line.of_cluster(event),
        }
    }

    fn of_cluster(self, event: &ClusterEvent) -> Self {
        let head = |text: &str| text.get(..text.floor_char_boundary(Self::MOST)).map(String::from);
        match event {
            ClusterEvent::StoreLost { reason } => Self { reason: head(reason), ..self },
            ClusterEvent::StoreBack { after } => {
                let away_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                Self { away_ms: Some(away_ms), ..self }
            }
            ClusterEvent::Fallback { policy, .. } => {
                Self { on_store_loss: Some(policy.as_str()), ..self }
            }
            ClusterEvent::Warning { text } => Self { reason: head(text), ..self },
        }
    }
}
