//! Units that are taken and not yet settled.

use core::ops::Deref;

use limits_core::{QuotaResource, QuotaTracker, QuotaType, Reservation};

/// Units that are taken and not yet settled: dropped, they go back; committed, they stay.
///
/// What a rate gets back goes into the window that it was taken from, and nowhere if that is over.
///
/// Made by [`ComponentHandle::reserve`](crate::ComponentHandle::reserve) and its kin. It holds no
/// lock, and may be kept across `.await`.
#[derive(Debug)]
#[must_use = "a grant that is dropped gives back what it took"]
pub struct Grant<T: Deref<Target = QuotaTracker>>(Held<T>);

#[derive(Debug)]
enum Held<T: Deref<Target = QuotaTracker>> {
    Reserved(Reservation<T>),
    /// What would have been denied, and was only observed.
    Observed(Observed<T>),
}

impl<T: Deref<Target = QuotaTracker>> Grant<T> {
    pub(crate) const fn reserved(reservation: Reservation<T>) -> Self {
        Self(Held::Reserved(reservation))
    }

    /// Goes on although it would have been denied.
    ///
    /// Totals are counted above their limit, since what is stored is stored and will be released.
    /// Rates are not: a denied message would not have been sent.
    pub(crate) fn observed(tracker: T, quotas: &[QuotaType]) -> Self {
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
        Self(Held::Observed(observed))
    }

    /// Keeps what was taken.
    pub fn commit(self) {
        match self.0 {
            Held::Reserved(reservation) => reservation.commit(),
            Held::Observed(observed) => observed.keep(),
        }
    }

    /// Keeps what was taken, but settles one resource for what was really used: less is given back,
    /// more is charged.
    pub fn commit_actual(self, actual: QuotaType) {
        match self.0 {
            Held::Reserved(reservation) => reservation.commit_actual(actual),
            Held::Observed(observed) => {
                observed.settle(actual);
                observed.keep();
            }
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
    fn settle(&self, actual: QuotaType) {
        let amount = actual.amount();
        let (taken, of): (u64, fn(u64) -> QuotaType) = match actual.resource() {
            Some(QuotaResource::Storage) => (self.storage, QuotaType::Storage),
            Some(QuotaResource::Memory) => (self.memory, QuotaType::Memory),
            _ => return,
        };
        self.tracker.charge(of(amount.saturating_sub(taken)));
        self.tracker.release(of(taken.saturating_sub(amount)));
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
