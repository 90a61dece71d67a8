//! The process-wide registry and its functions.

use core::error::Error;
use core::fmt;
use std::sync::OnceLock;

use limits_core::{Permission, QuotaStatus, QuotaType};

use crate::enforce_error::EnforceError;
use crate::handle::ComponentHandle;
use crate::registry::QuotaRegistry;
use crate::security_context::SecurityContext;

static GLOBAL: OnceLock<QuotaRegistry> = OnceLock::new();

/// Returns the process-wide registry. Unless [`install`] came first, it is [`QuotaRegistry::new`].
///
/// The first use fixes it, by this or any other function that takes an id; [`install`] then fails.
pub fn global() -> &'static QuotaRegistry {
    GLOBAL.get_or_init(QuotaRegistry::new)
}

/// Makes a registry the process-wide one.
///
/// # Errors
///
/// [`AlreadyInstalled`], which holds the registry, if there is a process-wide one already: one that
/// was installed, or the one that the first use made.
pub fn install(registry: QuotaRegistry) -> Result<(), AlreadyInstalled> {
    GLOBAL.set(registry).map_err(|registry| AlreadyInstalled(Box::new(registry)))
}

/// The error of a late [`install`], which holds the registry.
#[derive(Debug)]
pub struct AlreadyInstalled(Box<QuotaRegistry>);

impl AlreadyInstalled {
    /// Returns the registry that was not installed.
    #[must_use]
    pub fn into_registry(self) -> QuotaRegistry {
        *self.0
    }
}

impl fmt::Display for AlreadyInstalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a process-wide registry is installed already, or was used before `install`: \
             install yours first",
        )
    }
}

impl Error for AlreadyInstalled {}

/// Registers a component in the process-wide registry.
///
/// # Errors
///
/// As [`QuotaRegistry::register`].
pub fn register_component(context: SecurityContext) -> Result<ComponentHandle, EnforceError> {
    global().register(context)
}

/// Unregisters a component of the process-wide registry and returns its last handle, which releases
/// what it has stored.
///
/// # Errors
///
/// As [`QuotaRegistry::unregister`].
pub fn unregister_component(component_id: &str) -> Result<ComponentHandle, EnforceError> {
    global().unregister(component_id)
}

/// Checks that a pattern of the component allows access to a resource.
///
/// # Errors
///
/// As [`ComponentHandle::check`], and [`EnforceError::Permission`] if the text is not a permission.
pub fn check_capability(
    component_id: &str,
    resource: &str,
    permission: &str,
) -> Result<(), EnforceError> {
    let permission: Permission = permission.parse()?;
    global().lookup(component_id)?.check(permission, resource)
}

/// Checks that a pattern of the component allows access to a resource and that the quota has
/// enough left. Takes nothing; [`guard`](crate::guard()) and [`with_quota!`](crate::with_quota)
/// check and take.
///
/// # Errors
///
/// As [`ComponentHandle::check_with_quota`], and [`EnforceError::Permission`] if the text is not
/// a permission.
pub fn check_capability_with_quota(
    component_id: &str,
    resource: &str,
    permission: &str,
    quota: QuotaType,
) -> Result<(), EnforceError> {
    let permission: Permission = permission.parse()?;
    global().lookup(component_id)?.check_with_quota(permission, resource, quota)
}

/// Takes units and keeps them.
///
/// # Errors
///
/// As [`ComponentHandle::consume`].
pub fn consume_quota(component_id: &str, quota: QuotaType) -> Result<(), EnforceError> {
    global().lookup(component_id)?.consume(quota)
}

/// Releases units of a total (storage, its entries or memory) and returns the number released.
///
/// # Errors
///
/// As [`ComponentHandle::release`].
pub fn release_quota(component_id: &str, quota: QuotaType) -> Result<u64, EnforceError> {
    global().lookup(component_id)?.release(quota)
}

/// Returns use, limit and remainder of each resource of a component.
///
/// # Errors
///
/// [`EnforceError::NotRegistered`] if there is no such component.
pub fn get_quota_status(component_id: &str) -> Result<QuotaStatus, EnforceError> {
    Ok(global().lookup(component_id)?.status())
}

/// Reports whether a component has used 80 % or more of any quota.
///
/// # Errors
///
/// [`EnforceError::NotRegistered`] if there is no such component.
pub fn has_quota_warning(component_id: &str) -> Result<bool, EnforceError> {
    Ok(global().lookup(component_id)?.is_quota_warning())
}

/// Reports whether a component has used 95 % or more of any quota.
///
/// # Errors
///
/// [`EnforceError::NotRegistered`] if there is no such component.
pub fn has_quota_critical(component_id: &str) -> Result<bool, EnforceError> {
    Ok(global().lookup(component_id)?.is_quota_critical())
}
