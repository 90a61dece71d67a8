//! Takes that wait until they are granted.

use core::iter;
use core::ops::Deref as _;
use core::sync::atomic::{Ordering, fence};
use core::time::Duration;
use std::sync::Arc;

use limits_core::{QuotaError, QuotaResource, QuotaType, Reservation};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::{ComponentHandle, TrackerOwner};
use crate::enforce_error::EnforceError;
use crate::grant::Grant;
use crate::waits::{Concerned, Crowd, Form, Outcome, Place, Request, Waits};

/// The shortest sleep. The tracker's clock may stand still while that of the timer goes on.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

/// The number of steps in which a rate is handed out through a period: units become due one by one,
/// and a timer for each would cost more than what they pay for.
const PACED_STEPS: u32 = 32;
/// The longest of these steps.
const LONGEST_STEP: Duration = Duration::from_millis(4);

/// The shortest sleep of a caller that waits for a lease. The lessor wakes it before that; this is
/// for a lessor that has forgotten what was asked for.
const LEASE_FALLBACK: Duration = Duration::from_millis(25);

impl ComponentHandle {
    /// Takes units of one resource as [`reserve`](Self::reserve) does, and waits for them if not
    /// enough is left: for a release, or for the window that has room.
    ///
    /// Waiters of one component are granted units of one resource in the order of their first
    /// polls, so a small request never overtakes a large one. Where the registry has a
    /// [`host`](crate::QuotaRegistryBuilder::host) quota, units that several components wait for go
    /// to the longest wait that they suffice for. Calls that do not wait take the units that are
    /// there, also while others wait.
    ///
    /// A future that is dropped holds no units and no place, whether it was granted units or not.
    /// One that is not polled holds up no other component, and no other waiter once it was granted
    /// its units.
    ///
    /// A wait ends when its request can never be granted, also by a change of the quota, and when
    /// the component is unregistered. Units that a parent has back without this registry, such as
    /// by a direct change of its tracker, are offered by
    /// [`QuotaRegistry::offer_to_waiters`](crate::QuotaRegistry::offer_to_waiters).
    ///
    /// A registry that only observes makes no caller wait.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use limits_core::{CapabilitySet, QuotaType, ResourceQuota};
    /// use quota_enforce::{EnforceError, QuotaRegistry, SecurityContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), EnforceError> {
    /// let registry = QuotaRegistry::new();
    /// let quota = ResourceQuota::new().with_storage(1_000);
    /// let shop =
    ///     registry.register(SecurityContext::with_quota("shop", CapabilitySet::new(), quota))?;
    /// shop.consume(QuotaType::Storage(1_000))?;
    ///
    /// let deadline = Instant::now() + Duration::from_secs(60);
    /// let waiter = shop.clone();
    /// let write = async move { waiter.reserve_wait(QuotaType::Storage(300), deadline).await };
    /// let write = tokio::spawn(write);
    /// tokio::task::yield_now().await; // it waits now
    /// shop.release(QuotaType::Storage(300))?;
    /// let grant = write.await.expect("a task that ends")?;
    /// // ... write 300 bytes ...
    /// grant.commit();
    ///
    /// // The deadline has passed: it is refused as `reserve` would be.
    /// let refused = shop.reserve_wait(QuotaType::Storage(1), Instant::now()).await.unwrap_err();
    /// assert_eq!(refused.as_quota().map(|refused| refused.used()), Some(1_000));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`EnforceError::Quota`] at once if the request can never be granted, and at the deadline
    ///   with the refusal that holds then; behind another waiter it may be that one's, with this
    ///   request's amount. Each is one denial; a wait that is granted is none.
    /// - [`EnforceError::NotRegistered`] if the component is not registered any more.
    /// - [`EnforceError::NoRuntime`] if it has to wait outside a tokio runtime.
    ///
    /// # Panics
    ///
    /// If it has to wait in a tokio runtime whose timer is not enabled.
    pub async fn reserve_wait(
        &self,
        quota: QuotaType,
        deadline: impl Into<Instant>,
    ) -> Result<Grant, EnforceError> {
        self.wait(Request::whole(quota), deadline.into()).await
    }

    /// Takes as much of an amount as is left, as [`reserve_up_to`](Self::reserve_up_to) does, and
    /// waits as [`reserve_wait`](Self::reserve_wait) does until that is at least one unit.
    ///
    /// # Errors
    ///
    /// As [`reserve_wait`](Self::reserve_wait).
    ///
    /// # Panics
    ///
    /// As [`reserve_wait`](Self::reserve_wait).
    pub async fn reserve_up_to_wait(
        &self,
        quota: QuotaType,
        deadline: impl Into<Instant>,
    ) -> Result<Grant, EnforceError> {
        self.wait(Request::in_part(quota), deadline.into()).await
    }

    pub(super) async fn wait(
        &self,
        request: Request,
        deadline: Instant,
    ) -> Result<Grant, EnforceError> {
        self.check_registered()?;
        let resource = request.resource().filter(|_| self.0.shared.enforces());
        let Some(resource) = resource else { return self.take(&[request.quota()], || Ok(())) };
        let waits = self.waits_if_any();
        let is_awaited = waits.is_some_and(|waits| waits.of(resource).is_awaited());
        if !is_awaited {
            match self.take_for(&request, None) {
                Ok(reservation) => return self.granted(resource, reservation),
                // Some levels may have held units for a moment, in which they refused a waiter.
                Err(_) => self.offer(&[request.quota()]),
            }
        }
        if Handle::try_current().is_err() && Instant::now() < deadline {
            return Err(EnforceError::NoRuntime);
        }
        match Place::join(self, self.waits(), resource, request).outcome(deadline).await {
            Ok(Outcome::Granted(reservation)) => self.granted(resource, reservation),
            Ok(Outcome::Unregistered) => Err(self.not_registered()),
            Ok(Outcome::Refused(error)) | Err(error) => {
                self.grant(&[request.quota()], Err(error), || Ok(()))
            }
        }
    }

    pub(super) fn granted(
        &self,
        resource: QuotaResource,
        reservation: Reservation<TrackerOwner>,
    ) -> Result<Grant, EnforceError> {
        let taken = QuotaType::of(resource, reservation.amount(resource));
        self.grant(&[taken], Ok(reservation), || Ok(()))
    }

    /// Takes for a waiter: of what is due its share, if it waits among others. Nothing is counted
    /// as a denial or reported.
    pub(crate) fn take_for(
        &self,
        request: &Request,
        crowd: Option<Crowd>,
    ) -> Result<Reservation<TrackerOwner>, QuotaError> {
        let tracker = &self.0.tracker;
        match (request.form(), request.resource()) {
            (Form::Paced { least }, Some(resource)) => {
                let share = crowd.map_or(u64::MAX, |crowd| crowd.share(tracker, resource));
                let most = request.quota().amount().min(share.max(least));
                tracker.reserve_paced_for(resource, least, most, || self.owner())
            }
            (Form::InPart, _) => tracker.reserve_up_to_for(request.quota(), || self.owner()),
            (Form::Whole | Form::Paced { .. }, _) => {
                tracker.reserve_for(&[request.quota()], || self.owner())
            }
        }
    }

    /// Returns the refusal of the smallest amount that a waiter would be granted.
    pub(crate) fn peek_least(&self, request: &Request) -> Result<(), QuotaError> {
        match (request.form(), request.resource()) {
            (Form::Paced { least }, Some(resource)) => self.0.tracker.peek_paced(resource, least),
            _ => self.0.tracker.peek(request.least()),
        }
    }

    /// Returns the time at which a refused request may be tried again, if time makes room for it.
    pub(crate) fn due(
        &self,
        request: &Request,
        error: QuotaError,
        now: Instant,
    ) -> Option<Instant> {
        let wait = self.with_clock_lag(error).retry().after()?;
        let shortest = match error.period().filter(|_| request.is_paced()) {
            // A lease wakes its waiters as it comes.
            _ if error.is_leased() => LEASE_FALLBACK,
            Some(period) => (period / PACED_STEPS).clamp(SHORTEST_SLEEP, LONGEST_STEP),
            None => SHORTEST_SLEEP,
        };
        now.checked_add(wait.max(shortest))
    }

    /// Tells a lessor how many units waiters want altogether, so that one lease serves them all:
    /// that of the level that refused, since those below it have what each of them wants.
    pub(crate) fn want(&self, error: QuotaError, units: u64) {
        let mut levels =
            iter::successors(Some(&self.0.tracker), |level| level.parent().map(Arc::as_ref));
        let level = usize::try_from(error.depth()).ok().and_then(|depth| levels.nth(depth));
        if let Some(level) = level {
            level.want(error.resource(), units);
        }
    }

    /// Returns the units of a resource that the component's own level has left.
    pub(crate) fn left(&self, resource: QuotaResource) -> u64 {
        self.0.tracker.status_of(resource).available().at_most().unwrap_or(u64::MAX)
    }

    /// See [`QuotaTracker::publish_wait`](limits_core::QuotaTracker::publish_wait).
    pub(crate) fn publish_wait(&self, resource: QuotaResource) {
        self.0.tracker.publish_wait(resource);
    }

    /// Returns the queues in which the component's callers wait.
    fn waits(&self) -> &Waits {
        if self.0.shared.shares_queues() {
            &self.0.shared.waits
        } else {
            self.0.waits.get_or_init(Box::default)
        }
    }

    /// Returns the queues, if any caller has waited.
    #[inline]
    pub(super) fn waits_if_any(&self) -> Option<&Waits> {
        if self.0.shared.shares_queues() {
            Some(&self.0.shared.waits)
        } else {
            self.0.waits.get().map(Box::deref)
        }
    }

    /// Returns the queues if a caller waits in one of them.
    #[inline]
    fn awaited(&self) -> Option<&Waits> {
        self.waits_if_any().filter(|waits| waits.are_awaited())
    }

    /// Offers units to waiters, once some of these resources may have come back.
    #[inline]
    pub(crate) fn offer(&self, quotas: &[QuotaType]) {
        if let Some(waits) = self.awaited() {
            self.offer_each(waits, quotas.iter().filter_map(|quota| quota.resource()));
        }
    }

    /// Offers units of all resources to waiters.
    #[inline]
    pub(crate) fn offer_all(&self) {
        if let Some(waits) = self.awaited() {
            self.offer_each(waits, QuotaResource::ALL.iter().copied());
        }
    }

    #[cold]
    fn offer_each(&self, waits: &Waits, resources: impl Iterator<Item = QuotaResource>) {
        for resource in resources {
            let list = waits.of(resource);
            // Even if the parent looks full: a take for another waiter, made under the lock and
            // undone by now, may have held its last units.
            if list.is_awaited() {
                list.offer(Concerned::After(self));
            }
        }
    }

    /// Looks at the waiters after a change of the component's limits or use.
    pub(crate) fn review_waits(&self) {
        // Pairs with the fence of `Place::join`: the waiter sees the change, or is seen here.
        fence(Ordering::SeqCst);
        for list in self.waits_if_any().map_or(&[][..], Waits::lists) {
            list.review(self);
        }
    }

    /// Ends the waits of a component that was unregistered.
    pub(crate) fn dismiss_waits(&self) {
        // Pairs as in `review_waits`.
        fence(Ordering::SeqCst);
        for list in self.waits_if_any().map_or(&[][..], Waits::lists) {
            list.dismiss(self);
        }
    }
}
