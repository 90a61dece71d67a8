//! Use and limits as serialised for monitoring.

use limits_core::{QuotaResource, QuotaResourceStatus, QuotaStatus};
use serde::Serialize;

use crate::usage_level::UsageLevel;

/// A [`QuotaStatus`] to be serialised. The names are stable.
///
/// ```
/// use limits_core::{Allowance, CapabilitySet, QuotaType, ResourceQuota};
/// use quota_enforce::{QuotaRegistry, SecurityContext, StatusView};
///
/// let quota = ResourceQuota::new().with_storage(1_000).with_memory(Allowance::Unlimited);
/// let registry = QuotaRegistry::new();
/// let shop = registry.register(SecurityContext::with_quota("shop", CapabilitySet::new(), quota))?;
/// shop.consume(QuotaType::Storage(850))?;
/// let status = StatusView::from(shop.status());
/// assert_eq!(
///     serde_json::to_string(&status.storage)?,
///     r#"{"used":850,"limit":1000,"available":150,"unit":"bytes","level":"warning"}"#
/// );
/// // An unlimited resource has no limit and no remainder.
/// assert_eq!(
///     serde_json::to_string(&status.memory)?,
///     r#"{"used":0,"unit":"bytes","level":"normal"}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatusView {
    /// Bytes stored.
    pub storage: ResourceView,
    /// Entries of directories stored: files, directories and links.
    pub storage_entries: ResourceView,
    /// Messages in the current window.
    pub message_rate: ResourceView,
    /// Bytes sent and received in the current window.
    pub network_bandwidth: ResourceView,
    /// CPU time in the current window.
    pub cpu_time: ResourceView,
    /// Bytes of memory in use.
    pub memory: ResourceView,
}

/// Use and limit of one resource, to be serialised.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResourceView {
    /// Units in use, which can be more than the limit.
    pub used: u64,
    /// Units allowed; absent if the resource is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Units left; absent if the resource is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<u64>,
    /// The unit of these numbers: `bytes`, `entries`, `messages` or `µs`.
    pub unit: &'static str,
    /// The level of use that these numbers have. The level that sinks heard of last may be higher:
    /// a level is left five points below the point where it is reached.
    pub level: UsageLevel,
}

impl ResourceView {
    fn new(resource: QuotaResource, status: QuotaResourceStatus) -> Self {
        Self {
            used: status.used(),
            limit: status.limit().at_most(),
            available: status.available().at_most(),
            unit: resource.unit(),
            level: UsageLevel::of(&status),
        }
    }
}

impl From<QuotaStatus> for StatusView {
    fn from(status: QuotaStatus) -> Self {
        let of = |resource| ResourceView::new(resource, status.of(resource));
        Self {
            storage: of(QuotaResource::Storage),
            storage_entries: of(QuotaResource::StorageEntries),
            message_rate: of(QuotaResource::MessageRate),
            network_bandwidth: of(QuotaResource::NetworkBandwidth),
            cpu_time: of(QuotaResource::CpuTime),
            memory: of(QuotaResource::Memory),
        }
    }
}
