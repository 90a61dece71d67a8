//! The builder of registries.

use core::fmt;
use core::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, Weak};

use dashmap::DashMap;
use limits_core::{Allowance, Clock, QuotaTracker, ResourceQuota};

use super::QuotaRegistry;
use crate::audit::AuditSink;
use crate::lending::Lending;
use crate::lessor::Lessor;
use crate::peaks::Peaks;
use crate::shared::{Clocks, Shared};
use crate::usage_file::UsageFile;
#[cfg(feature = "wait")]
use crate::waits::Waits;

/// The bound over all components together.
#[derive(Default)]
enum Parent {
    #[default]
    None,
    /// A quota, whose tracker is made with the registry.
    Host(ResourceQuota),
    /// A tracker of the host's own.
    Given(Arc<QuotaTracker>),
}

/// Builds a [`QuotaRegistry`].
#[derive(Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct QuotaRegistryBuilder {
    clock: Option<Arc<dyn Clock>>,
    parent: Parent,
    lessor: Option<Arc<dyn Lessor>>,
    sinks: Vec<Arc<dyn AuditSink>>,
    grants: bool,
    observe_only: bool,
    records_peaks: bool,
    usage: UsageFile,
}

impl QuotaRegistryBuilder {
    /// Sets the clock that trackers count by. A quota whose period is [too
    /// short](Clock::shortest_period) for it is refused. It has no effect with a
    /// [`parent`](Self::parent) or a [`host`](Self::host) quota, whose clock counts. The default is
    /// the kernel's coarse clock, and the system clock for quotas whose period is below 50 ms.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Bounds all components together by this quota. A quota that is unlimited in all is not
    /// counted. [`QuotaRegistry::parent`] returns the tracker.
    ///
    /// An operator sets it in the table `[host]` of the policy file. It is counted by the system
    /// clock, for which no period of a component is too short; [`parent`](Self::parent) takes a
    /// tracker with another clock or with parents of its own. The last call of the two counts.
    ///
    /// A refusal by the parent has [`depth`](limits_core::QuotaError::depth) 1, and its numbers are
    /// those of all components: a host function that hands them to its guest discloses the others'
    /// use.
    ///
    /// ```
    /// use limits_core::{Allowance, CapabilitySet, QuotaType, ResourceQuota};
    /// use quota_enforce::{QuotaRegistry, SecurityContext};
    ///
    /// let unbounded = Allowance::Unlimited;
    /// let ceiling = ResourceQuota::new()
    ///     .with_storage(1_500)
    ///     .with_message_rate(unbounded)
    ///     .with_network_bandwidth(unbounded)
    ///     .with_cpu_time(unbounded)
    ///     .with_memory(unbounded);
    /// let registry = QuotaRegistry::builder().host(ceiling).build();
    ///
    /// let quota = ResourceQuota::new().with_storage(1_000);
    /// let register = |id| {
    ///     registry.register(SecurityContext::with_quota(id, CapabilitySet::new(), quota))
    /// };
    /// let (one, other) = (register("one")?, register("other")?);
    /// one.consume(QuotaType::Storage(1_000))?;
    /// let refused = other.consume(QuotaType::Storage(600)).unwrap_err();
    /// assert_eq!(refused.as_quota().map(|refused| refused.depth()), Some(1));
    /// assert_eq!(registry.parent().map(|all| all.usage().storage_used), Some(1_000));
    /// # Ok::<(), quota_enforce::EnforceError>(())
    /// ```
    pub fn host(mut self, quota: ResourceQuota) -> Self {
        let limits = [
            quota.max_storage_bytes,
            quota.max_storage_entries,
            quota.max_message_rate,
            quota.max_network_bandwidth,
            quota.max_cpu_time_ms,
            quota.max_memory_bytes,
        ];
        let bounds = limits.iter().any(|limit| *limit != Allowance::Unlimited);
        self.parent = if bounds { Parent::Host(quota) } else { Parent::None };
        self
    }

    /// Charges everything to this tracker as well, and to its parents: a [`host`](Self::host) quota
    /// for which the host has chosen the clock. All components read its clock. Its period is its
    /// own, and need not be theirs.
    ///
    /// It has no [levels](crate::UsageLevel) of use and no events of its own: ask it for its
    /// [`status`](QuotaTracker::status).
    ///
    /// With the coarse clock a take is cheaper, and components whose period is below 50 ms are
    /// [refused](crate::EnforceError::PeriodTooShort).
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    ///
    /// use limits_core::{CapabilitySet, QuotaTracker, ResourceQuota};
    /// use quota_enforce::{CoarseClock, QuotaRegistry, SecurityContext};
    ///
    /// let ceiling = ResourceQuota::new();
    /// let everyone = Arc::new(QuotaTracker::with_clock(ceiling, Arc::new(CoarseClock::new())));
    /// let registry = QuotaRegistry::builder().parent(Arc::clone(&everyone)).build();
    /// let context = SecurityContext::new("shop", CapabilitySet::new());
    /// registry.register(context)?;
    /// # Ok::<(), quota_enforce::EnforceError>(())
    /// ```
    pub fn parent(mut self, parent: Arc<QuotaTracker>) -> Self {
        self.parent = Parent::Given(parent);
        self
    }

    /// Shares rates with other hosts: the lessor, such as that of `quota-cluster`, leases their
    /// units to the components and to the [`host`](Self::host) quota, of which it decides what is
    /// shared. Storage and memory stay bounded on each host.
    ///
    /// All trackers then count by the lessor's [clock](Lessor::clock), whatever
    /// [`clock`](Self::clock) says. A tracker given as the [`parent`](Self::parent) stays as it is,
    /// so it must have that clock, or no component can be registered.
    ///
    /// Of a shared rate, the use that handles report is that on this host, and the limit is that of
    /// all hosts together: each host reports its part, and a [level](crate::UsageLevel) is reached
    /// by the use of one host alone. A take that this host has no units for is refused, or
    /// [waits](crate::ComponentHandle::reserve_wait) for them; they are one round trip to the store
    /// away unless the window's are used up.
    ///
    /// A registry that only observes leases as well: it counts the denials that it would make, and
    /// what it grants is used up for the other hosts.
    pub fn lessor(mut self, lessor: Arc<dyn Lessor>) -> Self {
        self.lessor = Some(lessor);
        self
    }

    /// Adds a sink, which hears every event.
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Reports grants to the sinks as well.
    pub const fn audit_grants(mut self) -> Self {
        self.grants = true;
        self
    }

    /// Observes only: counts and reports requests that would be denied.
    ///
    /// Totals are then counted above their limits, since stored bytes stay stored. Units that a
    /// rate would have denied are not counted as used; units that are
    /// [charged](crate::ComponentHandle::charge) are, since they have been used. Refusals by a
    /// [`parent`](Self::parent) are let through as well, and overdraw its totals.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, QuotaResource, QuotaType, ResourceQuota};
    /// use quota_enforce::{QuotaRegistry, SecurityContext};
    ///
    /// let registry = QuotaRegistry::builder().observe_only().build();
    /// let quota = ResourceQuota::new().with_storage(1_000);
    /// let shop =
    ///     registry.register(SecurityContext::with_quota("shop", CapabilitySet::new(), quota))?;
    /// shop.consume(QuotaType::Storage(1_500))?;
    /// assert_eq!(shop.usage().storage_used, 1_500);
    /// assert_eq!(shop.denials().by_quota(QuotaResource::Storage), 1); // counted, not enforced
    /// # Ok::<(), quota_enforce::EnforceError>(())
    /// ```
    pub const fn observe_only(mut self) -> Self {
        self.observe_only = true;
        self
    }

    /// Records the highest use of each resource, of each component and of the [`host`](Self::host)
    /// quota: [`ComponentHandle::peak_usage`](crate::ComponentHandle::peak_usage) and
    /// [`QuotaRegistry::host_peak_usage`] return it. Every take then reads the use once more.
    pub const fn record_peaks(mut self) -> Self {
        self.records_peaks = true;
        self
    }

    /// Seeds components with their use in a file, as
    /// [`SecurityContext::with_usage`](crate::SecurityContext::with_usage) does with a snapshot.
    ///
    /// Totals are restored but for memory, whose stores are gone. A rate is restored if it is still
    /// counted per the same period; of its use, one limit is left out for each window since the
    /// file was written. A context with a use of its own takes none from the file.
    pub fn usage(mut self, usage: UsageFile) -> Self {
        self.usage = usage;
        self
    }

    /// Returns the registry.
    #[must_use]
    pub fn build(self) -> QuotaRegistry {
        let Self { clock, parent, lessor, sinks, grants, observe_only, records_peaks, usage } =
            self;
        let mut lending = lessor.map(Lending::new);
        let clock = lending.as_ref().map(|lending| Arc::clone(lending.clock())).or(clock);
        let parent = match (parent, &mut lending) {
            (Parent::None, _) => None,
            (Parent::Host(quota), None) => Some(Arc::new(QuotaTracker::new(quota))),
            (Parent::Host(quota), Some(lending)) => Some(Arc::new(lending.host(quota))),
            (Parent::Given(parent), None) => Some(parent),
            (Parent::Given(parent), Some(lending)) => {
                lending.check_parent(&parent);
                Some(parent)
            }
        };
        let shared = Arc::new(Shared {
            clocks: clock.map_or_else(Clocks::default, Clocks::Given),
            parent,
            lending,
            sinks,
            grants,
            observe_only,
            host_peaks: records_peaks.then(Peaks::default),
            events: AtomicU64::new(0),
            #[cfg(feature = "wait")]
            waits: Waits::default(),
        });
        if let Some(lending) = &shared.lending {
            let listener: Weak<Shared> = Arc::downgrade(&shared);
            lending.lessor.attach(listener);
        }
        QuotaRegistry { components: DashMap::new(), shared, stored: Mutex::new(usage) }
    }
}

impl fmt::Debug for QuotaRegistryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaRegistryBuilder")
            .field("sinks", &self.sinks)
            .field("grants", &self.grants)
            .field("observe_only", &self.observe_only)
            .finish_non_exhaustive()
    }
}
