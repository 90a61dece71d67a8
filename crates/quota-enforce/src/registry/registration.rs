//! A component whose registration is not kept yet.

use limits_core::QuotaType;

use super::QuotaRegistry;
use crate::audit::AuditKind;
use crate::handle::ComponentHandle;
use crate::releasable::ReleasableTotals;
use crate::usage_snapshot::UsageSnapshot;

/// A registration that is prepared and not kept yet: its id is taken.
///
/// It is for a host whose loading of a component can still fail. Until [`keep`](Self::keep), the
/// component is in no list, its host functions are refused, and sinks hear neither of its denials
/// nor of its executions. [`QuotaRegistry::set_quota`] and [`QuotaRegistry::set_capabilities`]
/// reach it, and [`QuotaRegistry::unregister`] frees its id.
///
/// Dropped without being kept, it frees its id and releases the totals that were charged through
/// its handle. Memory of live stores is released with them. Storage that was taken
/// through an account of executions which outlives it stays counted in the registry's parent until
/// a clone of the handle releases it, once that account is gone. Rates that executions have used,
/// such as CPU time of an instantiation, stay counted there as well.
///
/// The counters of each registration begin at zero, and earlier use is charged as it is kept. So a
/// debt holds up no execution before that, and a host bounds how often it loads a component again.
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
    ///
    /// If the id was [freed](QuotaRegistry::unregister) meanwhile, nothing is registered and the
    /// handle refuses, as that of an unregistered component.
    #[expect(clippy::must_use_candidate, reason = "the registry has the handle as well")]
    pub fn keep(mut self) -> ComponentHandle {
        let component = self.component.clone();
        self.is_kept = self.registry.keep(&component, self.usage);
        if self.is_kept {
            component.report(AuditKind::Registered, true);
            component.refresh_levels();
        }
        component
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.registry.forget(&self.component);
            for total in ReleasableTotals::RESOURCES {
                // Not an error, since totals can be released.
                let _released = self.component.release(QuotaType::of(total, u64::MAX));
            }
        }
    }
}
