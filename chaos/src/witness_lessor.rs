//! The lessor of a host, whose clock is a witness.

use std::sync::{Arc, Weak};

use limits_core::{Clock, Leases, ResourceQuota};
use quota_enforce::{LeaseListener, Lessor, NotShared};

use crate::spec::Plant;
use crate::witness_clock::WitnessClock;

/// A lessor over another. All trackers read a [`WitnessClock`].
#[derive(Debug)]
pub struct WitnessLessor {
    inner: Arc<dyn Lessor>,
    clock: Arc<WitnessClock>,
}

impl WitnessLessor {
    /// Returns a lessor whose clock lies as the plants have it.
    #[must_use]
    pub fn new(inner: Arc<dyn Lessor>, plants: &[Plant]) -> Self {
        let clock = Arc::new(WitnessClock::new(inner.clock(), plants));
        Self { inner, clock }
    }

    /// Returns the clock.
    #[must_use]
    pub const fn witness(&self) -> &Arc<WitnessClock> {
        &self.clock
    }
}

impl Lessor for WitnessLessor {
    fn component(&self, id: &str, quota: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
        self.inner.component(id, quota)
    }

    fn host(&self, quota: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
        self.inner.host(quota)
    }

    fn check_change(
        &self,
        leases: Option<&Leases>,
        quota: &ResourceQuota,
    ) -> Result<(), NotShared> {
        self.inner.check_change(leases, quota)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        clock
    }

    fn attach(&self, listener: Weak<dyn LeaseListener>) {
        self.inner.attach(listener);
    }
}
