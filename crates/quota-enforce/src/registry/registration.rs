//! A component whose registration is not kept yet.

use limits_core::QuotaUsage;

use super::QuotaRegistry;
use crate::audit::AuditKind;
use crate::handle::ComponentHandle;
use crate::usage_snapshot::UsageSnapshot;

/// A registration that is prepared and not kept yet: the id is taken, nothing else has happened.
///
/// It is for a host whose loading of a component can still fail. Until [`keep`](Self::keep), the
/// component is in no list, no sink hears of it, its earlier use is charged to no counter, and its
/// host functions are refused. Dropped without being kept, it leaves nothing behind.
///
/// ```
/// use limits_core::{CapabilitySet, QuotaType};
/// use quota_enforce::{ComponentHandle, EnforceError, QuotaRegistry, SecurityContext};
///
/// # fn compile(bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// #     if bytes.is_empty() { Err("no component".into()) } else { Ok(()) }
/// # }
/// fn load(
///     registry: &QuotaRegistry,
///     context: SecurityContext,
///     bytes: &[u8],
/// ) -> Result<ComponentHandle, Box<dyn std::error::Error>> {
///     let registration = registry.prepare(context)?;
///     compile(bytes)?; // fails half way: the id is free again
///     Ok(registration.keep())
/// }
///
/// let registry = QuotaRegistry::new();
/// let context = SecurityContext::new("shop", CapabilitySet::new());
/// assert!(load(&registry, context.clone(), b"").is_err());
/// assert!(registry.is_empty());
/// let shop = load(&registry, context, b"\0asm")?;
/// shop.consume(QuotaType::Storage(1))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a registration that is not kept is undone"]
pub struct Registration<'r> {
    registry: &'r QuotaRegistry,
    component: ComponentHandle,
    /// The earlier use that the host has given; else it is that of the registry's file.
    usage: Option<UsageSnapshot>,
    is_kept: bool,
}

impl<'r> Registration<'r> {
    pub(super) const fn new(
        registry: &'r QuotaRegistry,
        component: ComponentHandle,
        usage: Option<UsageSnapshot>,
    ) -> Self {
        Self { registry, component, usage, is_kept: false }
    }

    /// Returns the component's handle, for store data that is made before the registration is kept.
    ///
    /// Until then, checks and takes through it are refused as
    /// [`NotRegistered`](crate::EnforceError::NotRegistered); as the account of an execution, such
    /// as an instantiation, it works.
    #[must_use]
    pub const fn handle(&self) -> &ComponentHandle {
        &self.component
    }

    /// Registers the component and returns its handle.
    #[expect(clippy::must_use_candidate, reason = "the registry has the handle as well")]
    pub fn keep(mut self) -> ComponentHandle {
        self.is_kept = true;
        let component = self.component.clone();
        let stored = self.registry.stored().usage_now(component.id(), &component.quota());
        let usage = self.usage.or(stored).unwrap_or_default();
        component.seed(&QuotaUsage::from(usage).without_memory());
        component.set_registered();
        // In this order, so that each file that is made meanwhile has one of the two.
        self.registry.stored().remove(component.id());
        component.report(AuditKind::Registered, true);
        component.refresh_levels();
        component
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.registry.forget(&self.component);
        }
    }
}
