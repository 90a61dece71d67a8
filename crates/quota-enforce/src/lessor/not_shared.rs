//! A quota that hosts cannot share.

use core::time::Duration;

use limits_core::{Allowance, Leases, QuotaResource, ResourceQuota};
use thiserror::Error;

/// A quota that hosts cannot share as it is.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum NotShared {
    /// The period is too short to be leased, or so long that the loss of the store would cost too
    /// much.
    #[error(
        "a quota that hosts share is counted in periods of {:?} to {:?}, not of {period:?}",
        NotShared::SHORTEST_PERIOD,
        NotShared::LONGEST_PERIOD
    )]
    Period {
        /// The period.
        period: Duration,
    },
    /// A limit is larger than a store counts exactly.
    #[error(
        "a {} that hosts share is at most {} {} per period, not {limit}",
        resource.name(),
        NotShared::LARGEST_LIMIT,
        resource.unit()
    )]
    Limit {
        /// The rate.
        resource: QuotaResource,
        /// The limit, in the rate's [unit](QuotaResource::unit) per period.
        limit: u64,
    },
    /// A rate gets a limit, and had none when its component was registered, so it is not leased.
    #[error(
        "the {} had no limit when the component was registered, so hosts do not share it: \
         unregister the component and register it again",
        resource.name()
    )]
    NewRate {
        /// The rate.
        resource: QuotaResource,
    },
    /// The registry's parent counts by another clock than the lessor's.
    #[error(
        "the registry's parent counts by another clock than its lessor: make it with \
         `Lessor::clock`, or use `host`"
    )]
    Clock,
}

impl NotShared {
    /// The shortest period of a quota that hosts share: 100 ms.
    pub const SHORTEST_PERIOD: Duration = Duration::from_millis(100);
    /// The longest period of a quota that hosts share: 60 s.
    pub const LONGEST_PERIOD: Duration = Duration::from_secs(60);
    /// The largest limit of a rate that hosts share: 2^40 units per period.
    pub const LARGEST_LIMIT: u64 = 1 << 40;

    /// Checks the limits of some rates of a quota, and its period if one of them has a limit.
    ///
    /// # Errors
    ///
    /// [`Period`](Self::Period) and [`Limit`](Self::Limit).
    pub fn check(resources: &[QuotaResource], quota: &ResourceQuota) -> Result<(), Self> {
        let period = quota.reset_period;
        for &resource in resources {
            let Some(limit) = rate_limit(resource, quota) else { continue };
            if !(Self::SHORTEST_PERIOD..=Self::LONGEST_PERIOD).contains(&period) {
                return Err(Self::Period { period });
            }
            if limit > Self::LARGEST_LIMIT {
                return Err(Self::Limit { resource, limit });
            }
        }
        Ok(())
    }

    /// Checks another quota of a component that was registered with these leases: as
    /// [`check`](Self::check) does, and that no rate without a lease gets a limit.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), and [`NewRate`](Self::NewRate).
    pub fn check_change(
        leases: Option<&Leases>,
        resources: &[QuotaResource],
        quota: &ResourceQuota,
    ) -> Result<(), Self> {
        Self::check(resources, quota)?;
        let is_new = |resource: &QuotaResource| {
            rate_limit(*resource, quota).is_some()
                && leases.and_then(|leases| leases.of(*resource)).is_none()
        };
        match resources.iter().copied().find(is_new) {
            Some(resource) => Err(Self::NewRate { resource }),
            None => Ok(()),
        }
    }
}

/// Returns the limit of a rate in units per period, as it is written.
fn rate_limit(resource: QuotaResource, quota: &ResourceQuota) -> Option<u64> {
    let (limit, units) = match resource {
        QuotaResource::MessageRate => (quota.max_message_rate, 1),
        QuotaResource::NetworkBandwidth => (quota.max_network_bandwidth, 1),
        QuotaResource::CpuTime => (quota.max_cpu_time_ms, 1_000),
        _ => return None,
    };
    match limit {
        Allowance::AtMost(limit) => Some(limit.saturating_mul(units)),
        Allowance::Unlimited => None,
    }
}
