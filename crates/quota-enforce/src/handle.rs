//! A registered component, for the host functions that it calls.

mod capabilities;
mod execution_account;
mod monitoring;
#[cfg(feature = "wait")]
mod pacing;
mod quotas;
mod reporting;
#[cfg(feature = "wait")]
mod waiting;

use core::fmt;
use core::ops::Deref;
use core::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use limits_core::{CapabilitySet, QuotaResource, QuotaTracker};

use crate::component_flags::ComponentFlags;
use crate::enforce_error::EnforceError;
use crate::level_watch::LevelWatch;
use crate::peaks::Peaks;
use crate::releasable::ReleasableTotals;
use crate::set_in_force::SetInForce;
use crate::shared::Shared;
use crate::throttle::Throttle;
#[cfg(feature = "wait")]
use crate::waits::Waits;

pub(crate) use self::reporting::UseChange;

/// A registered component.
///
/// A handle is cheap to clone, and every clone is the same component. The host keeps one in its
/// store's data: a host call then needs no look-up, and only the host sets a component's identity.
///
/// A handle takes and releases what its component may use. It cannot change quotas or capabilities,
/// which [`QuotaRegistry::set_quota`](crate::QuotaRegistry::set_quota) and
/// [`set_capabilities`](crate::QuotaRegistry::set_capabilities) do for all clones, and it cannot
/// reset the counters or [release](Self::release) what grants and executions hold.
///
/// As the account of executions, it is converted: `Arc<dyn Account>::from(handle)`.
///
/// Once the component is unregistered, [`is_registered`](Self::is_registered) is false and every
/// further check or take is refused. Grants that are open settle as usual, on the counters that
/// they came from, and executions go on to their end. A component that is registered under the same
/// id later has counters of its own.
#[derive(Clone)]
pub struct ComponentHandle(Arc<Component>);

struct Component {
    shared: Arc<Shared>,
    /// None unless the registry records peaks.
    peaks: Option<Box<Peaks>>,
    id: Box<str>,
    /// Made with the first event that it decides over.
    throttle: OnceLock<Box<Throttle>>,
    /// With the component's flags. With as many components as do not fit into a cache, a take of a
    /// rate waits for the lines of memory that it reads, and those are two of the tracker.
    tracker: QuotaTracker,
    capabilities: SetInForce,
    /// Units that clones of the handle have kept.
    releasable: ReleasableTotals,
    denied: DenialCounters,
    level_watches: [LevelWatch; RESOURCES],
    /// When an execution that was only observed would have had CPU time again, by the tracker's
    /// clock.
    would_wait_until: AtomicU64,
    /// The queues of a component without a parent, made with the first wait.
    #[cfg(feature = "wait")]
    waits: OnceLock<Box<Waits>>,
}

const RESOURCES: usize = QuotaResource::ALL.len();

const _: () = assert!(size_of::<Component>() <= 448);

#[cfg(test)]
std::thread_local! {
    /// Runs while a component is being unregistered.
    pub(crate) static UNREGISTERING: core::cell::Cell<Option<Box<dyn FnOnce()>>> =
        const { core::cell::Cell::new(None) };
}

#[derive(Default)]
struct DenialCounters {
    capability: AtomicU64,
    quota: [AtomicU64; RESOURCES],
    /// None where there is no parent to refuse.
    by_parent: Option<Box<[AtomicU64; RESOURCES]>>,
}

impl ComponentHandle {
    /// Makes the handle of a component that is not registered yet.
    pub(crate) fn prepared(
        id: Box<str>,
        capabilities: CapabilitySet,
        tracker: QuotaTracker,
        shared: Arc<Shared>,
    ) -> Self {
        let peaks = shared.host_peaks.is_some().then(Box::default);
        if shared.has_sinks() || peaks.is_some() {
            ComponentFlags::set_watched(tracker.owner_flags());
        }
        let by_parent = shared.parent.is_some().then(Box::default);
        let denied = DenialCounters { by_parent, ..DenialCounters::default() };
        Self(Arc::new(Component {
            id,
            capabilities: SetInForce::new(capabilities),
            tracker,
            releasable: ReleasableTotals::default(),
            shared,
            denied,
            peaks,
            level_watches: Default::default(),
            throttle: OnceLock::new(),
            would_wait_until: AtomicU64::new(0),
            #[cfg(feature = "wait")]
            waits: OnceLock::new(),
        }))
    }

    /// Returns the id under which the component is registered.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Reports whether the component is registered: kept by its
    /// [`Registration`](crate::Registration), and not unregistered since.
    #[inline]
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.flags().is_registered()
    }

    #[inline]
    fn flags(&self) -> ComponentFlags {
        ComponentFlags::of(self.0.tracker.owner_flags())
    }

    /// Reports whether the component was never registered: no sink has heard of it.
    pub(crate) fn is_unheard(&self) -> bool {
        self.flags().is_unheard()
    }

    pub(crate) fn set_registered(&self) {
        ComponentFlags::set_registered(self.0.tracker.owner_flags());
    }

    pub(crate) fn set_unregistered(&self) {
        #[cfg(test)]
        if let Some(hook) = UNREGISTERING.take() {
            hook();
        }
        ComponentFlags::set_unregistered(self.0.tracker.owner_flags());
    }

    #[inline]
    fn check_registered(&self) -> Result<(), EnforceError> {
        if self.is_registered() { Ok(()) } else { Err(self.not_registered()) }
    }

    #[cold]
    fn not_registered(&self) -> EnforceError {
        EnforceError::NotRegistered { id: self.0.id.clone() }
    }
}

/// A handle as the owner of its tracker, for reservations. Not part of the handle's public
/// interface.
///
/// A reservation drops it once it has handed its units back; waiters are then offered them.
pub(crate) struct TrackerOwner(ComponentHandle);

impl TrackerOwner {
    pub(crate) fn releasable(&self) -> &ReleasableTotals {
        &self.0.0.releasable
    }

    /// Returns the component whose units are held.
    #[cfg(feature = "wait")]
    pub(crate) const fn component(&self) -> &ComponentHandle {
        &self.0
    }
}

// Also where the units are kept: a flag that says so costs more than the look at the counter.
#[cfg(feature = "wait")]
impl Drop for TrackerOwner {
    #[inline]
    fn drop(&mut self) {
        self.0.offer_all();
    }
}

impl Deref for TrackerOwner {
    type Target = QuotaTracker;

    #[inline]
    fn deref(&self) -> &QuotaTracker {
        &self.0.0.tracker
    }
}

impl Eq for ComponentHandle {}

impl PartialEq for ComponentHandle {
    /// Compares registrations, not ids.
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
