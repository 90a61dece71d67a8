//! The description of a component that a host registers.

use limits_core::{CapabilitySet, ResourceQuota};

use crate::usage_snapshot::UsageSnapshot;

/// The description of a component that a host registers: id, capabilities, quota, earlier use.
///
/// The id comes from the host, not from the component. The counters belong to the
/// [`ComponentHandle`](crate::ComponentHandle) that registering returns.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use = "a context does nothing until it is registered"]
pub struct SecurityContext {
    id: Box<str>,
    capabilities: CapabilitySet,
    quota: ResourceQuota,
    usage: Option<UsageSnapshot>,
}

impl SecurityContext {
    /// Describes a component with the default quota.
    pub fn new(id: impl Into<Box<str>>, capabilities: CapabilitySet) -> Self {
        Self::with_quota(id, capabilities, ResourceQuota::new())
    }

    /// Describes a component with a quota of its own.
    pub fn with_quota(
        id: impl Into<Box<str>>,
        capabilities: CapabilitySet,
        quota: ResourceQuota,
    ) -> Self {
        Self { id: id.into(), capabilities, quota, usage: None }
    }

    /// Seeds the component with what it used before, such as in an earlier process;
    /// [`UsageSnapshot`] has an example.
    ///
    /// Memory is left out: the stores that held it are gone. The use of rates is charged to the
    /// current window, so that a component cannot leave a debt behind by being started again; leave
    /// it out of an [old](UsageSnapshot::without_rates) snapshot. Of a rate that
    /// [hosts share](crate::QuotaRegistryBuilder::lessor) it is a debt, which the next leases pay.
    ///
    /// The registry's parent is charged as well; if it still counts what the component used,
    /// because that was in this process, release it first (see
    /// [`unregister`](crate::QuotaRegistry::unregister)).
    pub const fn with_usage(mut self, usage: UsageSnapshot) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the capabilities.
    #[must_use]
    pub const fn capabilities(&self) -> &CapabilitySet {
        &self.capabilities
    }

    /// Returns the quota.
    #[must_use]
    pub const fn quota(&self) -> ResourceQuota {
        self.quota
    }

    /// Returns the earlier use, if the context has one.
    #[must_use]
    pub const fn usage(&self) -> Option<UsageSnapshot> {
        self.usage
    }
}
