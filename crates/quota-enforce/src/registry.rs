//! The components of a host, by id.

mod builder;
mod monitoring;
mod registration;
#[cfg(feature = "wait")]
mod waiting;

use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use limits_core::{CapabilitySet, QuotaStatus, QuotaUsage, ResourceQuota, is_hidden};

use crate::audit::AuditKind;
use crate::enforce_error::EnforceError;
use crate::handle::ComponentHandle;
use crate::security_context::SecurityContext;
use crate::shared::Shared;
use crate::usage_file::UsageFile;
use crate::usage_snapshot::UsageSnapshot;

pub use self::builder::QuotaRegistryBuilder;
pub use self::registration::Registration;

/// The length of the longest id, in bytes.
const MAX_ID_BYTES: usize = 256;

/// The components of a host, by id.
///
/// The registry is the control plane: it registers and lists components, and only it changes their
/// quotas and capabilities. Host calls go through the [`ComponentHandle`] that
/// [`register`](Self::register) returns. A host may have several registries; they share nothing.
/// Dropping one unregisters no component: handles that are left go on to work.
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
///     let quota = QuotaType::Storage(bytes);
///     let (path, grant) = handle.authorize_resource(Permission::FilesystemWrite, path, quota)?;
///     // ... write to `path`; leaving by `?` hands the grant back ...
///     grant.commit();
///     Ok(())
/// };
/// write("/data/word-count/a", 800)?;
/// let full = write("/data/word-count/b", 300).unwrap_err();
/// assert_eq!(full.as_quota().map(|refusal| refusal.used()), Some(800));
/// assert_eq!(
///     write("/data/other/a", 1).unwrap_err().to_string(),
///     "filesystem.write of `/data/other/a` denied: no granted pattern matches (1 checked)"
/// );
/// assert!(handle.is_quota_warning());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct QuotaRegistry {
    /// The components that are registered, and those whose registration is prepared.
    components: DashMap<ById, ()>,
    shared: Arc<Shared>,
    /// The stored use of components that were not registered since.
    stored: Mutex<UsageFile>,
}

impl QuotaRegistry {
    /// Makes an empty registry that enforces and has no sinks.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins a registry with a clock, a parent, or sinks.
    pub fn builder() -> QuotaRegistryBuilder {
        QuotaRegistryBuilder::default()
    }

    /// Prepares a registration: takes the id, and nothing else.
    ///
    /// # Errors
    ///
    /// - [`EnforceError::AlreadyRegistered`] if the id is taken. Its component stays as it is.
    /// - [`EnforceError::InvalidId`] if the id is empty, longer than 256 bytes or has a
    ///   [hidden character](limits_core::is_hidden).
    /// - [`EnforceError::Pattern`] if the id cannot stand for `<id>` in one of the patterns.
    /// - [`EnforceError::PeriodTooShort`] if the clock that the host has chosen cannot time the
    ///   period of the quota, or of the parent's. The default clocks can.
    /// - [`EnforceError::NotShared`] if the [lessor](QuotaRegistryBuilder::lessor) cannot share the
    ///   quota, or that of the host.
    pub fn prepare(&self, context: SecurityContext) -> Result<Registration<'_>, EnforceError> {
        let id = context.id();
        if id.is_empty() || id.len() > MAX_ID_BYTES || id.contains(is_hidden) {
            return Err(EnforceError::InvalidId { id: shortened(id) });
        }
        let capabilities = context.capabilities().bind(id)?;
        self.shared.check_period(context.quota().reset_period)?;
        if self.components.contains_key(id) {
            // Before the lessor is asked.
            return Err(EnforceError::AlreadyRegistered { id: Box::from(id) });
        }
        let tracker = self.shared.tracker(id, context.quota())?;
        let shared = Arc::clone(&self.shared);
        let component = ComponentHandle::prepared(Box::from(id), capabilities, tracker, shared);
        match self.components.entry(ById(component.clone())) {
            Entry::Occupied(_) => {
                return Err(EnforceError::AlreadyRegistered { id: Box::from(id) });
            }
            Entry::Vacant(vacant) => drop(vacant.insert(())),
        }
        Ok(Registration::new(self, component, context.usage()))
    }

    /// Registers a component and returns the handle that its host functions use:
    /// [prepares](Self::prepare) a registration and keeps it.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    pub fn register(&self, context: SecurityContext) -> Result<ComponentHandle, EnforceError> {
        Ok(self.prepare(context)?.keep())
    }

    /// Unregisters a component and returns its last handle.
    ///
    /// Every further check or take through its handles is refused. Open grants settle as usual, and
    /// executions whose account it is go on to their end. Storage that it still has stays counted
    /// in the parent until [`release`](ComponentHandle::release) releases it: do so once its host
    /// calls have ended, and before the component is registered again
    /// [with what it used](SecurityContext::with_usage), or the parent counts that twice.
    ///
    /// A component whose registration is prepared loses its id as well, and no sink hears of it:
    /// kept later, the [`Registration`] returns a handle that refuses.
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotRegistered`] if no component has the id.
    pub fn unregister(&self, id: &str) -> Result<ComponentHandle, EnforceError> {
        // In the map's lock: the id is free for a successor only once the old handles are refused.
        // A take that began earlier checks that once more, and hands back what it took.
        let mut was_registered = false;
        let removed = self.components.remove_if(id, |ById(component), ()| {
            was_registered = component.is_registered();
            if was_registered {
                component.set_unregistered();
            }
            true
        });
        let Some((ById(component), ())) = removed else { return Err(unknown(id)) };
        if was_registered {
            #[cfg(feature = "wait")]
            component.dismiss_waits();
            component.report(AuditKind::Unregistered, true);
        }
        Ok(component)
    }

    /// Seeds and registers a prepared component, unless its id was freed meanwhile. Reports whether
    /// it is registered.
    fn keep(&self, component: &ComponentHandle, usage: Option<UsageSnapshot>) -> bool {
        // The entry stays locked: no other thread frees the id between the two steps.
        let Some(entry) = self.components.get(component.id()) else { return false };
        if entry.key().0 != *component {
            return false;
        }
        let mut stored = self.stored();
        let stored_usage = stored.usage_now(component.id(), &component.quota());
        let usage = usage.or(stored_usage).unwrap_or_default();
        component.seed(&QuotaUsage::from(usage).without_memory());
        component.set_registered();
        // In this order, so that each file that is made meanwhile has one of the two.
        stored.remove(component.id());
        true
    }

    /// Frees the id of a registration that was not kept.
    fn forget(&self, component: &ComponentHandle) {
        self.components.remove_if(component.id(), |ById(other), ()| other == component);
    }

    /// Returns the handle of a component that is registered or prepared.
    fn entry(&self, id: &str) -> Result<ComponentHandle, EnforceError> {
        self.components.get(id).map(|entry| entry.key().0.clone()).ok_or_else(|| unknown(id))
    }

    /// Returns a component's handle. A look-up costs several times a check, so a host keeps the
    /// handle.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<ComponentHandle> {
        self.entry(id).ok().filter(ComponentHandle::is_registered)
    }

    /// Returns a component's handle.
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotRegistered`] if no component has the id.
    pub fn lookup(&self, id: &str) -> Result<ComponentHandle, EnforceError> {
        self.get(id).ok_or_else(|| unknown(id))
    }

    /// Returns all handles, by id.
    #[must_use]
    pub fn list(&self) -> Vec<ComponentHandle> {
        let mut handles: Vec<_> = self.registered().collect();
        handles.sort_unstable_by(|one, other| one.id().cmp(other.id()));
        handles
    }

    fn registered(&self) -> impl Iterator<Item = ComponentHandle> {
        let handles = self.components.iter().map(|entry| entry.key().0.clone());
        handles.filter(ComponentHandle::is_registered)
    }

    /// Returns the number of components that are registered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.components.iter().filter(|entry| entry.key().0.is_registered()).count()
    }

    /// Reports whether no component is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registered().next().is_none()
    }

    /// Changes the quota of a component while it runs, for all clones of its handle; also of one
    /// whose registration is prepared.
    ///
    /// The new limits hold from the next take on. A limit below the use refuses until enough was
    /// released or the window is over; it makes no debt of what was granted before. Of a rate that
    /// [hosts share](QuotaRegistryBuilder::lessor), units that are leased already stay granted.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, QuotaType, ResourceQuota};
    /// use quota_enforce::{QuotaRegistry, SecurityContext};
    ///
    /// let registry = QuotaRegistry::new();
    /// let shop = registry.register(SecurityContext::new("shop", CapabilitySet::new()))?;
    /// shop.consume(QuotaType::Storage(800))?;
    /// registry.set_quota("shop", ResourceQuota::new().with_storage(500))?;
    /// assert!(shop.consume(QuotaType::Storage(1)).is_err());
    /// shop.release(QuotaType::Storage(400))?;
    /// shop.consume(QuotaType::Storage(100))?;
    /// # Ok::<(), quota_enforce::EnforceError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotRegistered`] if no component has the id, and
    /// [`EnforceError::PeriodMismatch`] if the period is another one: windows that are being
    /// counted cannot change their length. [`EnforceError::NotShared`] if the registry's
    /// [lessor](QuotaRegistryBuilder::lessor) cannot share the quota. Nothing is changed then.
    pub fn set_quota(&self, id: &str, quota: ResourceQuota) -> Result<(), EnforceError> {
        self.entry(id)?.set_quota(quota)
    }

    /// Changes the capabilities of a component while it runs, for all clones of its handle; also of
    /// one whose registration is prepared.
    ///
    /// A revocation holds from the next check or take on: once this has returned, no check passes
    /// and no grant is made that only the earlier set allows. Grants that were made before settle
    /// as usual, and what a host function opened before stays open.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, Permission};
    /// use quota_enforce::{QuotaRegistry, SecurityContext};
    ///
    /// let registry = QuotaRegistry::new();
    /// let capabilities = CapabilitySet::builder().grant(Permission::MessagingSend, "**").build()?;
    /// let shop = registry.register(SecurityContext::new("shop", capabilities))?;
    /// shop.check(Permission::MessagingSend, "orders.new")?;
    /// registry.set_capabilities("shop", &CapabilitySet::new())?;
    /// assert!(shop.check(Permission::MessagingSend, "orders.new").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotRegistered`] if no component has the id, and [`EnforceError::Pattern`] if
    /// the id cannot stand for `<id>` in one of the patterns. Nothing is changed then.
    pub fn set_capabilities(
        &self,
        id: &str,
        capabilities: &CapabilitySet,
    ) -> Result<(), EnforceError> {
        self.entry(id)?.set_capabilities(capabilities.bind(id)?);
        Ok(())
    }

    /// Returns the status of all components, by id.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<Box<str>, QuotaStatus> {
        self.by_id(ComponentHandle::status)
    }

    /// Returns the use of all components, by id, in a form that can be stored.
    ///
    /// Units of open grants count as used, and are not handed back after a restart. So store the
    /// last snapshot when no operation is in flight.
    #[must_use]
    pub fn snapshots(&self) -> BTreeMap<Box<str>, UsageSnapshot> {
        self.by_id(ComponentHandle::snapshot)
    }

    /// Returns the use of all components, to be stored over a restart, with those of the file that
    /// the registry was [built with](QuotaRegistryBuilder::usage) that were not registered since.
    ///
    /// Units of open grants count as used, as in [`snapshots`](Self::snapshots). A component that
    /// was unregistered is left out.
    pub fn usage_file(&self) -> UsageFile {
        let mut file = self.stored().clone();
        for handle in self.registered() {
            file.insert(&handle);
        }
        file
    }

    fn stored(&self) -> MutexGuard<'_, UsageFile> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_id<T>(&self, value: impl Fn(&ComponentHandle) -> T) -> BTreeMap<Box<str>, T> {
        self.registered().map(|handle| (Box::from(handle.id()), value(&handle))).collect()
    }

    /// Sets a component's use to zero, and its debts.
    ///
    /// Units in flight are forgotten as well, memory of live stores included: when they are handed
    /// back later, or committed and then released, they count against what has been taken since. So
    /// it is for a component that has none: its grants are settled, its stores are gone, and no
    /// thread takes for it meanwhile. Grants that were forgotten (`mem::forget`) end here.
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotRegistered`] if no component has the id.
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

/// A component as the key of the registry's map, which compares ids: an id as the key would be
/// stored twice.
struct ById(ComponentHandle);

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        self.0.id()
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As the text that it is borrowed as.
        self.0.id().hash(state);
    }
}

impl Eq for ById {}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

fn unknown(id: &str) -> EnforceError {
    EnforceError::NotRegistered { id: shortened(id) }
}

/// Returns as much of an id as an error keeps.
fn shortened(id: &str) -> Box<str> {
    let end = id.floor_char_boundary(MAX_ID_BYTES);
    Box::from(id.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::QuotaRegistry;
    use crate::handle::UNREGISTERING;
    use crate::security_context::SecurityContext;
    use core::cell::Cell;
    use limits_core::CapabilitySet;
    use std::rc::Rc;

    #[test]
    fn an_id_stays_locked_until_its_old_handles_are_refused() {
        let registry = Rc::new(QuotaRegistry::new());
        let handle = registry.register(SecurityContext::new("a", CapabilitySet::new())).unwrap();
        let was_locked = Rc::new(Cell::new(None));
        UNREGISTERING.set(Some(Box::new({
            let (registry, was_locked) = (Rc::clone(&registry), Rc::clone(&was_locked));
            move || was_locked.set(Some(registry.components.try_get("a").is_locked()))
        })));
        registry.unregister("a").unwrap();
        assert_eq!((was_locked.get(), handle.is_registered()), (Some(true), false));
    }
}
