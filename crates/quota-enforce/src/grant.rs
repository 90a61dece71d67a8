//! Units that are taken and not yet settled.

use core::ops::Deref;

use limits_core::{QuotaResource, QuotaTracker, QuotaType, Reservation};

use crate::ComponentHandle;

/// Units that are taken and not yet settled: dropped, they go back; committed, they stay.
///
/// What a rate gets back goes into the window that it was taken from, and nowhere if that is over.
/// A grant that is forgotten (`mem::forget`) keeps what it took.
///
/// Made by [`ComponentHandle::reserve`](crate::ComponentHandle::reserve) and its kin. It holds no
/// lock, and may be kept across `.await`.
#[derive(Debug)]
#[must_use = "a grant that is dropped gives back what it took"]
pub struct Grant<T: Deref<Target = QuotaTracker>> {
    // Dropped in this order: who watches sees what has come back.
    held: Held<T>,
    watch: Watch,
}

#[derive(Debug)]
enum Held<T: Deref<Target = QuotaTracker>> {
    Reserved(Reservation<T>),
    /// What would have been denied, and was only observed.
    Observed(Observed<T>),
}

impl<T: Deref<Target = QuotaTracker>> Grant<T> {
    /// `watcher` hears of levels that change as the grant is settled.
    pub(crate) fn reserved(reservation: Reservation<T>, watcher: Option<ComponentHandle>) -> Self {
        let watch = Watch::of(watcher, |resource| reservation.amount(resource));
        Self { held: Held::Reserved(reservation), watch }
    }

    /// Goes on although it would have been denied.
    ///
    /// Totals are counted above their limit, since what is stored is stored and will be released.
    /// Rates are not: a denied message would not have been sent.
    pub(crate) fn observed(
        tracker: T,
        quotas: &[QuotaType],
        watcher: Option<ComponentHandle>,
    ) -> Self {
        let total = |wanted: QuotaResource| {
            let of = quotas.iter().filter(|quota| quota.resource() == Some(wanted));
            of.fold(0_u64, |sum, quota| sum.saturating_add(quota.amount()))
        };
        let observed = Observed {
            tracker,
            storage: total(QuotaResource::Storage),
            memory: total(QuotaResource::Memory),
        };
        observed.tracker.charge(QuotaType::Storage(observed.storage));
        observed.tracker.charge(QuotaType::Memory(observed.memory));
        let watch = Watch::of(watcher, |resource| observed.amount(resource));
        Self { held: Held::Observed(observed), watch }
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
    pub fn commit_actual(self, actual: QuotaType) {
        let Self { held, mut watch } = self;
        let Some(resource) = actual.resource() else {
            return Self { held, watch }.commit();
        };
        let taken = match held {
            Held::Reserved(reservation) => {
                let taken = reservation.amount(resource);
                reservation.commit_actual(actual);
                taken
            }
            Held::Observed(observed) => {
                let taken = observed.amount(resource);
                observed.settle(actual);
                observed.keep();
                taken
            }
        };
        if let Some(component) = watch.component.take() {
            component.settled(resource, actual.amount().saturating_sub(taken));
        }
    }
}

#[derive(Debug)]
struct Observed<T: Deref<Target = QuotaTracker>> {
    tracker: T,
    storage: u64,
    memory: u64,
}

impl<T: Deref<Target = QuotaTracker>> Observed<T> {
    const fn amount(&self, resource: QuotaResource) -> u64 {
        match resource {
            QuotaResource::Storage => self.storage,
            QuotaResource::Memory => self.memory,
            _ => 0,
        }
    }

    fn settle(&self, actual: QuotaType) {
        let Some(resource) = actual.resource().filter(|resource| !resource.is_rate()) else {
            return;
        };
        let (taken, used) = (self.amount(resource), actual.amount());
        self.tracker.charge(QuotaType::of(resource, used.saturating_sub(taken)));
        self.tracker.release(QuotaType::of(resource, taken.saturating_sub(used)));
    }

    fn keep(mut self) {
        self.storage = 0;
        self.memory = 0;
    }
}

impl<T: Deref<Target = QuotaTracker>> Drop for Observed<T> {
    fn drop(&mut self) {
        self.tracker.release(QuotaType::Storage(self.storage));
        self.tracker.release(QuotaType::Memory(self.memory));
    }
}

/// Looks at levels once a grant has given back what it held of totals. What a rate gets back is of
/// its window, which ends by itself.
#[derive(Debug)]
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
