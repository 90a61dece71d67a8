//! All components of a host.

use core::fmt;
use core::sync::atomic::AtomicU64;
use std::collections::BTreeMap;
use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use limits_core::{Allowance, Clock, QuotaStatus, QuotaTracker, QuotaUsage, ResourceQuota};

use crate::audit::{AuditKind, AuditSink};
use crate::enforce_error::EnforceError;
use crate::handle::ComponentHandle;
use crate::peaks::Peaks;
use crate::security_context::SecurityContext;
use crate::shared::{Clocks, Shared};
use crate::usage_snapshot::UsageSnapshot;

/// The longest id, in bytes.
const MAX_ID_BYTES: usize = 256;

/// All components of a host, by id.
///
/// It is for the control plane: registering, listing, watching. What is on the way of every host call
/// is the [`ComponentHandle`] that [`register`](Self::register) gives. A host may have as many
/// registries as it likes; they share nothing. Dropping one unregisters nobody: handles that are left
/// go on as before.
///
/// ```
/// use limits_core::{CapabilitySet, Permission, QuotaType, ResourceQuota};
/// use quota_enforce::{QuotaRegistry, SecurityContext};
///
/// let registry = QuotaRegistry::new();
/// let capabilities =
///     CapabilitySet::builder().grant(Permission::FilesystemWrite, "/data/<id>/**").build()?;
/// let quota = ResourceQuota::new().with_storage(1_000);
/// let handle =
///     registry.register(SecurityContext::with_quota("word-count", capabilities, quota))?;
///
/// let write = |path, bytes| -> Result<(), quota_enforce::EnforceError> {
///     let grant =
///         handle.authorize(Permission::FilesystemWrite, path, QuotaType::Storage(bytes))?;
///     // ... write, and leave by `?` if that fails: the grant goes back ...
///     grant.commit();
///     Ok(())
/// };
/// write("/data/word-count/a", 800)?;
/// assert_eq!(
///     write("/data/word-count/b", 300).unwrap_err().to_string(),
///     "storage quota of 1000 bytes exceeded: 800 used, 300 more requested; \
///      retry after a release"
/// );
/// assert_eq!(
///     write("/data/other/a", 1).unwrap_err().to_string(),
///     "filesystem.write of `/data/other/a` denied: its only pattern does not match"
/// );
/// assert!(handle.is_quota_warning());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct QuotaRegistry {
    components: DashMap<Box<str>, ComponentHandle>,
    shared: Arc<Shared>,
}

impl QuotaRegistry {
    /// Makes an empty registry that enforces and tells nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins a registry with a clock, a parent, or sinks.
    #[must_use]
    pub fn builder() -> QuotaRegistryBuilder {
        QuotaRegistryBuilder::default()
    }

    /// Registers a component and returns the handle that its host functions use.
    ///
    /// # Errors
    ///
    /// - [`EnforceError::AlreadyRegistered`] if the id is taken. Whoever has it is not touched.
    /// - [`EnforceError::InvalidId`] if the id is empty, longer than 256 bytes or has a control
    ///   character.
    /// - [`EnforceError::Pattern`] if the id cannot stand for `<id>` in one of the patterns.
    /// - [`EnforceError::PeriodTooShort`] if the clock that the host has chosen cannot time the period
    ///   of the quota, or of the parent's. The default clocks can.
    pub fn register(&self, context: SecurityContext) -> Result<ComponentHandle, EnforceError> {
        let id = context.id();
        if id.is_empty() || id.len() > MAX_ID_BYTES || id.contains(char::is_control) {
            let end = id.floor_char_boundary(MAX_ID_BYTES);
            let id = Box::from(id.get(..end).unwrap_or_default());
            return Err(EnforceError::InvalidId { id });
        }
        let capabilities = context.capabilities().bind(id)?;
        self.shared.check_period(context.quota().reset_period)?;
        let handle = match self.components.entry(Box::from(id)) {
            Entry::Occupied(_) => {
                return Err(EnforceError::AlreadyRegistered { id: Box::from(id) });
            }
            Entry::Vacant(vacant) => {
                // Only now: what was used before is charged to the parent as well.
                let tracker = self.shared.tracker(context.quota());
                tracker.restore(&QuotaUsage::from(context.usage()).without_memory());
                let shared = Arc::clone(&self.shared);
                let handle = ComponentHandle::new(Box::from(id), capabilities, tracker, shared);
                vacant.insert(handle.clone());
                handle
            }
        };
        // Outside of the map's lock, so that a sink may look into the registry.
        handle.report(AuditKind::Registered, true);
        handle.refresh_levels();
        Ok(handle)
    }

    /// Unregisters a component and returns its last handle.
    ///
    /// Its handles are refused from now on; what is under way ends as usual, and so do executions
    /// that have the handle as their account. Storage that it still has stays counted in the parent
    /// until [`release`](ComponentHandle::release) gives it back: do so before the component is
    /// registered again [with what it used](SecurityContext::with_usage), or the parent counts that
    /// twice.
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotRegistered`] if there is no such component.
    pub fn unregister(&self, id: &str) -> Result<ComponentHandle, EnforceError> {
        // In the map's lock: the id is free for a successor only once the old handles are refused. A
        // take that began before looks at that once more, and goes back.
        let removed = self.components.remove_if(id, |_, handle| {
            handle.retire();
            true
        });
        let Some((_, handle)) = removed else { return Err(unknown(id)) };
        handle.report(AuditKind::Unregistered, true);
        Ok(handle)
    }

    /// Returns a component's handle. A look-up costs several times a check: keep what it gives.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<ComponentHandle> {
        self.components.get(id).map(|entry| entry.value().clone())
    }

    /// Returns a component's handle.
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotRegistered`] if there is no such component.
    pub fn lookup(&self, id: &str) -> Result<ComponentHandle, EnforceError> {
        self.get(id).ok_or_else(|| unknown(id))
    }

    /// Returns all handles, by id.
    #[must_use]
    pub fn list(&self) -> Vec<ComponentHandle> {
        let mut handles: Vec<_> =
            self.components.iter().map(|entry| entry.value().clone()).collect();
        handles.sort_unstable_by(|one, other| one.id().cmp(other.id()));
        handles
    }

    /// Returns how many components are registered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Tells whether no component is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// Returns the tracker that bounds all components together, if there is one.
    #[must_use]
    pub fn parent(&self) -> Option<&Arc<QuotaTracker>> {
        self.shared.parent.as_ref()
    }

    /// Returns the highest use of each resource by all components together. None without a parent,
    /// or unless the registry [records](QuotaRegistryBuilder::record_peaks) it.
    #[must_use]
    pub fn host_peak_usage(&self) -> Option<QuotaUsage> {
        self.shared.parent.as_ref().and(self.shared.host_peaks.as_ref()).map(Peaks::usage)
    }

    /// Returns the status of all components, by id.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<Box<str>, QuotaStatus> {
        self.of_each(ComponentHandle::status)
    }

    /// Returns what all components have used, by id, to be written down.
    ///
    /// What is reserved and not settled yet is counted as used, and nothing will give it back after a
    /// restart. So write down the last snapshot when nothing is in flight.
    #[must_use]
    pub fn snapshots(&self) -> BTreeMap<Box<str>, UsageSnapshot> {
        self.of_each(ComponentHandle::snapshot)
    }

    fn of_each<T>(&self, ask: impl Fn(&ComponentHandle) -> T) -> BTreeMap<Box<str>, T> {
        self.components.iter().map(|entry| (entry.key().clone(), ask(entry.value()))).collect()
    }

    /// Reports the [levels](crate::UsageLevel) of use that have changed without anything being taken, of all components. For a
    /// host that wants to hear of falling levels: once in a while, as often as it reads its metrics.
    pub fn refresh_levels(&self) {
        for handle in self.list() {
            handle.look_at_levels();
        }
        self.shared.refresh_sinks();
    }

    /// Sets what a component has used to zero, and its debts.
    ///
    /// What is in flight is forgotten as well, memory of live stores included: given back later, it
    /// counts against what has been taken since. So it is for when nothing is.
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotRegistered`] if there is no such component.
    pub fn reset_usage(&self, id: &str) -> Result<(), EnforceError> {
        self.lookup(id)?.reset_usage();
        Ok(())
    }
}

impl Default for QuotaRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for QuotaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaRegistry")
            .field("components", &self.len())
            .field("shared", &self.shared)
            .finish()
    }
}

fn unknown(id: &str) -> EnforceError {
    let end = id.floor_char_boundary(MAX_ID_BYTES);
    EnforceError::NotRegistered { id: Box::from(id.get(..end).unwrap_or_default()) }
}

/// Builds a [`QuotaRegistry`].
#[derive(Default)]
pub struct QuotaRegistryBuilder {
    clock: Option<Arc<dyn Clock>>,
    parent: Option<Arc<QuotaTracker>>,
    sinks: Vec<Arc<dyn AuditSink>>,
    grants: bool,
    observe_only: bool,
    records_peaks: bool,
}

impl QuotaRegistryBuilder {
    /// Uses this clock, for all periods that are not [too short](Clock::shortest_period) for it; the
    /// others are refused. Without effect with a [`parent`](Self::parent) or a [`host`](Self::host)
    /// quota, whose clock counts. The default is the kernel's coarse clock, and the system clock for
    /// quotas whose period is below 50 ms.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Bounds all components together by this quota, which may be unlimited in all: then nothing is
    /// counted for it. [`QuotaRegistry::parent`] returns the tracker.
    ///
    /// An operator sets it in the table `[host]` of the policy file, from which `limits-config`
    /// makes the quota: `Policy::host` and its `to_resource_quota`. It is counted by the system clock,
    /// for which no period of a component is too short; [`parent`](Self::parent) takes a tracker with
    /// another clock or with parents of its own. The last of both that was said holds.
    ///
    /// What the parent refuses has [`level`](limits_core::QuotaError::level) 1, and its numbers tell of
    /// the other components: a host function that hands them to its guest tells it of these.
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
    #[must_use]
    pub fn host(mut self, quota: ResourceQuota) -> Self {
        let limits = [
            quota.max_storage_bytes,
            quota.max_message_rate,
            quota.max_network_bandwidth,
            quota.max_cpu_time_ms,
            quota.max_memory_bytes,
        ];
        let bounds = limits.iter().any(|limit| *limit != Allowance::Unlimited);
        self.parent = bounds.then(|| Arc::new(QuotaTracker::new(quota)));
        self
    }

    /// Charges everything to this tracker as well, and to its parents: a [`host`](Self::host) quota
    /// for which the host has chosen the clock. Its clock is then the clock of all; its period is its
    /// own, and need not be theirs.
    ///
    /// It has no [levels](crate::UsageLevel) of use, events or gauges of its own: ask it for its
    /// [`status`](QuotaTracker::status).
    ///
    /// With the coarse clock a take is cheaper, and components whose period is below 50 ms are
    /// [refused](EnforceError::PeriodTooShort): every component reads its parent's clock.
    ///
    /// ```
    /// use std::sync::Arc;
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
    #[must_use]
    pub fn parent(mut self, parent: Arc<QuotaTracker>) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Tells this sink what happens. May be called several times.
    #[must_use]
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Tells the sinks of what is granted, too.
    #[must_use]
    pub const fn audit_grants(mut self) -> Self {
        self.grants = true;
        self
    }

    /// Denies nothing: counts and reports what would have been denied.
    ///
    /// Totals are then counted above their limits, as what is stored is stored. What a rate would
    /// have denied is not counted as used; but what is [charged](ComponentHandle::charge) is, of rates
    /// as well, as it has been used. What a [`parent`](Self::parent) refuses is let through like
    /// anything else, and overdraws its totals.
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
    /// assert_eq!(shop.denials().by_quota(QuotaResource::Storage), 1); // would have been
    /// # Ok::<(), quota_enforce::EnforceError>(())
    /// ```
    #[must_use]
    pub const fn observe_only(mut self) -> Self {
        self.observe_only = true;
        self
    }

    /// Records the highest use of each resource, of each component and of the
    /// [`host`](Self::host) quota: [`ComponentHandle::peak_usage`] and
    /// [`QuotaRegistry::host_peak_usage`] return it. Every take then reads the use once more.
    #[must_use]
    pub const fn record_peaks(mut self) -> Self {
        self.records_peaks = true;
        self
    }

    /// Returns the registry.
    #[must_use]
    pub fn build(self) -> QuotaRegistry {
        let Self { clock, parent, sinks, grants, observe_only, records_peaks } = self;
        let clocks = clock.map_or_else(Clocks::default, Clocks::Given);
        let shared = Arc::new(Shared {
            clocks,
            parent,
            sinks,
            grants,
            observe_only,
            host_peaks: records_peaks.then(Peaks::default),
            events: AtomicU64::new(0),
        });
        QuotaRegistry { components: DashMap::new(), shared }
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

#[cfg(test)]
mod tests {
    use super::{QuotaRegistry, SecurityContext};
    use crate::handle::RETIRING;
    use core::cell::Cell;
    use limits_core::CapabilitySet;
    use std::rc::Rc;

    #[test]
    fn an_id_stays_locked_until_its_old_handles_are_refused() {
        let registry = Rc::new(QuotaRegistry::new());
        let handle = registry.register(SecurityContext::new("a", CapabilitySet::new())).unwrap();
        let was_locked = Rc::new(Cell::new(None));
        RETIRING.set(Some(Box::new({
            let (registry, was_locked) = (Rc::clone(&registry), Rc::clone(&was_locked));
            move || was_locked.set(Some(registry.components.try_get("a").is_locked()))
        })));
        registry.unregister("a").unwrap();
        assert_eq!((was_locked.get(), handle.is_registered()), (Some(true), false));
    }
}
