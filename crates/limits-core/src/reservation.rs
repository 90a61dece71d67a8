//! What was taken and may still be handed back.

use core::fmt;
use core::ops::Deref;

use crate::demand::Demand;
use crate::{QuotaResource, QuotaTracker, QuotaType};

/// Something taken from a [`QuotaTracker`] for an operation that may still fail.
///
/// Dropped, it hands back what it took: when the operation returns early, panics or is cancelled.
/// What was taken of a rate goes back into the window it was taken from; once that window is over
/// nothing is handed back, for nothing is missing. [`commit`](Self::commit) keeps it.
/// `mem::forget` keeps it as well.
///
/// It holds the tracker by reference, or by `Arc` if it comes from
/// [`reserve_owned`](QuotaTracker::reserve_owned).
#[must_use = "dropping a reservation hands back what it took"]
pub struct Reservation<T: Deref<Target = QuotaTracker>> {
    tracker: T,
    demand: Demand,
    /// A time in the windows that the rates were counted in.
    at: u64,
}

impl<T: Deref<Target = QuotaTracker>> Reservation<T> {
    pub(crate) const fn new(tracker: T, demand: Demand, at: u64) -> Self {
        Self { tracker, demand, at }
    }

    /// Returns how much of a resource is reserved, in its [`unit`](QuotaResource::unit).
    #[must_use]
    pub const fn amount(&self, resource: QuotaResource) -> u64 {
        self.demand.get(resource)
    }

    /// Keeps what was taken.
    #[inline]
    pub fn commit(mut self) {
        self.demand = Demand::default();
    }

    /// Keeps what was really used of one resource, and all of the others. To settle several, reserve
    /// each for itself.
    ///
    /// If it is less than was reserved the rest is handed back; if it is more the difference is
    /// [charged](QuotaTracker::charge).
    pub fn commit_actual(mut self, actual: QuotaType) {
        let mut rest = Demand::default();
        if let Some(resource) = actual.resource() {
            let (reserved, used) = (self.demand.get(resource), actual.amount());
            rest.set(resource, reserved.saturating_sub(used));
            self.tracker.charge(QuotaType::of(resource, used.saturating_sub(reserved)));
        }
        // Dropped next, which hands back the rest.
        self.demand = rest;
    }
}

impl<T: Deref<Target = QuotaTracker>> Drop for Reservation<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.demand.is_empty() {
            self.tracker.give_back(&self.demand, self.at);
        }
    }
}

impl<T: Deref<Target = QuotaTracker>> fmt::Debug for Reservation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Reservation");
        for (resource, amount) in self.demand.iter() {
            debug.field(resource.key(), &amount);
        }
        debug.finish()
    }
}
