//! Paced takes.

use limits_core::{QuotaResource, QuotaType, Retry};
use tokio::time::Instant;

use super::ComponentHandle;
use crate::enforce_error::EnforceError;
use crate::grant::Grant;
use crate::waits::{Concerned, Request};

impl ComponentHandle {
    /// Takes as much of `most` units of a rate as is
    /// [due](limits_core::QuotaTracker::reserve_paced), and no less than `least`.
    ///
    /// For streams, which want all the bandwidth that they may have: the limit of a window is then
    /// granted through its length, where other takes would empty it at once and wait for the next.
    /// Units that are due go to the callers that [wait](Self::reserve_paced_wait) for them first.
    ///
    /// A registry that only observes grants `most`, and counts one denial if that was not left.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, QuotaResource, ResourceQuota};
    /// use quota_enforce::{EnforceError, QuotaRegistry, SecurityContext};
    ///
    /// let quota = ResourceQuota::new().with_network_bandwidth(8_000);
    /// let registry = QuotaRegistry::new();
    /// let shop =
    ///     registry.register(SecurityContext::with_quota("shop", CapabilitySet::new(), quota))?;
    /// let grant = shop.reserve_paced(QuotaResource::NetworkBandwidth, 1, 500)?;
    /// assert_eq!(grant.amount(QuotaResource::NetworkBandwidth), 500);
    /// # Ok::<(), EnforceError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EnforceError::Quota`] if less than `least` is due, which is a denial only if it never will
    /// be; [`EnforceError::NotRegistered`] if the component is not registered any more.
    pub fn reserve_paced(
        &self,
        resource: QuotaResource,
        least: u64,
        most: u64,
    ) -> Result<Grant, EnforceError> {
        self.check_registered()?;
        let quota = QuotaType::of(resource, most);
        if !self.0.shared.enforces() {
            return self.take(&[quota], || Ok(()));
        }
        if let Some(waits) = self.waits_if_any()
            && waits.of(resource).is_awaited()
        {
            waits.of(resource).offer(Concerned::All);
        }
        let reserved = self.0.tracker.reserve_paced_for(resource, least, most, || self.owner());
        // A part may have been held for a moment above, until another thread was faster here.
        self.offer(&[quota]);
        match reserved {
            Ok(reservation) => self.granted(resource, reservation),
            Err(error) if self.is_registered() && error.retry() != Retry::Never => {
                Err(self.with_clock_lag(error).into())
            }
            Err(error) => self.grant(&[quota], Err(error), || Ok(())),
        }
    }

    /// Takes as [`reserve_paced`](Self::reserve_paced) does, and waits as
    /// [`reserve_wait`](Self::reserve_wait) does until `least` is due.
    ///
    /// Each waiter is granted a share at a time, at least one unit, so that while all of them want
    /// more each is served within a quarter of a second: if a sixteenth of a second's units are
    /// enough for one each, and no `least` is larger than that share.
    ///
    /// # Errors
    ///
    /// As [`reserve_wait`](Self::reserve_wait).
    ///
    /// # Panics
    ///
    /// As [`reserve_wait`](Self::reserve_wait).
    pub async fn reserve_paced_wait(
        &self,
        resource: QuotaResource,
        least: u64,
        most: u64,
        deadline: impl Into<Instant>,
    ) -> Result<Grant, EnforceError> {
        self.wait(Request::paced(resource, least, most), deadline.into()).await
    }
}
