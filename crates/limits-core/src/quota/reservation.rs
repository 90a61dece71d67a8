//! A take that is handed back on drop.

use core::fmt;
use core::ops::Deref;

use crate::quota::demand::Demand;
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::tracker::QuotaTracker;

/// A take from a [`QuotaTracker`] for an operation that may still fail.
///
/// Dropping it hands back what it took: when the operation returns early, panics or is cancelled. A
/// rate is refunded into the window of the take, unless that window is over.
/// [`commit`](Self::commit) keeps the take, and so does `mem::forget`.
///
/// Holds the tracker by reference, or by `Arc` if it comes from
/// [`reserve_owned`](QuotaTracker::reserve_owned).
#[must_use = "a dropped reservation hands back what it took"]
pub struct Reservation<T: Deref<Target = QuotaTracker>> {
    tracker: T,
    demand: Demand,
    /// A time in the windows that count the rates.
    at: u64,
}

impl<T: Deref<Target = QuotaTracker>> Reservation<T> {
    pub(crate) const fn new(tracker: T, demand: Demand, at: u64) -> Self {
        Self { tracker, demand, at }
    }

    /// Returns the reserved amount of a resource, in its [`unit`](QuotaResource::unit).
    #[must_use]
    pub const fn amount(&self, resource: QuotaResource) -> u64 {
        self.demand.get(resource)
    }

    /// Returns the value that holds the tracker.
    #[must_use]
    pub const fn owner(&self) -> &T {
        &self.tracker
    }

    /// Reports whether the windows go on in which the rates were taken, on all levels. Once one is
    /// over, the units can no longer be handed back, and a later use of them is not within the
    /// limit of its own window.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.tracker.is_current(&self.demand, self.at)
    }

    /// Keeps the take.
    #[inline]
    pub fn commit(mut self) {
        self.demand = Demand::default();
    }

    /// Keeps the actual use of one resource, and all of the others.
    ///
    /// A rest of the reserved amount is handed back; use past it is
    /// [charged](QuotaTracker::charge).
    pub fn commit_actual(mut self, actual: QuotaType) {
        self.settle(actual);
        self.commit();
    }

    /// Keeps the actual use of one resource, as [`commit_actual`](Self::commit_actual) does, and
    /// leaves the others reserved: for operations that learn their use of several resources, once
    /// for each.
    ///
    /// Returns the units of a total that stay counted, which may be
    /// [released](QuotaTracker::release) later: less than the actual use only where a
    /// [charge](QuotaTracker::charge) counts less. 0 for a rate.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
    ///
    /// let tracker = QuotaTracker::new(ResourceQuota::new());
    /// let both = [QuotaType::NetworkBandwidth(4_000), QuotaType::Storage(4_000)];
    /// let mut download = tracker.reserve_all(&both)?;
    /// download.settle(QuotaType::NetworkBandwidth(900)); // received
    /// download.settle(QuotaType::Storage(2_500)); // unpacked
    /// drop(download); // nothing is left to hand back
    /// assert_eq!(tracker.usage().network_bandwidth_used, 900);
    /// assert_eq!(tracker.usage().storage_used, 2_500);
    /// # }
    /// # Ok::<(), limits_core::QuotaError>(())
    /// ```
    pub fn settle(&mut self, actual: QuotaType) -> u64 {
        let Some(resource) = actual.resource() else { return 0 };
        let (reserved, used) = (self.demand.get(resource), actual.amount());
        self.demand.set(resource, 0);
        let more = self.tracker.charge(QuotaType::of(resource, used.saturating_sub(reserved)));
        let rest = Demand::one(resource, reserved.saturating_sub(used));
        self.tracker.hand_back(&rest, self.at);
        if resource.is_rate() { 0 } else { used.min(reserved) + more }
    }
}

impl<T: Deref<Target = QuotaTracker>> Drop for Reservation<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.demand.is_empty() {
            self.tracker.hand_back(&self.demand, self.at);
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
