//! Units that are taken and not yet settled.

use core::fmt;
use std::sync::Arc;

use limits_core::{QuotaResource, QuotaTracker, QuotaType, Reservation};

use crate::handle::ComponentHandle;

/// A [`Reservation`] of a registered component: dropped it goes back, committed it stays. It also tells
/// the sinks of levels, and stands for what an observing registry would have denied.
///
/// What a rate gets back goes into the window that it was taken from, and nowhere if that is over.
/// A grant that is forgotten (`mem::forget`) keeps what it took.
///
/// Made by [`authorize`](crate::authorize()), [`ComponentHandle::reserve`] and their kin. It borrows
/// neither the handle nor the resource and holds no lock: the operation may change the struct that has
/// the handle, and a task may keep the grant across `.await`. Making one allocates nothing.
///
/// ```
/// use limits_core::{CapabilitySet, QuotaType};
/// use quota_enforce::{ComponentHandle, EnforceError, QuotaRegistry, SecurityContext};
///
/// struct Session {
///     component: ComponentHandle,
///     log: Vec<u8>,
/// }
///
/// impl Session {
///     fn append(&mut self, line: &[u8]) -> Result<usize, EnforceError> {
///         self.log.extend_from_slice(line);
///         Ok(self.log.len())
///     }
/// }
///
/// let registry = QuotaRegistry::new();
/// let component = registry.register(SecurityContext::new("shop", CapabilitySet::new()))?;
/// let mut session = Session { component, log: Vec::new() };
/// let grant = session.component.reserve(QuotaType::Storage(3))?;
/// assert_eq!(grant.run(|| session.append(b"one"))?, 3);
/// assert_eq!(session.component.usage().storage_used, 3);
/// # Ok::<(), EnforceError>(())
/// ```
#[must_use = "a grant that is dropped gives back what it took"]
pub struct Grant {
    // Dropped in this order: who watches sees what has come back.
    held: Held,
    watch: Watch,
}

enum Held {
    Reserved(Reservation<Arc<QuotaTracker>>),
    /// What would have been denied, and was only observed.
    Observed(Observed),
}

impl Grant {
    /// `watcher` hears of levels that change as the grant is settled.
    pub(crate) fn reserved(
        reservation: Reservation<Arc<QuotaTracker>>,
        watcher: Option<ComponentHandle>,
    ) -> Self {
        let watch = Watch::of(watcher, |resource| reservation.amount(resource));
        Self { held: Held::Reserved(reservation), watch }
    }

    /// Goes on although it would have been denied.
    ///
    /// Totals are counted above their limit, since what is stored is stored and will be released.
    /// Rates are not: a denied message would not have been sent.
    pub(crate) fn observed(
        tracker: Arc<QuotaTracker>,
        quotas: &[QuotaType],
        watcher: Option<ComponentHandle>,
    ) -> Self {
        let mut observed = Observed { tracker, asked: Default::default() };
        for quota in quotas {
            let asked =
                quota.resource().and_then(|resource| observed.asked.get_mut(resource.index()));
            if let Some(asked) = asked {
                *asked = asked.saturating_add(quota.amount());
            }
        }
        for total in TOTALS {
            observed.tracker.charge(QuotaType::of(total, observed.amount(total)));
        }
        let watch = Watch::of(watcher, |resource| observed.amount(resource));
        Self { held: Held::Observed(observed), watch }
    }

    /// Returns how much of a resource may be used, in its [`unit`](QuotaResource::unit).
    ///
    /// That is what was asked for, also where it would have been denied and is only observed; but of
    /// [`reserve_up_to`](ComponentHandle::reserve_up_to) it is what there was.
    #[must_use]
    pub fn amount(&self, resource: QuotaResource) -> u64 {
        match &self.held {
            Held::Reserved(reservation) => reservation.amount(resource),
            Held::Observed(observed) => observed.amount(resource),
        }
    }

    /// Runs an operation and keeps what was taken if the operation succeeds. If it fails or panics,
    /// what was taken goes back.
    ///
    /// # Errors
    ///
    /// As the operation.
    pub fn run<T, E>(self, operation: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let value = operation()?;
        self.commit();
        Ok(value)
    }

    /// As [`run`](Self::run), for an operation that waits. A future that is dropped half-way gives back
    /// what was taken.
    ///
    /// # Errors
    ///
    /// As the operation.
    pub async fn run_async<T, E>(
        self,
        operation: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let value = operation.await?;
        self.commit();
        Ok(value)
    }

    /// Keeps what was taken.
    pub fn commit(self) {
        let Self { held, mut watch } = self;
        watch.component = None;
        match held {
            Held::Reserved(reservation) => reservation.commit(),
            Held::Observed(observed) => observed.keep(),
        }
    }

    /// Keeps what was taken, but settles one resource for what was really used: less is given back,
    /// more is charged.
    pub fn commit_actual(mut self, actual: QuotaType) {
        self.settle(actual);
        self.commit();
    }

    /// Settles one resource for what was really used, and leaves the others as they are: to be settled
    /// next, committed or dropped. Once for each resource.
    pub fn settle(&mut self, actual: QuotaType) {
        let Some(resource) = actual.resource() else { return };
        let taken = self.amount(resource);
        match &mut self.held {
            Held::Reserved(reservation) => reservation.settle(actual),
            Held::Observed(observed) => observed.settle(resource, actual.amount()),
        }
        // What is only observed of a rate is not counted, and so changes no level.
        let is_counted = matches!(self.held, Held::Reserved(_)) || !resource.is_rate();
        if let Some(component) = self.watch.component.as_ref().filter(|_| is_counted) {
            component.settled(resource, actual.amount().saturating_sub(taken));
        }
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Grant");
        for &resource in QuotaResource::ALL {
            let amount = self.amount(resource);
            if amount > 0 {
                debug.field(resource.key(), &amount);
            }
        }
        debug.field("observed", &matches!(self.held, Held::Observed(_))).finish()
    }
}

/// What is counted until it is given back.
const TOTALS: [QuotaResource; 2] = [QuotaResource::Storage, QuotaResource::Memory];

struct Observed {
    tracker: Arc<QuotaTracker>,
    /// Of each resource. Only the totals are counted.
    asked: [u64; QuotaResource::ALL.len()],
}

impl Observed {
    fn amount(&self, resource: QuotaResource) -> u64 {
        self.asked.get(resource.index()).copied().unwrap_or_default()
    }

    fn settle(&mut self, resource: QuotaResource, used: u64) {
        let taken = self.amount(resource);
        if let Some(asked) = self.asked.get_mut(resource.index()) {
            *asked = 0;
        }
        if !resource.is_rate() {
            self.tracker.charge(QuotaType::of(resource, used.saturating_sub(taken)));
            self.tracker.release(QuotaType::of(resource, taken.saturating_sub(used)));
        }
    }

    fn keep(mut self) {
        self.asked = Default::default();
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        for total in TOTALS {
            self.tracker.release(QuotaType::of(total, self.amount(total)));
        }
    }
}

/// Looks at levels once a grant has given back what it held of totals. What a rate gets back is of
/// its window, which ends by itself.
struct Watch {
    /// `None` if nobody wants to hear of levels.
    component: Option<ComponentHandle>,
    storage: bool,
    memory: bool,
}

impl Watch {
    fn of(component: Option<ComponentHandle>, amount: impl Fn(QuotaResource) -> u64) -> Self {
        let holds = |resource| amount(resource) > 0;
        let (storage, memory) = (holds(QuotaResource::Storage), holds(QuotaResource::Memory));
        Self { component, storage, memory }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(component) = self.component.take() else { return };
        if self.storage {
            component.settled(QuotaResource::Storage, 0);
        }
        if self.memory {
            component.settled(QuotaResource::Memory, 0);
        }
    }
}
