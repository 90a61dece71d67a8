//! Quotas that several hosts share: the seam to their lessor.

mod cluster_event;
mod not_shared;

use core::fmt::Debug;
use std::sync::{Arc, Weak};

use limits_core::{Clock, Leases, QuotaResource, ResourceQuota};

pub use self::cluster_event::ClusterEvent;
pub use self::not_shared::NotShared;

/// Lends units of quotas that several hosts share.
///
/// A registry that is [built with](crate::QuotaRegistryBuilder::lessor) one asks it for the leases
/// of each component and of the host's quota. It drops them with the component's last handle, so a
/// lessor that holds the only reference to some leases has no use for them any more.
///
/// Takes call the lessor's [signal](limits_core::LeaseSignal) when they are short. It never calls
/// the registry from there, but from a thread or task of its own.
pub trait Lessor: Debug + Send + Sync {
    /// Returns the leases of a component that is being registered: `None` if nothing of it is
    /// shared. Those of an id that was registered before are new ones.
    ///
    /// # Errors
    ///
    /// [`NotShared`] if the quota cannot be shared as it is. The component is not registered then.
    fn component(&self, id: &str, quota: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared>;

    /// Returns the leases of the quota over all components of this host: `None` if it is not
    /// shared. Asked once for each registry.
    ///
    /// # Errors
    ///
    /// [`NotShared`] if the quota cannot be shared as it is. No component is registered then.
    fn host(&self, quota: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared>;

    /// Checks another quota of a component, whose leases are those that it was registered with.
    /// Accepts every quota by default.
    ///
    /// # Errors
    ///
    /// [`NotShared`] if the quota cannot be shared as it is. The component keeps the one it has.
    fn check_change(
        &self,
        leases: Option<&Leases>,
        quota: &ResourceQuota,
    ) -> Result<(), NotShared> {
        let _ = (leases, quota);
        Ok(())
    }

    /// Returns the clock on which leases have their deadlines, always the same one: all trackers of
    /// the registry read it.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Takes the listener that is told of new units and of the store's state. If the store is away
    /// at this moment, the lessor tells the listener so.
    fn attach(&self, listener: Weak<dyn LeaseListener>);
}

/// Hears of leases. A registry's shared part is one; its lessor calls it.
///
/// It offers units to waiters and calls sinks, so the lessor calls it without a lock that its own
/// methods take.
pub trait LeaseListener: Debug + Send + Sync {
    /// Units of a resource have been leased, or a window began: waiters are offered them. Called
    /// after each [`begin`](limits_core::LeasedRate::begin) and
    /// [`extend`](limits_core::LeasedRate::extend).
    fn leased(&self, resource: QuotaResource);

    /// The store was lost or is back, or there is a warning: sinks hear
    /// [`AuditKind::Cluster`](crate::AuditKind::Cluster).
    fn cluster_changed(&self, event: &ClusterEvent);
}
