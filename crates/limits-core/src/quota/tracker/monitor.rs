//! Use and status, for monitoring.

use super::QuotaTracker;
use crate::quota::quota_type::QuotaResource;
use crate::quota::status::{QuotaResourceStatus, QuotaStatus};
use crate::quota::usage::QuotaUsage;

impl QuotaTracker {
    /// Returns the use on this level now.
    ///
    /// Exact whenever no take of several resources or levels is under way, also in a window that
    /// has just begun.
    #[must_use]
    pub fn usage(&self) -> QuotaUsage {
        let now = self.elapsed();
        let used = |resource| self.used(resource, now);
        QuotaUsage {
            storage_used: used(QuotaResource::Storage),
            storage_entries_used: used(QuotaResource::StorageEntries),
            message_count: used(QuotaResource::MessageRate),
            network_bandwidth_used: used(QuotaResource::NetworkBandwidth),
            cpu_time_used_us: used(QuotaResource::CpuTime),
            memory_used: used(QuotaResource::Memory),
        }
    }

    /// Returns the use and the enforced limits on this level now.
    #[must_use]
    pub fn status(&self) -> QuotaStatus {
        let now = self.elapsed();
        QuotaStatus::collect(|resource| {
            QuotaResourceStatus::new(self.used(resource, now), self.bounds.get(resource))
        })
    }

    /// Returns the use and the enforced limit of one resource on this level now.
    #[must_use]
    pub fn status_of(&self, resource: QuotaResource) -> QuotaResourceStatus {
        let used = self.used(resource, self.elapsed());
        QuotaResourceStatus::new(used, self.bounds.get(resource))
    }

    /// Returns whether the use of any resource is at least 80 % of its limit.
    #[must_use]
    pub fn is_quota_warning(&self) -> bool {
        self.status().is_warning()
    }

    /// Returns whether the use of any resource is at least 95 % of its limit.
    #[must_use]
    pub fn is_quota_critical(&self) -> bool {
        self.status().is_critical()
    }
}
