//! A component's use in a form that survives a restart.

use limits_core::QuotaUsage;
use serde::{Deserialize, Serialize};

/// A component's use in a form that can be stored and read back.
///
/// Absent fields are zero, and a field of another name is an error, so that a misspelt field does
/// not restore nothing. The use of rates matters for a window, but a debt for many: see
/// [`without_rates`](Self::without_rates). [`UsageFile`](crate::UsageFile) stores the use of all
/// components with its time, and knows which part still counts.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use limits_core::{CapabilitySet, QuotaType};
/// use quota_enforce::{QuotaRegistry, SecurityContext, UsageSnapshot};
///
/// let registry = QuotaRegistry::new();
/// let shop = registry.register(SecurityContext::new("shop", CapabilitySet::new()))?;
/// shop.consume(QuotaType::Storage(900))?;
/// let written = serde_json::to_string(&registry.snapshots())?;
///
/// // In the next process.
/// let mut used: BTreeMap<Box<str>, UsageSnapshot> = serde_json::from_str(&written)?;
/// let used = used.remove("shop").unwrap_or_default().without_rates();
/// let registry = QuotaRegistry::new();
/// let again = SecurityContext::new("shop", CapabilitySet::new()).with_usage(used);
/// assert_eq!(registry.register(again)?.usage().storage_used, 900);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct UsageSnapshot {
    /// Bytes stored.
    pub storage_used: u64,
    /// Entries of directories stored: files, directories and links.
    pub storage_entries_used: u64,
    /// Messages in the window.
    pub message_count: u64,
    /// Bytes sent and received in the window.
    pub network_bandwidth_used: u64,
    /// Microseconds of CPU time in the window.
    pub cpu_time_used_us: u64,
    /// Bytes of memory of all live stores together.
    pub memory_used: u64,
}

impl UsageSnapshot {
    /// Returns the use of the totals alone: of storage, its entries and memory.
    ///
    /// It is for a snapshot that is older than a window or two. The use of rates is charged to the
    /// window in which it is restored, to the component and to the registry's parent; there the
    /// windows of many components, each from another time, would add up to a debt that none made.
    #[must_use]
    pub const fn without_rates(mut self) -> Self {
        self.message_count = 0;
        self.network_bandwidth_used = 0;
        self.cpu_time_used_us = 0;
        self
    }
}

impl From<QuotaUsage> for UsageSnapshot {
    fn from(usage: QuotaUsage) -> Self {
        Self {
            storage_used: usage.storage_used,
            storage_entries_used: usage.storage_entries_used,
            message_count: usage.message_count,
            network_bandwidth_used: usage.network_bandwidth_used,
            cpu_time_used_us: usage.cpu_time_used_us,
            memory_used: usage.memory_used,
        }
    }
}

impl From<UsageSnapshot> for QuotaUsage {
    fn from(usage: UsageSnapshot) -> Self {
        Self {
            storage_used: usage.storage_used,
            storage_entries_used: usage.storage_entries_used,
            message_count: usage.message_count,
            network_bandwidth_used: usage.network_bandwidth_used,
            cpu_time_used_us: usage.cpu_time_used_us,
            memory_used: usage.memory_used,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UsageSnapshot;
    use limits_core::QuotaUsage;

    #[test]
    fn what_is_written_is_read_back_absent_fields_are_zero_and_others_are_refused() {
        let usage = QuotaUsage { storage_used: u64::MAX, memory_used: 7, ..QuotaUsage::default() };
        let usage = QuotaUsage { storage_entries_used: 4, ..usage };
        let written = serde_json::to_string(&UsageSnapshot::from(usage)).unwrap();
        assert_eq!(
            written,
            "{\"storage_used\":18446744073709551615,\"storage_entries_used\":4,\
             \"message_count\":0,\"network_bandwidth_used\":0,\"cpu_time_used_us\":0,\"memory_used\":7}"
        );
        let read: UsageSnapshot = serde_json::from_str(&written).unwrap();
        assert_eq!(QuotaUsage::from(read), usage);
        let stored = QuotaUsage { message_count: 3, cpu_time_used_us: 4, ..usage };
        let stored = QuotaUsage { network_bandwidth_used: 5, ..stored };
        assert_eq!(UsageSnapshot::from(stored).without_rates(), read);
        let refused = serde_json::from_str::<UsageSnapshot>("{\"storage\":900}").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "unknown field `storage`, expected one of `storage_used`, `storage_entries_used`, \
             `message_count`, `network_bandwidth_used`, `cpu_time_used_us`, `memory_used` at line 1 column 10"
        );
        let partial: UsageSnapshot = serde_json::from_str("{\"message_count\":3}").unwrap();
        assert_eq!((partial.message_count, partial.storage_used), (3, 0));
    }
}
