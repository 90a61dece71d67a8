//! A component's quotas: takes, charges and releases.

use std::sync::Arc;

use limits_core::{QuotaError, QuotaResource, QuotaType, QuotaUsage, Reservation, ResourceQuota};

use super::{ComponentHandle, TrackerOwner, UseChange};
use crate::enforce_error::EnforceError;
use crate::grant::Grant;

impl ComponentHandle {
    /// Tells what [`reserve`](Self::reserve) would answer now, without a take. A refusal is no
    /// denial: it is neither counted nor reported.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn peek(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.0.tracker.peek(quota)
    }

    /// Takes units of one resource, which the grant hands back on drop and keeps on commit.
    ///
    /// # Errors
    ///
    /// [`EnforceError::Quota`] if not enough is left, [`EnforceError::NotRegistered`] if the
    /// component is not registered any more. Nothing is taken then.
    pub fn reserve(&self, quota: QuotaType) -> Result<Grant, EnforceError> {
        self.reserve_all(&[quota])
    }

    /// Takes units of several resources, all or none.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve); the error names the resource that refuses longest. After that
    /// time another resource may still refuse.
    pub fn reserve_all(&self, quotas: &[QuotaType]) -> Result<Grant, EnforceError> {
        self.check_registered()?;
        self.take(quotas, || Ok(()))
    }

    /// Takes as much of an amount as is left, but at least one unit, and whole milliseconds of CPU
    /// time if the amount is in milliseconds. It is for work that can be done in parts, such as
    /// sending a part of a buffer; [`Grant::amount`] returns the size of the part.
    ///
    /// A registry that only observes grants the whole amount, and counts one denial if less was
    /// left.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, QuotaResource, QuotaType, ResourceQuota};
    /// use quota_enforce::{QuotaRegistry, SecurityContext};
    ///
    /// let quota = ResourceQuota::new().with_network_bandwidth(1_000);
    /// let registry = QuotaRegistry::new();
    /// let shop =
    ///     registry.register(SecurityContext::with_quota("shop", CapabilitySet::new(), quota))?;
    /// let grant = shop.reserve_up_to(QuotaType::NetworkBandwidth(1_500))?;
    /// assert_eq!(grant.amount(QuotaResource::NetworkBandwidth), 1_000);
    /// // ... send that much of the buffer; the peer accepts 900 bytes ...
    /// grant.commit_actual(QuotaType::NetworkBandwidth(900));
    /// # Ok::<(), quota_enforce::EnforceError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve), if nothing is left.
    pub fn reserve_up_to(&self, quota: QuotaType) -> Result<Grant, EnforceError> {
        self.check_registered()?;
        if !self.0.shared.enforces() {
            return self.take(&[quota], || Ok(()));
        }
        let reserved = self.0.tracker.reserve_up_to_for(quota, || self.owner());
        let taken = match (quota.resource(), &reserved) {
            (Some(resource), Ok(part)) => QuotaType::of(resource, part.amount(resource)),
            _ => quota,
        };
        // A larger part may have been held for a moment above, until another level refused it.
        #[cfg(feature = "wait")]
        self.offer(&[quota]);
        self.grant(&[taken], reserved, || Ok(()))
    }

    /// Takes units and keeps them.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    #[inline]
    pub fn consume(&self, quota: QuotaType) -> Result<(), EnforceError> {
        let flags = self.flags();
        if !flags.is_registered() {
            return Err(self.not_registered());
        }
        match self.0.tracker.consume_if(quota, || self.is_registered()) {
            Ok(true) => {
                self.keep(quota, quota.amount());
                if flags.is_watched() {
                    self.on_use(UseChange::Granted(&[quota]));
                }
                Ok(())
            }
            Ok(false) => Err(self.unregistered_meanwhile(&[quota])),
            Err(_) if !self.is_registered() => Err(self.unregistered_meanwhile(&[quota])),
            Err(error) => {
                self.refuse_or_observe(&[quota], error)?.commit();
                Ok(())
            }
        }
    }

    /// Charges units that have been used already. It is never refused; above the limit of a rate,
    /// it is a debt.
    pub fn charge(&self, quota: QuotaType) {
        self.keep(quota, self.0.tracker.charge(quota));
        self.on_use(UseChange::Counted(&[quota]));
    }

    /// Releases units of a total (storage, its entries or memory) and returns the number released.
    ///
    /// It releases at most what clones of this handle have consumed, committed or charged, and what
    /// the component was [seeded with](crate::SecurityContext::with_usage). Open grants and memory
    /// of live stores stay in use: dropping those releases them.
    ///
    /// It works after the component was unregistered, so that what it stored can be cleared away.
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotReleasable`] for a rate, which comes back with time, or by dropping its
    /// grant.
    pub fn release(&self, quota: QuotaType) -> Result<u64, EnforceError> {
        let Some(resource) = quota.resource() else { return Ok(0) };
        if resource.is_rate() {
            return Err(EnforceError::NotReleasable { resource });
        }
        let units = self.0.releasable.take_up_to(resource, quota.amount());
        let released = self.0.tracker.release(QuotaType::of(resource, units));
        self.on_use(UseChange::Fallen(&[quota]));
        Ok(released)
    }

    pub(crate) fn set_quota(&self, quota: ResourceQuota) -> Result<(), EnforceError> {
        if let Some(lending) = &self.0.shared.lending {
            let leases = self.0.tracker.leases().map(Arc::as_ref);
            lending.lessor.check_change(leases, &quota)?;
        }
        self.0.tracker.set_quota(quota)?;
        #[cfg(feature = "wait")]
        self.review_waits();
        self.refresh_levels();
        Ok(())
    }

    /// Charges what the component used before it was registered.
    pub(crate) fn seed(&self, usage: &QuotaUsage) {
        for resource in QuotaResource::ALL.iter().copied() {
            let used = QuotaType::of(resource, usage.of(resource));
            self.keep(used, self.0.tracker.charge(used));
        }
    }

    pub(crate) fn reset_usage(&self) {
        // In this order: units that another thread takes and keeps between the two end up counted
        // and not releasable. Those taken before both and kept after both end up the reverse, which
        // no order prevents; so the caller promises that there are none.
        self.0.tracker.reset();
        self.0.releasable.clear();
        #[cfg(feature = "wait")]
        self.review_waits();
        self.refresh_levels();
    }

    /// Lets units of a total that the tracker has counted be released through the handle.
    #[inline]
    fn keep(&self, quota: QuotaType, counted: u64) {
        if let Some(resource) = quota.resource() {
            self.0.releasable.add(resource, counted);
        }
    }

    pub(super) fn owner(&self) -> TrackerOwner {
        TrackerOwner(self.clone())
    }

    /// Takes units unless `still_allowed` refuses once they are taken.
    pub(super) fn take(
        &self,
        quotas: &[QuotaType],
        still_allowed: impl FnOnce() -> Result<(), EnforceError>,
    ) -> Result<Grant, EnforceError> {
        let reserved = self.0.tracker.reserve_for(quotas, || self.owner());
        self.grant(quotas, reserved, still_allowed)
    }

    /// Makes the grant of what was taken, unless the component was unregistered or lost its
    /// capability meanwhile: a successor may have begun by now.
    pub(super) fn grant(
        &self,
        quotas: &[QuotaType],
        reserved: Result<Reservation<TrackerOwner>, QuotaError>,
        still_allowed: impl FnOnce() -> Result<(), EnforceError>,
    ) -> Result<Grant, EnforceError> {
        if !self.is_registered() {
            drop(reserved);
            return Err(self.unregistered_meanwhile(quotas));
        }
        if let Err(error) = still_allowed() {
            drop(reserved);
            self.on_use(UseChange::Fallen(quotas));
            return Err(error);
        }
        match reserved {
            Ok(reservation) => {
                let grant = Grant::reserved(reservation, self.level_observer());
                self.on_use(UseChange::Granted(quotas));
                Ok(grant)
            }
            Err(error) => self.refuse_or_observe(quotas, error),
        }
    }

    /// Returns the error of a component that was unregistered during a take, of which nothing is
    /// held.
    #[cold]
    fn unregistered_meanwhile(&self, quotas: &[QuotaType]) -> EnforceError {
        self.on_use(UseChange::Fallen(quotas));
        self.not_registered()
    }

    /// Refuses, or only observes and grants.
    #[cold]
    fn refuse_or_observe(
        &self,
        quotas: &[QuotaType],
        error: QuotaError,
    ) -> Result<Grant, EnforceError> {
        // A take of several resources or levels may have held a part of it for a moment, in which
        // another thread may have looked.
        self.on_use(UseChange::Fallen(quotas));
        self.deny(error)?;
        let grant = Grant::observed(self.owner(), quotas, self.level_observer());
        // Sinks ran meanwhile and may have unregistered the component; the grant is then dropped.
        self.check_registered()?;
        self.on_use(UseChange::Counted(quotas));
        Ok(grant)
    }

    /// Returns a handle for a grant that re-evaluates levels when it is settled.
    fn level_observer(&self) -> Option<Self> {
        self.0.shared.has_sinks().then(|| self.clone())
    }
}
