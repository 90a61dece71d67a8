//! The five limits of a tracker, each changeable while takes go on.

use crate::quota_type::MICROS_PER_MS;
use crate::sync::{AtomicU64, Ordering};
use crate::{Allowance, QuotaResource, ResourceQuota};

/// The limits, in the units of [`ResourceQuota`].
///
/// A take in flight while a limit changes counts against either the old or the new one.
#[derive(Debug)]
pub(crate) struct Bounds {
    units: [AtomicU64; 5],
    /// Bit `i` is set if resource `i` has no bound.
    unlimited: AtomicU64,
}

impl Bounds {
    /// Returns the limits of a quota.
    pub(crate) fn new(quota: &ResourceQuota) -> Self {
        let bounds = Self {
            units: core::array::from_fn(|_| AtomicU64::new(0)),
            unlimited: AtomicU64::new(0),
        };
        for resource in QuotaResource::ALL {
            bounds.set(resource, declared(quota, resource));
        }
        bounds
    }

    /// Returns the limit of a resource in its unit.
    pub(crate) fn get(&self, resource: QuotaResource) -> Allowance {
        match self.declared(resource) {
            Allowance::AtMost(ms) if matches!(resource, QuotaResource::CpuTime) => {
                Allowance::AtMost(ms.saturating_mul(MICROS_PER_MS))
            }
            limit => limit,
        }
    }

    /// Returns the limit of a resource as its quota has it.
    pub(crate) fn declared(&self, resource: QuotaResource) -> Allowance {
        // Acquire pairs with the release in `set`: whoever sees a bound again sees its units.
        if self.unlimited.load(Ordering::Acquire) & bit(resource) != 0 {
            return Allowance::Unlimited;
        }
        // Acquire pairs with the release in `set`: whoever sees a lower limit sees what
        // `Rate::before_change` has stored about the higher one.
        Allowance::AtMost(self.units[resource.index()].load(Ordering::Acquire))
    }

    /// Changes the limit of a resource.
    pub(crate) fn set(&self, resource: QuotaResource, limit: Allowance) {
        match limit {
            Allowance::AtMost(units) => {
                self.units[resource.index()].store(units, Ordering::Release);
                self.unlimited.fetch_and(!bit(resource), Ordering::Release);
            }
            Allowance::Unlimited => {
                self.unlimited.fetch_or(bit(resource), Ordering::Release);
            }
        }
    }
}

/// Returns the limit that a quota declares for a resource.
pub(crate) const fn declared(quota: &ResourceQuota, resource: QuotaResource) -> Allowance {
    match resource {
        QuotaResource::Storage => quota.max_storage_bytes,
        QuotaResource::MessageRate => quota.max_message_rate,
        QuotaResource::NetworkBandwidth => quota.max_network_bandwidth,
        QuotaResource::CpuTime => quota.max_cpu_time_ms,
        QuotaResource::Memory => quota.max_memory_bytes,
    }
}

const fn bit(resource: QuotaResource) -> u64 {
    1 << resource.index()
}

#[cfg(test)]
mod tests {
    use super::Bounds;
    use crate::{Allowance, QuotaResource, ResourceQuota};

    #[test]
    fn each_limit_changes_alone_and_the_largest_bound_is_still_one() {
        let bounds = Bounds::new(&ResourceQuota::new());
        for resource in QuotaResource::ALL {
            for limit in [Allowance::Unlimited, Allowance::AtMost(u64::MAX), Allowance::AtMost(0)] {
                let others = QuotaResource::ALL.map(|other| bounds.declared(other));
                bounds.set(resource, limit);
                for other in QuotaResource::ALL {
                    let expected = if other == resource { limit } else { others[other.index()] };
                    assert_eq!(bounds.declared(other), expected);
                }
            }
        }
    }

    #[test]
    fn cpu_time_is_bounded_in_microseconds() {
        let bounds = Bounds::new(&ResourceQuota::new().with_cpu_time(3_u64));
        assert_eq!(bounds.get(QuotaResource::CpuTime), Allowance::AtMost(3_000));
        bounds.set(QuotaResource::CpuTime, Allowance::AtMost(u64::MAX));
        assert_eq!(bounds.get(QuotaResource::CpuTime), Allowance::AtMost(u64::MAX));
    }
}
