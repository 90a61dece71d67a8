//! A component's use, for monitoring.

use core::sync::atomic::{AtomicU64, Ordering};

use limits_core::{LeaseUse, QuotaResource, QuotaStatus, QuotaUsage, ResourceQuota};

use super::ComponentHandle;
use crate::denials::Denials;
use crate::peaks::Peaks;
use crate::usage_snapshot::UsageSnapshot;

impl ComponentHandle {
    /// Returns the quota in force.
    #[must_use]
    pub fn quota(&self) -> ResourceQuota {
        self.0.tracker.quota()
    }

    /// Returns use, limit and remainder of each resource, those of rates in the current window.
    ///
    /// Of a rate that [hosts share](crate::QuotaRegistryBuilder::lessor), the use is that on this
    /// host and the limit that of all hosts, so less may be left.
    #[must_use]
    pub fn status(&self) -> QuotaStatus {
        self.0.tracker.status()
    }

    /// Returns the use of each resource.
    #[must_use]
    pub fn usage(&self) -> QuotaUsage {
        self.0.tracker.usage()
    }

    /// Returns the highest use of each resource since the component was registered, that of a rate
    /// in one window. None unless the registry [records](crate::QuotaRegistryBuilder::record_peaks)
    /// it.
    #[must_use]
    pub fn peak_usage(&self) -> Option<QuotaUsage> {
        self.0.peaks.as_deref().map(Peaks::usage)
    }

    /// Returns what is leased to this host of a rate that hosts share, and the use of that, in the
    /// window. None for a resource that is bounded on this host alone.
    #[must_use]
    pub fn lease(&self, resource: QuotaResource) -> Option<LeaseUse> {
        Some(self.0.tracker.leases()?.of(resource)?.usage())
    }

    /// Returns the use of each resource in a form that can be stored. Of a rate that hosts share it
    /// has the debt only: the store keeps the rest.
    #[must_use]
    pub fn snapshot(&self) -> UsageSnapshot {
        let mut usage = self.usage();
        for (resource, used) in [
            (QuotaResource::MessageRate, &mut usage.message_count),
            (QuotaResource::NetworkBandwidth, &mut usage.network_bandwidth_used),
            (QuotaResource::CpuTime, &mut usage.cpu_time_used_us),
        ] {
            if let Some(lease) = self.lease(resource) {
                *used = lease.debt();
            }
        }
        usage.into()
    }

    /// Reports whether 80 % or more of any quota are used.
    #[must_use]
    pub fn is_quota_warning(&self) -> bool {
        self.0.tracker.is_quota_warning()
    }

    /// Reports whether 95 % or more of any quota are used.
    #[must_use]
    pub fn is_quota_critical(&self) -> bool {
        self.0.tracker.is_quota_critical()
    }

    /// Returns the number of denials since the component was registered.
    ///
    /// A denial costs the component nothing. A component that is denied without end is the host's
    /// to stop, and this count shows it.
    #[must_use]
    pub fn denials(&self) -> Denials {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.0.denied;
        Denials::new(
            count(&counters.capability),
            counters.quota.each_ref().map(count),
            counters
                .by_parent
                .as_deref()
                .map_or_else(Default::default, |all| all.each_ref().map(count)),
        )
    }
}
