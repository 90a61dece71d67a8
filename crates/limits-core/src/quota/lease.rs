//! Leases: a rate's units from a lessor that shares one limit among several hosts.
//!
//! The lessor (a driver of `quota-cluster`, say) begins a window, adds units to it, and ends it;
//! takes spend them. A lease has a deadline on the tracker's clock, so nothing happens at its end.
//!
//! A take swaps first and reads the clock afterwards. Were the clock read before the swap only, a
//! thread that is stopped between the two would spend units of a lease that has ended meanwhile.
//!
//! - I22: in a window a leased level grants at most the units that were leased for that window.
//! - I23: a take that is granted was counted before its lease's deadline.
//! - I24: units for a window that is over add nothing, and a new window begins with nothing but
//!   debt.
//! - I25: a refund leaves the window that its units were taken in, or no window.
//! - I26: a refusal is signalled once until the lessor listens again, and one that was not is in
//!   what the lessor then hears.
//!
//! I23 and I25 need a clock that does not step back, and on which a thread that reads a later time
//! than another one sees what that has done before: all clocks of one machine are such.

pub(crate) mod rate;
mod terms;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt::Debug;
use core::iter;

use crate::quota::bounds::Bounds;
use crate::quota::demand::Demand;
use crate::quota::quota_type::QuotaResource;
use crate::quota::resource_quota::ResourceQuota;
use crate::quota::window::Windows;

pub(crate) use self::rate::LeaseTake;
pub use self::rate::LeasedRate;
pub use self::terms::{LeaseTerms, LeaseUse};

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
}

/// The resources that can be leased.
const RATES: [QuotaResource; 3] =
    [QuotaResource::MessageRate, QuotaResource::NetworkBandwidth, QuotaResource::CpuTime];

impl Leases {
    /// Returns leases of some rates, without any units. Resources that are no rates are left out.
    #[must_use]
    pub fn new(resources: &[QuotaResource], signal: Arc<dyn LeaseSignal>) -> Self {
        let lease = |rate| LeasedRate::new(rate, Arc::clone(&signal));
        Self { rates: RATES.map(|rate| resources.contains(&rate).then(|| lease(rate))) }
    }

    /// Sets the limits over all hosts to those of a quota, which the tracker's quota replaces. A
    /// lessor that may ask for units before there is a tracker needs them.
    #[must_use]
    pub fn with_limits(self, quota: &ResourceQuota) -> Self {
        let bounds = Bounds::new(quota, Windows::new(quota.reset_period));
        for (lease, resource) in self.rates.iter().zip(RATES) {
            if let Some(lease) = lease {
                lease.begin_with_limit(bounds.units(resource));
            }
        }
        self
    }

    /// Returns the lease of a resource, `None` if it is not leased.
    #[must_use]
    #[inline]
    pub fn of(&self, resource: QuotaResource) -> Option<&LeasedRate> {
        let [messages, network, cpu] = &self.rates;
        match resource {
            QuotaResource::MessageRate => messages.as_ref(),
            QuotaResource::NetworkBandwidth => network.as_ref(),
            QuotaResource::CpuTime => cpu.as_ref(),
            QuotaResource::Storage | QuotaResource::StorageEntries | QuotaResource::Memory => None,
        }
    }

    /// Returns the limit of a resource over all hosts, in its [unit](QuotaResource::unit) per
    /// window: that of the tracker's quota. `u64::MAX` if the quota has become unlimited since, 0
    /// if the resource is not leased.
    #[must_use]
    pub fn limit(&self, resource: QuotaResource) -> u64 {
        self.of(resource).map_or(0, LeasedRate::limit)
    }
}

/// The leases of a level and of those above it, the topmost first.
#[derive(Debug)]
pub(crate) struct LeaseChain(Box<[Arc<Leases>]>);

impl LeaseChain {
    /// Puts the leases of a level below those of the levels above.
    pub(crate) fn below(above: Option<&Self>, own: Arc<Leases>) -> Self {
        let above = above.map_or(&[][..], |chain| &chain.0);
        Self(above.iter().cloned().chain(iter::once(own)).collect())
    }

    /// Returns the leases of a rate, in the order of the takes.
    #[inline]
    pub(crate) fn of_rate(&self, rate: QuotaResource) -> impl Iterator<Item = &LeasedRate> {
        self.0.iter().filter_map(move |leases| leases.of(rate))
    }

    /// Returns the leases that a demand takes from, with their amounts, in the order of the takes.
    #[inline]
    pub(crate) fn of(&self, demand: &Demand) -> impl Iterator<Item = (&LeasedRate, u64)> {
        self.0.iter().flat_map(move |leases| {
            demand.iter().filter_map(|(resource, n)| Some((leases.of(resource)?, n)))
        })
    }
}

#[cfg(all(test, feature = "std", not(loom)))]
mod tests {
    use super::{LeaseSignal, Leases, RATES};
    use crate::quota::quota_type::QuotaResource;
    use crate::quota::resource_quota::ResourceQuota;
    use crate::quota::tracker::QuotaTracker;
    use core::sync::atomic::{AtomicU32, Ordering};
    use core::time::Duration;
    use std::sync::Arc;

    #[derive(Debug, Default)]
    struct Told(AtomicU32);

    impl LeaseSignal for Told {
        fn short(&self, _: QuotaResource) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn limits_that_a_tracker_confirms_are_there_before_it_and_are_no_change() {
        let quota = ResourceQuota::new()
            .with_message_rate(7)
            .with_network_bandwidth(u64::MAX) // more than is counted
            .with_cpu_time_limit(Duration::from_millis(2))
            .with_reset_period(Duration::from_millis(200));
        let told = Arc::new(Told::default());
        let signal: Arc<dyn LeaseSignal> = Arc::<Told>::clone(&told);
        let leases = Arc::new(Leases::new(&RATES, signal).with_limits(&quota));
        let limits = || RATES.map(|rate| leases.limit(rate));
        let before = limits();
        assert_eq!((before[0], before[2]), (7, 2_000));
        let _tracker = QuotaTracker::new(quota).with_leases(Arc::clone(&leases));
        assert_eq!(limits(), before);
        assert_eq!(told.0.load(Ordering::Relaxed), 0);
    }
}
