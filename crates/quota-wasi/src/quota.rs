//! Quotas and capabilities of one component at the WASI boundary.

use core::fmt;
use std::sync::Arc;

use limits_core::ResourceLimits;
use quota_enforce::ComponentHandle;

use crate::builder::WasiQuotaBuilder;
use crate::directory::Directory;
use crate::store_quota::StoreQuota;

/// Quotas and capabilities of one component at the WASI boundary.
///
/// Cheap to clone; every clone is the same component.
#[derive(Clone)]
pub struct WasiQuota(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) component: ComponentHandle,
    pub(crate) directories: Vec<Directory>,
}

impl WasiQuota {
    /// Starts the builder for a component's directories.
    #[must_use]
    pub fn builder(component: ComponentHandle) -> WasiQuotaBuilder {
        WasiQuotaBuilder::new(component)
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Returns the component that takes and is asked.
    #[must_use]
    pub fn component(&self) -> &ComponentHandle {
        &self.0.component
    }

    /// Returns the directories that guests find open, in the order in which they were given.
    pub fn directories(&self) -> impl Iterator<Item = &Directory> {
        self.0.directories.iter()
    }

    /// Makes the part of one execution, within `limits`.
    #[must_use]
    pub fn store(&self, limits: &ResourceLimits) -> StoreQuota {
        StoreQuota::new(Arc::clone(&self.0), limits)
    }
}

impl fmt::Debug for WasiQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiQuota")
            .field("component", &self.0.component.id())
            .field("directories", &self.0.directories)
            .finish_non_exhaustive()
    }
}
