//! Leases: a rate's units from a lessor that shares one limit among several hosts.
//!
//! The lessor (a driver of `quota-cluster`, say) begins a window, adds units to it, and ends it; takes
//! spend them. A lease has a deadline on the tracker's clock, so nothing happens at its end.
//!
//! A take swaps first and reads the clock afterwards. Were the clock read before the swap only, a
//! thread that is stopped between the two would spend units of a lease that has ended meanwhile.
//!
//! - I22: in a window a leased level grants at most the units that were leased for that window.
//! - I23: a take that is granted was counted before its lease's deadline.
//! - I24: units for a window that is over add nothing, and a new window begins with nothing but
//!   debt.
//! - I25: a refund leaves the window that its units were taken in, or no window.
//! - I26: a shortage is signalled once until the lessor listens again, and a lessor that listens
//!   again sees each shortage that it was not told of.

mod rate;

use alloc::sync::Arc;
use core::fmt::Debug;

use crate::quota::quota_type::QuotaResource;
use crate::quota::sync::{AtomicU64, Ordering};

pub use self::rate::{LeaseTerms, LeaseUse, LeasedRate};

/// Hears that a leased rate is short of units.
pub trait LeaseSignal: Debug + Send + Sync {
    /// Hears that a take was refused, that the units of a lease are nearly spent, or that the limit
    /// has changed.
    ///
    /// Called from a take, once until the lessor [listens](LeasedRate::listen) again. It must not
    /// block, and must not take from the tracker.
    fn short(&self, resource: QuotaResource);
}

/// The leased rates of one tracker, which shares them with its lessor.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::sync::Arc;
/// use limits_core::{
///     LeaseSignal, LeaseTerms, Leases, QuotaResource, QuotaTracker, QuotaType, ResourceQuota,
/// };
///
/// #[derive(Debug)]
/// struct Deaf;
/// impl LeaseSignal for Deaf {
///     fn short(&self, _: QuotaResource) {}
/// }
///
/// let quota = ResourceQuota::new().with_message_rate(1_000);
/// let leases = Arc::new(Leases::new(&[QuotaResource::MessageRate], Arc::new(Deaf)));
/// let tracker = QuotaTracker::new(quota).with_leases(Arc::clone(&leases));
/// let refused = tracker.consume(QuotaType::MessageRate(1)).unwrap_err();
/// assert!(refused.is_leased());
///
/// // The lessor has 10 units for this host.
/// let messages = leases.of(QuotaResource::MessageRate).expect("it is leased");
/// messages.begin(LeaseTerms { units: 10, until: u64::MAX, ends: u64::MAX }, tracker.clock());
/// tracker.consume(QuotaType::MessageRate(10))?;
/// assert!(tracker.consume(QuotaType::MessageRate(1)).is_err());
/// # }
/// # Ok::<(), limits_core::QuotaError>(())
/// ```
#[derive(Debug)]
pub struct Leases {
    rates: [Option<LeasedRate>; RATES.len()],
    /// The limits over all hosts, in units of a window.
    limits: [AtomicU64; RATES.len()],
    signal: Arc<dyn LeaseSignal>,
}

/// The resources that can be leased.
const RATES: [QuotaResource; 3] =
    [QuotaResource::MessageRate, QuotaResource::NetworkBandwidth, QuotaResource::CpuTime];

impl Leases {
    /// Returns leases of some rates, without any units. Resources that are no rates are left out.
    #[must_use]
    pub fn new(resources: &[QuotaResource], signal: Arc<dyn LeaseSignal>) -> Self {
        Self {
            rates: RATES.map(|rate| resources.contains(&rate).then(LeasedRate::new)),
            limits: RATES.map(|_| AtomicU64::new(0)),
            signal,
        }
    }

    /// Returns the lease of a resource, `None` if it is not leased.
    #[must_use]
    pub fn of(&self, resource: QuotaResource) -> Option<&LeasedRate> {
        self.rates.get(position(resource)?)?.as_ref()
    }

    /// Returns the limit of a resource over all hosts, in its [unit](QuotaResource::unit) per
    /// window: that of the tracker's quota. `u64::MAX` if the quota has become unlimited since.
    #[must_use]
    pub fn limit(&self, resource: QuotaResource) -> u64 {
        position(resource)
            .and_then(|position| self.limits.get(position))
            .map_or(0, |limit| limit.load(Ordering::Relaxed))
    }

    pub(crate) fn set_limit(&self, resource: QuotaResource, units: u64) {
        let Some(limit) = position(resource).and_then(|position| self.limits.get(position)) else {
            return;
        };
        if limit.swap(units, Ordering::Relaxed) != units
            && let Some(lease) = self.of(resource)
        {
            self.tell(resource, lease);
        }
    }

    /// Tells the lessor that a take of `n` units was refused.
    #[cold]
    pub(crate) fn refused(&self, resource: QuotaResource, lease: &LeasedRate, n: u64) {
        lease.want(n);
        self.tell(resource, lease);
    }

    /// Tells the lessor that a lease is short, unless it was told before.
    #[cold]
    pub(crate) fn tell(&self, resource: QuotaResource, lease: &LeasedRate) {
        if lease.is_to_be_told() {
            self.signal.short(resource);
        }
    }
}

const fn position(resource: QuotaResource) -> Option<usize> {
    match resource {
        QuotaResource::MessageRate => Some(0),
        QuotaResource::NetworkBandwidth => Some(1),
        QuotaResource::CpuTime => Some(2),
        QuotaResource::Storage | QuotaResource::StorageEntries | QuotaResource::Memory => None,
    }
}
