//! One registered component, for the host functions that it calls.

mod execution_account;
mod reporting;

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use limits_core::{
    CapabilitySet, Decision, Permission, QuotaError, QuotaResource, QuotaStatus, QuotaTracker,
    QuotaType, QuotaUsage, Reservation, ResourceQuota,
};

use crate::audit::AuditKind;
use crate::denials::Denials;
use crate::enforce_error::EnforceError;
use crate::grant::Grant;
use crate::level_watch::LevelWatch;
use crate::peaks::Peaks;
use crate::shared::Shared;
use crate::throttle::Throttle;
use crate::usage_snapshot::UsageSnapshot;

/// One registered component.
///
/// Cheap to clone; every clone is the same component. The host keeps one in its store's data, so
/// that a host call needs no look-up and a component's identity is where nobody else can set it.
///
/// Once the component is unregistered, [`is_registered`](Self::is_registered) is false and host
/// functions that ask for more are refused; what is under way is settled as usual, on the counters
/// that it came from, and executions that have the handle as their
/// [`Account`](limits_core::Account) go on to their end. A component that is registered under the
/// same id later has counters of its own.
///
/// The counters themselves are not handed out: nobody who holds a handle can reset them.
#[derive(Clone)]
pub struct ComponentHandle(Arc<Component>);

struct Component {
    id: Box<str>,
    capabilities: CapabilitySet,
    tracker: Arc<QuotaTracker>,
    shared: Arc<Shared>,
    gone: AtomicBool,
    denied: DenialCounters,
    /// None unless the registry records peaks.
    peaks: Option<Peaks>,
    level_watches: [LevelWatch; QuotaResource::ALL.len()],
    /// Made with the first event that it decides over.
    throttle: OnceLock<Box<Throttle>>,
    /// When an execution that was only observed would have had CPU time again, by the tracker's clock.
    would_wait_until: AtomicU64,
}

#[cfg(test)]
std::thread_local! {
    /// What a test does in the moment in which a component is retired.
    pub(crate) static RETIRING: core::cell::Cell<Option<Box<dyn FnOnce()>>> =
        const { core::cell::Cell::new(None) };
}

#[derive(Default)]
struct DenialCounters {
    capability: AtomicU64,
    quota: [AtomicU64; QuotaResource::ALL.len()],
    by_parent: [AtomicU64; QuotaResource::ALL.len()],
}

impl ComponentHandle {
    pub(crate) fn new(
        id: Box<str>,
        capabilities: CapabilitySet,
        tracker: QuotaTracker,
        shared: Arc<Shared>,
    ) -> Self {
        let peaks = shared.host_peaks.is_some().then(Peaks::default);
        Self(Arc::new(Component {
            id,
            capabilities,
            tracker: Arc::new(tracker),
            shared,
            gone: AtomicBool::new(false),
            denied: DenialCounters::default(),
            peaks,
            level_watches: Default::default(),
            throttle: OnceLock::new(),
            would_wait_until: AtomicU64::new(0),
        }))
    }

    /// Returns the id under which the component is registered.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Returns what the component may touch, with its id in the place of `<id>`.
    #[must_use]
    pub fn capabilities(&self) -> &CapabilitySet {
        &self.0.capabilities
    }

    /// Returns what the component may use.
    #[must_use]
    pub fn quota(&self) -> ResourceQuota {
        self.0.tracker.quota()
    }

    /// Changes what the component may use. Less than what it uses denies until enough has come back.
    ///
    /// Whoever holds a handle can do so: a host function that is not to, should be given an
    /// [`Account`](limits_core::Account) or what it needs, and not the handle.
    ///
    /// # Errors
    ///
    /// [`EnforceError::PeriodMismatch`] if the period is another one: windows that are being counted
    /// cannot change their length.
    pub fn set_quota(&self, quota: ResourceQuota) -> Result<(), EnforceError> {
        self.0.tracker.set_quota(quota)?;
        self.refresh_levels();
        Ok(())
    }

    /// Tells whether the component is still registered.
    #[inline]
    #[must_use]
    pub fn is_registered(&self) -> bool {
        // Pairs with the release in `retire`: who sees it gone sees what was done before.
        !self.0.gone.load(Ordering::Acquire)
    }

    pub(crate) fn retire(&self) {
        #[cfg(test)]
        if let Some(hook) = RETIRING.take() {
            hook();
        }
        self.0.gone.store(true, Ordering::Release);
    }

    // --- capabilities

    /// Decides without telling anybody: for questions, not for doing something.
    pub fn decide<'a>(&'a self, permission: Permission, resource: &'a str) -> Decision<'a> {
        self.0.capabilities.check(permission, resource)
    }

    /// Refuses unless a pattern allows it.
    ///
    /// # Errors
    ///
    /// [`EnforceError::Capability`] if none does, [`EnforceError::NotRegistered`] if the component
    /// is gone.
    pub fn check(&self, permission: Permission, resource: &str) -> Result<(), EnforceError> {
        self.check_registered()?;
        let shared = &self.0.shared;
        let decision = self.decide(permission, resource);
        if decision.is_allowed() {
            if shared.reports_grants() {
                self.report(AuditKind::CapabilityGranted(decision), true);
            }
            return Ok(());
        }
        self.0.denied.capability.fetch_add(1, Ordering::Relaxed);
        self.report(AuditKind::CapabilityDenied(decision), shared.enforces());
        if shared.enforces() {
            decision.into_result()?;
        }
        Ok(())
    }

    /// Refuses unless a pattern allows it and the quota would. Takes nothing, so the answer may be
    /// out of date when it arrives: [`authorize`](Self::authorize) is what holds.
    ///
    /// # Errors
    ///
    /// As [`authorize`](Self::authorize).
    pub fn check_with_quota(
        &self,
        permission: Permission,
        resource: &str,
        quota: QuotaType,
    ) -> Result<(), EnforceError> {
        self.check(permission, resource)?;
        match self.0.tracker.peek(quota) {
            Ok(()) => Ok(()),
            Err(error) => Ok(self.refuse(error)?),
        }
    }

    /// Checks the capability and takes the quota, in this order.
    ///
    /// # Errors
    ///
    /// [`EnforceError::Capability`] or [`EnforceError::Quota`] if one of them is missing, and
    /// [`EnforceError::NotRegistered`] if the component is gone. Then nothing is taken.
    pub fn authorize(
        &self,
        permission: Permission,
        resource: &str,
        quota: QuotaType,
    ) -> Result<Grant, EnforceError> {
        self.check(permission, resource)?;
        self.take(&[quota])
    }

    // --- quotas

    /// Takes units of one resource until the grant is dropped, or for good if it is committed.
    ///
    /// # Errors
    ///
    /// [`EnforceError::Quota`] if not enough is left, [`EnforceError::NotRegistered`] if the
    /// component is gone. Then nothing is taken.
    pub fn reserve(&self, quota: QuotaType) -> Result<Grant, EnforceError> {
        self.check_registered()?;
        self.take(&[quota])
    }

    /// Takes units of several resources, of all or of none.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve); the error names the resource that refuses longest. Once that has
    /// passed, another may still refuse.
    pub fn reserve_all(&self, quotas: &[QuotaType]) -> Result<Grant, EnforceError> {
        self.check_registered()?;
        self.take(quotas)
    }

    /// Takes as much of an amount as is left, but at least one unit, and whole milliseconds of CPU time
    /// if they were asked for: for what can be done in parts, such as sending a part of a buffer.
    /// [`Grant::amount`] says how much it is.
    ///
    /// A registry that only observes grants all that was asked for. That there was not so much counts
    /// as one denial.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, QuotaResource, QuotaType, ResourceQuota};
    /// use quota_enforce::{QuotaRegistry, SecurityContext};
    ///
    /// let quota = ResourceQuota::new().with_network_bandwidth(1_000);
    /// let registry = QuotaRegistry::new();
    /// let shop = registry.register(SecurityContext::with_quota("shop", CapabilitySet::new(), quota))?;
    /// let grant = shop.reserve_up_to(QuotaType::NetworkBandwidth(1_500))?;
    /// assert_eq!(grant.amount(QuotaResource::NetworkBandwidth), 1_000);
    /// // ... send so much of the buffer; the peer takes 900 bytes of it ...
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
            return self.take(&[quota]);
        }
        let reserved = self.0.tracker.reserve_up_to_owned(quota);
        let taken = match (quota.resource(), &reserved) {
            (Some(resource), Ok(part)) => QuotaType::of(resource, part.amount(resource)),
            _ => quota,
        };
        self.grant(&[taken], reserved)
    }

    /// Takes units for good.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    #[inline]
    pub fn consume(&self, quota: QuotaType) -> Result<(), EnforceError> {
        self.check_registered()?;
        match self.0.tracker.consume_if(quota, || self.is_registered()) {
            Ok(true) => {
                self.granted(&[quota]);
                Ok(())
            }
            Ok(false) => Err(self.gone_meanwhile(&[quota])),
            Err(_) if !self.is_registered() => Err(self.gone_meanwhile(&[quota])),
            Err(error) => {
                self.refuse_or_observe(&[quota], error)?.commit();
                Ok(())
            }
        }
    }

    /// Charges what has been used already. Never refused; what is above the limit is a debt.
    pub fn charge(&self, quota: QuotaType) {
        self.0.tracker.charge(quota);
        self.watch(&[quota]);
    }

    /// Gives storage or memory back and returns how many bytes that was: never more than are used.
    ///
    /// Works for a component that is gone as well, so that what it held can be cleared away.
    ///
    /// # Errors
    ///
    /// [`EnforceError::NotReleasable`] for a rate, which comes back with time, or by dropping its
    /// grant.
    pub fn release(&self, quota: QuotaType) -> Result<u64, EnforceError> {
        if let Some(resource) = quota.resource().filter(|resource| resource.is_rate()) {
            return Err(EnforceError::NotReleasable { resource });
        }
        let released = self.0.tracker.release(quota);
        if let Some(resource) = quota.resource() {
            self.watch_fall(resource);
        }
        Ok(released)
    }

    fn take(&self, quotas: &[QuotaType]) -> Result<Grant, EnforceError> {
        self.grant(quotas, self.0.tracker.reserve_owned(quotas))
    }

    /// Tells of what was taken or refused.
    fn grant(
        &self,
        quotas: &[QuotaType],
        reserved: Result<Reservation<Arc<QuotaTracker>>, QuotaError>,
    ) -> Result<Grant, EnforceError> {
        match self.still_registered(quotas, reserved)? {
            Ok(reservation) => {
                let grant = Grant::reserved(reservation, self.watcher());
                self.granted(quotas);
                Ok(grant)
            }
            Err(error) => self.refuse_or_observe(quotas, error),
        }
    }

    /// Hands on what was taken, or gives it back if the component was unregistered since it was asked
    /// for: a successor may have begun by now.
    #[inline]
    fn still_registered<T>(
        &self,
        quotas: &[QuotaType],
        reserved: Result<T, QuotaError>,
    ) -> Result<Result<T, QuotaError>, EnforceError> {
        if self.is_registered() {
            return Ok(reserved);
        }
        drop(reserved);
        Err(self.gone_meanwhile(quotas))
    }

    /// Says that the component was unregistered while it was asked for, of which nothing is held.
    #[cold]
    fn gone_meanwhile(&self, quotas: &[QuotaType]) -> EnforceError {
        self.look_again(quotas);
        self.not_registered()
    }

    /// Refuses, or only observes and grants.
    #[cold]
    fn refuse_or_observe(
        &self,
        quotas: &[QuotaType],
        error: QuotaError,
    ) -> Result<Grant, EnforceError> {
        self.look_again(quotas);
        self.refuse(error)?;
        let grant = Grant::observed(Arc::clone(&self.0.tracker), quotas, self.watcher());
        // Sinks ran meanwhile, and may have unregistered the component; the grant then goes back.
        self.check_registered()?;
        self.watch(quotas);
        Ok(grant)
    }

    /// Returns who looks at falls when a grant is settled.
    fn watcher(&self) -> Option<Self> {
        self.0.shared.has_sinks().then(|| self.clone())
    }

    /// Takes units for good, for an execution under way: also once the component is unregistered.
    #[inline]
    fn keep(&self, quota: QuotaType) -> Result<(), QuotaError> {
        match self.0.tracker.consume(quota) {
            Ok(()) => {
                self.granted(&[quota]);
                Ok(())
            }
            Err(error) => self.refuse_keeping(quota, error),
        }
    }

    /// Refuses, or only observes and goes on.
    fn refuse_keeping(&self, quota: QuotaType, error: QuotaError) -> Result<(), QuotaError> {
        self.look_again(&[quota]);
        self.refuse(error)?;
        Grant::observed(Arc::clone(&self.0.tracker), &[quota], None).commit();
        self.watch(&[quota]);
        Ok(())
    }

    // --- monitoring

    /// Returns what is used, of what, and how much is left, in a window that is current.
    #[must_use]
    pub fn status(&self) -> QuotaStatus {
        self.0.tracker.status()
    }

    /// Returns what is used.
    #[must_use]
    pub fn usage(&self) -> QuotaUsage {
        self.0.tracker.usage()
    }

    /// Returns the highest use of each resource since the component was registered: of a rate, in
    /// one window. None unless the registry [records](crate::QuotaRegistryBuilder::record_peaks) it.
    #[must_use]
    pub fn peak_usage(&self) -> Option<QuotaUsage> {
        self.0.peaks.as_ref().map(Peaks::usage)
    }

    /// Returns what is used, to be written down.
    #[must_use]
    pub fn snapshot(&self) -> UsageSnapshot {
        self.usage().into()
    }

    /// Tells whether 80 % or more of any quota are used.
    #[must_use]
    pub fn is_quota_warning(&self) -> bool {
        self.0.tracker.is_quota_warning()
    }

    /// Tells whether 95 % or more of any quota are used.
    #[must_use]
    pub fn is_quota_critical(&self) -> bool {
        self.0.tracker.is_quota_critical()
    }

    /// Returns how often the component was denied something, since it was registered.
    ///
    /// A denial costs a component nothing, so one that does not stop is the host's to end: this says
    /// when.
    #[must_use]
    pub fn denials(&self) -> Denials {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.0.denied;
        Denials::new(
            count(&counters.capability),
            counters.quota.each_ref().map(count),
            counters.by_parent.each_ref().map(count),
        )
    }

    // --- what every path shares

    #[inline]
    fn check_registered(&self) -> Result<(), EnforceError> {
        if self.is_registered() { Ok(()) } else { Err(self.not_registered()) }
    }

    #[cold]
    fn not_registered(&self) -> EnforceError {
        EnforceError::NotRegistered { id: self.0.id.clone() }
    }

    pub(crate) fn reset_usage(&self) {
        self.0.tracker.reset();
        self.refresh_levels();
    }
}

impl Eq for ComponentHandle {}

impl PartialEq for ComponentHandle {
    /// Tells whether both are the same registration.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for ComponentHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentHandle")
            .field("id", &self.0.id)
            .field("registered", &self.is_registered())
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
