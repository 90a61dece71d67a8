//! What a host says of a component when it registers it.

use limits_core::{CapabilitySet, ResourceQuota};

use crate::usage_snapshot::UsageSnapshot;

/// What a host says of a component when it registers it: id, capabilities, quota.
///
/// The id comes from the host, not from the component. The counters belong to the
/// [`ComponentHandle`](crate::ComponentHandle) that registering gives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecurityContext {
    id: Box<str>,
    capabilities: CapabilitySet,
    quota: ResourceQuota,
    usage: UsageSnapshot,
}

impl SecurityContext {
    /// Describes a component with the default quota.
    #[must_use]
    pub fn new(id: impl Into<Box<str>>, capabilities: CapabilitySet) -> Self {
        Self::with_quota(id, capabilities, ResourceQuota::new())
    }

    /// Describes a component with a quota of its own.
    #[must_use]
    pub fn with_quota(
        id: impl Into<Box<str>>,
        capabilities: CapabilitySet,
        quota: ResourceQuota,
    ) -> Self {
        Self { id: id.into(), capabilities, quota, usage: UsageSnapshot::default() }
    }

    /// Lets the component begin with what it used before, such as in an earlier process;
    /// [`UsageSnapshot`] has an example.
    ///
    /// Memory is left out: the stores that held it are gone. What rates have used is charged to the
    /// window of now, so that a component cannot leave a debt behind by being started again; leave it
    /// out of what is [old](UsageSnapshot::without_rates). The registry's parent is charged as well;
    /// if it still counts what the component used, because that was in this process, release it first
    /// (see [`unregister`](crate::QuotaRegistry::unregister)).
    #[must_use]
    pub const fn with_usage(mut self, usage: UsageSnapshot) -> Self {
        self.usage = usage;
        self
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns what the component may touch.
    #[must_use]
    pub const fn capabilities(&self) -> &CapabilitySet {
        &self.capabilities
    }

    /// Returns what the component may use.
    #[must_use]
    pub const fn quota(&self) -> ResourceQuota {
        self.quota
    }

    /// Returns what the component used before.
    #[must_use]
    pub const fn usage(&self) -> UsageSnapshot {
        self.usage
    }
}
