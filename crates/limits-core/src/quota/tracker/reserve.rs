//! Reservations of several resources, of as much as is left, and with an owner of the tracker.

use alloc::sync::Arc;
use core::ops::Deref;

use super::{Counter, QuotaTracker};
use crate::quota::demand::Demand;
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::reservation::Reservation;

impl QuotaTracker {
    /// Takes several resources together, all or nothing, on all levels. Amounts of the same
    /// resource are added up.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    #[inline(always)]
    pub fn reserve_all(&self, quotas: &[QuotaType]) -> Result<Reservation<&Self>, QuotaError> {
        let demand = Demand::of(quotas);
        let at = self.take_all(demand)?;
        Ok(Reservation::new(self, demand, at))
    }

    /// Takes as [`reserve_all`](Self::reserve_all) does, in a reservation that keeps the tracker
    /// alive: for tasks and other places that a borrow cannot reach.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_owned(
        self: &Arc<Self>,
        quotas: &[QuotaType],
    ) -> Result<Reservation<Arc<Self>>, QuotaError> {
        self.reserve_for(quotas, || Arc::clone(self))
    }

    /// Takes as [`reserve_all`](Self::reserve_all) does, in a reservation that holds `owner`: a
    /// value that dereferences to this tracker, such as an `Arc` of a larger struct. `owner` is
    /// called after a grant only.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_for<T: Deref<Target = Self>>(
        &self,
        quotas: &[QuotaType],
        owner: impl FnOnce() -> T,
    ) -> Result<Reservation<T>, QuotaError> {
        if let [quota] = *quotas {
            let mut at = 0;
            self.take(quota, &mut at)?;
            return Ok(Reservation::new(owner(), Demand::just(quota), at));
        }
        let demand = Demand::of(quotas);
        let at = self.take_all(demand)?;
        Ok(Reservation::new(owner(), demand, at))
    }

    /// Takes as much of an amount as is left on all levels: at least one unit, and whole
    /// milliseconds of CPU time if the amount is in milliseconds. [`Reservation::amount`] returns
    /// how much.
    ///
    /// # Errors
    ///
    /// If nothing is left; the error has the time to retry.
    pub fn reserve_up_to(&self, quota: QuotaType) -> Result<Reservation<&Self>, QuotaError> {
        let (demand, at) = self.take_up_to(quota)?;
        Ok(Reservation::new(self, demand, at))
    }

    /// Takes as [`reserve_up_to`](Self::reserve_up_to) does, in a reservation that keeps the
    /// tracker alive.
    ///
    /// # Errors
    ///
    /// As [`reserve_up_to`](Self::reserve_up_to).
    pub fn reserve_up_to_owned(
        self: &Arc<Self>,
        quota: QuotaType,
    ) -> Result<Reservation<Arc<Self>>, QuotaError> {
        self.reserve_up_to_for(quota, || Arc::clone(self))
    }

    /// Takes as [`reserve_up_to`](Self::reserve_up_to) does, in a reservation that holds `owner`,
    /// as [`reserve_for`](Self::reserve_for) does.
    ///
    /// # Errors
    ///
    /// As [`reserve_up_to`](Self::reserve_up_to).
    pub fn reserve_up_to_for<T: Deref<Target = Self>>(
        &self,
        quota: QuotaType,
        owner: impl FnOnce() -> T,
    ) -> Result<Reservation<T>, QuotaError> {
        let (demand, at) = self.take_up_to(quota)?;
        Ok(Reservation::new(owner(), demand, at))
    }

    /// Lets threads that release or refund units of a resource later see what the caller has
    /// written before, on this level and on those above. It changes no count.
    ///
    /// For waiting without a lock: a caller that was refused sets a flag, calls this and tries once
    /// more. A thread that gives units back reads the flag afterwards, and needs no fence for it:
    /// either it sees the flag, or the second try saw its units. A quota that is
    /// [changed](Self::set_quota), and a window's beginning, are no such thread.
    pub fn publish_wait(&self, resource: QuotaResource) {
        for level in self.levels() {
            match level.counter(resource) {
                Counter::Rate(_) if let Some(lease) = level.lease(resource) => lease.publish(),
                Counter::Total(total) => total.publish(),
                Counter::Rate(rate) => rate.publish(),
            }
        }
    }
}
