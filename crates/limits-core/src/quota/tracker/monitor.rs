//! What is in use and what is left.

use super::QuotaTracker;
use crate::quota::quota_type::QuotaResource;
use crate::quota::status::{QuotaResourceStatus, QuotaStatus};
use crate::quota::usage::QuotaUsage;

impl QuotaTracker {
    /// Returns what is in use now, on this level.
    ///
    /// Exact whenever no take of several resources or levels is under way, in a window that has
    /// just begun as well.
    #[must_use]
    pub fn usage(&self) -> QuotaUsage {
        let now = self.elapsed();
        let used = |resource| self.used(resource, now);
        QuotaUsage {
            storage_used: used(QuotaResource::Storage),
            message_count: used(QuotaResource::MessageRate),
            network_bandwidth_used: used(QuotaResource::NetworkBandwidth),
            cpu_time_used_us: used(QuotaResource::CpuTime),
            memory_used: used(QuotaResource::Memory),
        }
    }

    /// Returns what is in use, allowed and left now, on this level. Limits are those enforced.
    #[must_use]
    pub fn status(&self) -> QuotaStatus {
        let now = self.elapsed();
        QuotaStatus::collect(|resource| {
            QuotaResourceStatus::new(self.used(resource, now), self.bounds.get(resource))
        })
    }

    /// Returns what is in use, allowed and left now of one resource, on this level.
    #[must_use]
    pub fn status_of(&self, resource: QuotaResource) -> QuotaResourceStatus {
        let used = self.used(resource, self.elapsed());
        QuotaResourceStatus::new(used, self.bounds.get(resource))
    }

    /// Tells whether any resource is used to 80 % or more of its limit.
    #[must_use]
    pub fn is_quota_warning(&self) -> bool {
        self.status().is_warning()
    }

    /// Tells whether any resource is used to 95 % or more of its limit.
    #[must_use]
    pub fn is_quota_critical(&self) -> bool {
        self.status().is_critical()
    }
}
