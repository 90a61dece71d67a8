//! The highest use of each resource since a component was registered.

use core::sync::atomic::{AtomicU64, Ordering};

use limits_core::{QuotaResource, QuotaTracker, QuotaUsage};

/// The highest use of each resource on one level.
#[derive(Debug, Default)]
pub(crate) struct Peaks([AtomicU64; QuotaResource::ALL.len()]);

impl Peaks {
    /// Compares the use of a tracker with the peaks. Called after each take and each charge.
    pub(crate) fn note(&self, tracker: &QuotaTracker) {
        let usage = tracker.usage();
        for (peak, &resource) in self.0.iter().zip(QuotaResource::ALL) {
            // Relaxed: each peak stands for itself.
            peak.fetch_max(usage.of(resource), Ordering::Relaxed);
        }
    }

    /// Returns the peaks.
    pub(crate) fn usage(&self) -> QuotaUsage {
        let peak = |resource: QuotaResource| {
            self.0.get(resource.index()).map_or(0, |peak| peak.load(Ordering::Relaxed))
        };
        QuotaUsage {
            storage_used: peak(QuotaResource::Storage),
            storage_entries_used: peak(QuotaResource::StorageEntries),
            message_count: peak(QuotaResource::MessageRate),
            network_bandwidth_used: peak(QuotaResource::NetworkBandwidth),
            cpu_time_used_us: peak(QuotaResource::CpuTime),
            memory_used: peak(QuotaResource::Memory),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::QuotaRegistry;
    use crate::security_context::SecurityContext;
    use core::time::Duration;
    use limits_core::{
        Account, CapabilitySet, QuotaResource, QuotaType, QuotaUsage, ResourceQuota,
    };

    use std::sync::Arc;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn quota(memory: u64, cpu_ms: u64) -> ResourceQuota {
        ResourceQuota::new().with_memory(memory).with_cpu_time(cpu_ms).with_reset_period(HOUR)
    }

    #[test]
    fn peaks_stay_when_use_falls_and_cover_both_levels() {
        let registry = QuotaRegistry::builder().host(quota(60, 3)).record_peaks().build();
        let context = SecurityContext::with_quota("a", CapabilitySet::new(), quota(100, 5));
        let handle = registry.register(context).unwrap();
        let account = Arc::<dyn Account>::from(&handle);
        account.take(QuotaType::Memory(50)).unwrap();
        account.release(QuotaType::Memory(50));
        account.take(QuotaType::Memory(30)).unwrap();
        account.charge(QuotaType::CpuTimeMicros(5_250));
        let expected =
            QuotaUsage { memory_used: 50, cpu_time_used_us: 5_250, ..QuotaUsage::default() };
        assert_eq!(handle.peak_usage(), Some(expected));
        assert_eq!(registry.host_peak_usage(), Some(expected));
    }

    #[test]
    fn denials_are_also_counted_by_the_level_that_refused() {
        let registry = QuotaRegistry::builder().host(quota(60, 3)).build();
        let context = SecurityContext::with_quota("a", CapabilitySet::new(), quota(100, 5));
        let handle = registry.register(context).unwrap();
        let account = Arc::<dyn Account>::from(&handle);
        account.take(QuotaType::Memory(50)).unwrap();
        assert_eq!(account.take(QuotaType::Memory(20)).unwrap_err().depth(), 1);
        assert_eq!(account.take(QuotaType::Memory(51)).unwrap_err().depth(), 0);
        let denials = handle.denials();
        assert_eq!(denials.by_quota(QuotaResource::Memory), 2);
        assert_eq!(denials.by_parent(QuotaResource::Memory), 1);
        assert_eq!(denials.by_parent(QuotaResource::CpuTime), 0);
        assert_eq!((denials.total(), handle.peak_usage()), (2, None));
    }
}
