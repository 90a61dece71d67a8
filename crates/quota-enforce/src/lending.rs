//! A registry's side of its lessor.

#[cfg(feature = "wait")]
use core::sync::atomic::fence;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use limits_core::{Clock, QuotaResource, QuotaTracker, ResourceQuota};

use crate::audit::AuditKind;
use crate::lessor::{ClusterEvent, LeaseListener, Lessor, NotShared};
use crate::shared::Shared;
#[cfg(feature = "wait")]
use crate::waits::Concerned;

/// The lessor of a registry.
#[derive(Debug)]
pub(crate) struct Lending {
    pub(crate) lessor: Arc<dyn Lessor>,
    /// The clock of all trackers.
    clock: Arc<dyn Clock>,
    /// The reason for which no component can be registered.
    refused: Option<NotShared>,
    /// Whether the store is away, as far as the lessor has told.
    is_store_lost: AtomicBool,
}

impl Lending {
    pub(crate) fn new(lessor: Arc<dyn Lessor>) -> Self {
        let clock = lessor.clock();
        Self { lessor, clock, refused: None, is_store_lost: AtomicBool::new(false) }
    }

    pub(crate) const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Makes the tracker of the quota over all components. If that cannot be shared, no component
    /// will be registered under it.
    pub(crate) fn host(&mut self, quota: ResourceQuota) -> QuotaTracker {
        let tracker = QuotaTracker::with_clock(quota, Arc::clone(&self.clock));
        match self.lessor.host(&tracker.quota()) {
            Ok(Some(leases)) => tracker.with_leases(leases),
            Ok(None) => tracker,
            Err(refused) => {
                self.refused = Some(refused);
                tracker
            }
        }
    }

    /// Looks whether a parent that the host has made counts by the lessor's clock.
    pub(crate) fn check_parent(&mut self, parent: &QuotaTracker) {
        if !Arc::ptr_eq(parent.clock(), &self.clock) {
            self.refused = Some(NotShared::Clock);
        }
    }

    /// Makes the tracker of a component, leased where the lessor shares it.
    pub(crate) fn component(
        &self,
        id: &str,
        tracker: QuotaTracker,
    ) -> Result<QuotaTracker, NotShared> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        Ok(match self.lessor.component(id, &tracker.quota())? {
            Some(leases) => tracker.with_leases(leases),
            None => tracker,
        })
    }

    pub(crate) fn is_store_connected(&self) -> bool {
        // Relaxed: the flag stands for itself.
        !self.is_store_lost.load(Ordering::Relaxed)
    }
}

impl LeaseListener for Shared {
    fn leased(&self, resource: QuotaResource) {
        #[cfg(feature = "wait")]
        {
            // Pairs with the fence of `Place::join`: the waiter sees the lease, or is seen here.
            fence(Ordering::SeqCst);
            let list = self.waits.of(resource);
            if list.is_awaited() {
                list.offer(Concerned::All);
            }
        }
        #[cfg(not(feature = "wait"))]
        let _ = resource;
    }

    fn cluster_changed(&self, event: &ClusterEvent) {
        if let Some(lending) = &self.lending {
            match event {
                ClusterEvent::StoreLost { .. } => {
                    lending.is_store_lost.store(true, Ordering::Relaxed);
                }
                ClusterEvent::StoreBack { .. } => {
                    lending.is_store_lost.store(false, Ordering::Relaxed);
                }
                ClusterEvent::Fallback { .. } | ClusterEvent::Warning { .. } => {}
            }
        }
        if self.has_sinks() {
            self.report(event.component(), AuditKind::Cluster(event), true, Some(0));
        }
    }
}
