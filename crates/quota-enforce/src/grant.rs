//! Units that are taken and not yet settled.

use core::fmt;

use limits_core::{QuotaResource, QuotaTracker, QuotaType, Reservation};

use crate::handle::{ComponentHandle, TrackerOwner, UseChange};
use crate::releasable::ReleasableTotals;

/// Units taken for a registered component: handed back on drop, kept on commit.
///
/// Made by [`authorize`](crate::authorize()), [`ComponentHandle::reserve`] and their kin. Units of
/// a rate are refunded to the window that they were taken from, and to none if that is over. As it
/// is settled, sinks hear of the levels that change. In a registry that only observes, a grant also
/// stands for what would have been denied.
///
/// A grant that is forgotten (`mem::forget`) keeps what it took. Its totals then stay counted, and
/// no handle can release them, until
/// [`QuotaRegistry::reset_usage`](crate::QuotaRegistry::reset_usage).
///
/// A grant borrows neither the handle nor the resource and holds no lock: the operation may change
/// the struct that has the handle, and a task may keep the grant across `.await`. Making one
/// allocates nothing.
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
#[must_use = "a grant that is dropped hands back what it took"]
pub struct Grant {
    // Dropped in this order: levels are re-evaluated once units have come back.
    held: Held,
    levels: LevelsOnDrop,
}

enum Held {
    Reserved(Reservation<TrackerOwner>),
    /// A take that would have been denied, and was only observed.
    Observed(Observed),
}

impl Grant {
    /// `observer` re-evaluates the levels that change as the grant is settled.
    pub(crate) fn reserved(
        reservation: Reservation<TrackerOwner>,
        observer: Option<ComponentHandle>,
    ) -> Self {
        let levels = LevelsOnDrop::of(observer, |resource| reservation.amount(resource));
        Self { held: Held::Reserved(reservation), levels }
    }

    /// Grants what would have been denied.
    ///
    /// Totals are counted above their limit, as far as [`charge_observed`] does, since stored bytes
    /// stay stored and will be released. Rates are not counted: a denied message would not have
    /// been sent.
    pub(crate) fn observed(
        owner: TrackerOwner,
        quotas: &[QuotaType],
        observer: Option<ComponentHandle>,
    ) -> Self {
        let mut amounts = [0_u64; RESOURCES];
        for quota in quotas {
            let sum = quota.resource().and_then(|resource| amounts.get_mut(resource.index()));
            if let Some(sum) = sum {
                *sum = sum.saturating_add(quota.amount());
            }
        }
        for total in ReleasableTotals::RESOURCES {
            if let Some(amount) = amounts.get_mut(total.index()) {
                *amount = charge_observed(&owner, QuotaType::of(total, *amount));
            }
        }
        let observed = Observed { owner, amounts };
        let levels = LevelsOnDrop::of(observer, |resource| observed.amount(resource));
        Self { held: Held::Observed(observed), levels }
    }

    /// Returns the number of units of a resource that may be used, in its
    /// [`unit`](QuotaResource::unit).
    ///
    /// It is the amount that was asked for, also where that is only observed, but then at most
    /// 2⁵⁰ units of a total (1 PiB), and no more than the counters have room for; for
    /// [`reserve_up_to`](ComponentHandle::reserve_up_to) it is the part that was left.
    #[must_use]
    pub fn amount(&self, resource: QuotaResource) -> u64 {
        match &self.held {
            Held::Reserved(reservation) => reservation.amount(resource),
            Held::Observed(observed) => observed.amount(resource),
        }
    }

    /// Reports whether the windows go on in which its rates were taken. Once one is over, the units
    /// can no longer be handed back, and their use counts to no window that goes on.
    #[must_use]
    pub fn is_current(&self) -> bool {
        match &self.held {
            Held::Reserved(reservation) => reservation.is_current(),
            Held::Observed(_) => true,
        }
    }

    /// Runs an operation and commits the grant if the operation succeeds. If it fails or panics,
    /// the units are handed back.
    ///
    /// # Errors
    ///
    /// As the operation.
    pub fn run<T, E>(self, operation: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let value = operation()?;
        self.commit();
        Ok(value)
    }

    /// Runs an operation that waits, as [`run`](Self::run) does. A future that is dropped before
    /// its end hands the units back.
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

    /// Keeps the units. Those of totals can then be
    /// [released](ComponentHandle::release) through the component's handle.
    pub fn commit(self) {
        let Self { held, mut levels } = self;
        levels.observer = None;
        match held {
            Held::Reserved(reservation) => {
                for total in ReleasableTotals::RESOURCES {
                    reservation.owner().releasable().add(total, reservation.amount(total));
                }
                reservation.commit();
            }
            Held::Observed(mut observed) => {
                for total in ReleasableTotals::RESOURCES {
                    observed.owner.releasable().add(total, observed.amount(total));
                }
                observed.amounts = Default::default();
            }
        }
    }

    /// Settles one resource for the actual use and keeps the units of the others: unused units are
    /// handed back, further ones are charged.
    pub fn commit_actual(mut self, actual: QuotaType) {
        self.settle(actual);
        self.commit();
    }

    /// Settles one resource for the actual use and leaves the others as they are: to be settled
    /// next, committed or dropped. It is called once for each resource.
    pub fn settle(&mut self, actual: QuotaType) {
        let Some(resource) = actual.resource() else { return };
        let (taken, used) = (self.amount(resource), actual.amount());
        match &mut self.held {
            Held::Reserved(reservation) => {
                let kept = reservation.settle(actual);
                reservation.owner().releasable().add(resource, kept);
                #[cfg(feature = "wait")]
                reservation.owner().component().offer(&[actual]);
            }
            Held::Observed(observed) => observed.settle(resource, used),
        }
        // A rate that is only observed is not counted, and so changes no level.
        let is_counted = matches!(self.held, Held::Reserved(_)) || !resource.is_rate();
        if let Some(component) = self.levels.observer.as_ref().filter(|_| is_counted) {
            let more = [QuotaType::of(resource, used.saturating_sub(taken))];
            component.on_use(if used > taken {
                UseChange::Counted(&more)
            } else {
                UseChange::Fallen(&more)
            });
        }
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Grant");
        for resource in QuotaResource::ALL.iter().copied() {
            let amount = self.amount(resource);
            if amount > 0 {
                debug.field(resource.key(), &amount);
            }
        }
        debug.field("observed", &matches!(self.held, Held::Observed(_))).finish()
    }
}

const RESOURCES: usize = QuotaResource::ALL.len();

/// Counts units of a total above its limit, in a registry that only observes, and returns how many
/// were counted.
///
/// At most 2⁵⁰ (1 PiB): the guest may have chosen the number, and a larger one would fill the
/// host's counter, so that the use of other components is not counted meanwhile.
pub(crate) fn charge_observed(tracker: &QuotaTracker, total: QuotaType) -> u64 {
    const MOST: u64 = 1 << 50;
    total.resource().map_or(0, |it| tracker.charge(QuotaType::of(it, total.amount().min(MOST))))
}

struct Observed {
    owner: TrackerOwner,
    /// The units of each resource: of the totals, those that are counted. Rates are not counted.
    amounts: [u64; RESOURCES],
}

impl Observed {
    fn amount(&self, resource: QuotaResource) -> u64 {
        self.amounts.get(resource.index()).copied().unwrap_or_default()
    }

    fn settle(&mut self, resource: QuotaResource, used: u64) {
        let taken = self.amount(resource);
        if let Some(amount) = self.amounts.get_mut(resource.index()) {
            *amount = 0;
        }
        if !resource.is_rate() {
            let more = self.owner.charge(QuotaType::of(resource, used.saturating_sub(taken)));
            self.owner.release(QuotaType::of(resource, taken.saturating_sub(used)));
            self.owner.releasable().add(resource, taken.min(used) + more);
        }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        for total in ReleasableTotals::RESOURCES {
            self.owner.release(QuotaType::of(total, self.amount(total)));
        }
    }
}

/// Re-evaluates the levels of totals once a grant has handed them back.
struct LevelsOnDrop {
    observer: Option<ComponentHandle>,
    /// The totals of which it took something.
    taken: [bool; ReleasableTotals::RESOURCES.len()],
}

impl LevelsOnDrop {
    fn of(observer: Option<ComponentHandle>, amount: impl Fn(QuotaResource) -> u64) -> Self {
        Self { observer, taken: ReleasableTotals::RESOURCES.map(|total| amount(total) > 0) }
    }
}

impl Drop for LevelsOnDrop {
    fn drop(&mut self) {
        let Some(component) = self.observer.take() else { return };
        for (total, _) in ReleasableTotals::RESOURCES.iter().zip(self.taken).filter(|it| it.1) {
            component.on_use(UseChange::Fallen(&[QuotaType::of(*total, 0)]));
        }
    }
}
