//! The limits of a tracker, each changeable while takes go on.

use crate::quota::allowance::{Allowance, UNLIMITED};
use crate::quota::quota_type::MICROS_PER_MS;
use crate::quota::quota_type::QuotaResource;
use crate::quota::resource_quota::ResourceQuota;
use crate::quota::sync::{AtomicU64, Ordering};
use crate::quota::window::Windows;

/// The limits, each in one word and in the unit that is counted.
///
/// A take in flight while a limit changes counts against either the old or the new one.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// Those of rates first: a tracker has them on the line that takes of rates read.
    words: [AtomicU64; 6],
    /// The word of a rate without a limit: all that a window can count.
    no_limit: u64,
}

/// The resources in the order of the words.
const RATES_FIRST: [QuotaResource; 6] = [
    QuotaResource::MessageRate,
    QuotaResource::NetworkBandwidth,
    QuotaResource::CpuTime,
    QuotaResource::Storage,
    QuotaResource::StorageEntries,
    QuotaResource::Memory,
];

impl Bounds {
    /// Returns the limits of a quota that counts its rates in these windows.
    pub(crate) fn new(quota: &ResourceQuota, windows: Windows) -> Self {
        Self {
            words: RATES_FIRST.map(|one| AtomicU64::new(word(quota, one, windows))),
            no_limit: windows.ceiling(UNLIMITED),
        }
    }

    /// Returns the limit of a resource as reported.
    pub(crate) fn get(&self, resource: QuotaResource) -> Allowance {
        Allowance::of_word(self.units(resource))
    }

    /// Returns the limit of a resource in the counted unit, or [`UNLIMITED`].
    #[inline]
    pub(crate) fn units(&self, resource: QuotaResource) -> u64 {
        match self.ceiling(resource) {
            units if resource.is_rate() && units == self.no_limit => UNLIMITED,
            units => units,
        }
    }

    /// Returns the limit of a resource in the counted unit; without a limit, all that can be
    /// counted: of a rate, its window's [ceiling](Windows::ceiling).
    #[inline]
    pub(crate) fn ceiling(&self, resource: QuotaResource) -> u64 {
        // Acquire pairs with the release in `change`: a reader that sees a lowered limit also sees
        // what `Rate::before_change` stored about the higher one.
        self.word(resource).load(Ordering::Acquire)
    }

    #[inline]
    const fn word(&self, resource: QuotaResource) -> &AtomicU64 {
        let [messages, network, cpu, storage, entries, memory] = &self.words;
        match resource {
            QuotaResource::Storage => storage,
            QuotaResource::StorageEntries => entries,
            QuotaResource::MessageRate => messages,
            QuotaResource::NetworkBandwidth => network,
            QuotaResource::CpuTime => cpu,
            QuotaResource::Memory => memory,
        }
    }

    /// Changes the limit of a resource to that of a quota. Calls `before` with the limit in force
    /// before it stores another.
    pub(crate) fn change(
        &self,
        resource: QuotaResource,
        quota: &ResourceQuota,
        windows: Windows,
        before: impl FnOnce(u64),
    ) {
        let next = word(quota, resource, windows);
        if next != self.ceiling(resource) {
            before(self.units(resource));
            self.word(resource).store(next, Ordering::Release);
        }
    }

    /// Returns the limits as a quota.
    pub(crate) fn quota(&self, windows: Windows) -> ResourceQuota {
        let cpu_time_ms = match self.get(QuotaResource::CpuTime) {
            Allowance::AtMost(us) => Allowance::AtMost(us / MICROS_PER_MS),
            Allowance::Unlimited => Allowance::Unlimited,
        };
        ResourceQuota::new()
            .with_storage(self.get(QuotaResource::Storage))
            .with_storage_entries(self.get(QuotaResource::StorageEntries))
            .with_message_rate(self.get(QuotaResource::MessageRate))
            .with_network_bandwidth(self.get(QuotaResource::NetworkBandwidth))
            .with_cpu_time(cpu_time_ms)
            .with_memory(self.get(QuotaResource::Memory))
            .with_reset_period(windows.period())
    }
}

/// Returns the word for a quota's limit of a resource.
fn word(quota: &ResourceQuota, resource: QuotaResource, windows: Windows) -> u64 {
    let (limit, most, units) = match resource {
        QuotaResource::Storage => (quota.max_storage_bytes, u64::MAX, 1),
        QuotaResource::StorageEntries => (quota.max_storage_entries, u64::MAX, 1),
        QuotaResource::MessageRate => (quota.max_message_rate, windows.capacity(), 1),
        QuotaResource::NetworkBandwidth => (quota.max_network_bandwidth, windows.capacity(), 1),
        QuotaResource::CpuTime => (quota.max_cpu_time_ms, windows.capacity(), MICROS_PER_MS),
        QuotaResource::Memory => (quota.max_memory_bytes, u64::MAX, 1),
    };
    match limit {
        // Whole milliseconds of CPU time, so that the quota can be reported again.
        Allowance::AtMost(limit) => limit.min(most / units) * units,
        Allowance::Unlimited if resource.is_rate() => windows.ceiling(UNLIMITED),
        Allowance::Unlimited => UNLIMITED,
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;
    use crate::quota::allowance::{Allowance, UNLIMITED};
    use crate::quota::quota_type::QuotaResource;
    use crate::quota::resource_quota::ResourceQuota;
    use crate::quota::window::Windows;
    use core::time::Duration;

    #[test]
    fn each_limit_changes_alone() {
        let windows = Windows::new(Duration::from_secs(1));
        let all = |limit: Allowance| {
            ResourceQuota::new()
                .with_storage(limit)
                .with_storage_entries(limit)
                .with_message_rate(limit)
                .with_network_bandwidth(limit)
                .with_cpu_time(limit)
                .with_memory(limit)
        };
        let bounds = Bounds::new(&ResourceQuota::new(), windows);
        for &resource in QuotaResource::ALL {
            for limit in [Allowance::Unlimited, Allowance::AtMost(7), Allowance::AtMost(0)] {
                let others = QuotaResource::EACH.map(|other| bounds.get(other));
                bounds.change(resource, &all(limit), windows, |_| {});
                let counted = Bounds::new(&all(limit), windows).get(resource);
                for &other in QuotaResource::ALL {
                    let expected = if other == resource { counted } else { others[other.index()] };
                    assert_eq!(bounds.get(other), expected);
                }
            }
        }
        assert_eq!(bounds.quota(windows), all(Allowance::AtMost(0)));
    }

    #[test]
    fn a_limit_of_a_rate_is_at_most_what_a_window_can_count() {
        let windows = Windows::new(Duration::from_secs(1));
        let quota = ResourceQuota::new()
            .with_message_rate(u64::MAX)
            .with_network_bandwidth(Allowance::Unlimited)
            .with_storage(Allowance::Unlimited);
        let bounds = Bounds::new(&quota, windows);
        assert_eq!(bounds.units(QuotaResource::MessageRate), windows.capacity());
        assert_eq!(bounds.units(QuotaResource::NetworkBandwidth), UNLIMITED);
        assert_eq!(bounds.units(QuotaResource::Storage), UNLIMITED);
    }

    #[test]
    fn cpu_time_is_bounded_in_microseconds_and_reported_in_milliseconds() {
        let windows = Windows::new(Duration::from_secs(1));
        let most = windows.capacity() / 1_000;
        for (ms, us) in [(3, 3_000), (most, most * 1_000), (u64::MAX, most * 1_000)] {
            let bounds = Bounds::new(&ResourceQuota::new().with_cpu_time(ms), windows);
            assert_eq!(bounds.get(QuotaResource::CpuTime), Allowance::AtMost(us));
            let reported = bounds.quota(windows).max_cpu_time_ms;
            assert_eq!(reported, Allowance::AtMost(ms.min(most)));
        }
    }
}
