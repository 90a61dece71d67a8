//! Paced takes: as much as is due of a rate, over all levels.

use core::ops::Deref;

use super::{Counter, QuotaTracker, Time};
use crate::quota::demand::Demand;
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::QuotaResource;
use crate::quota::reservation::Reservation;
use crate::quota::take::{PlannedPart, TakeRefused};

/// The reason for which a part was not taken.
pub(super) enum NotTaken {
    /// A level refused.
    Refused,
    /// Another thread has changed a word, or begun a later window.
    Overtaken,
}

impl QuotaTracker {
    /// Takes as much of `most` units of a rate as is due, and no less than `least`; on all levels.
    ///
    /// On each level, the part of the limit is due that the time in the window, and 125 ms more, is
    /// of the period: an eighth of a second's limit as the second begins, and all of it from 875 ms
    /// on. All of a period of 125 ms and less is due at once, and so is all of a total. So takers
    /// that always want more are served through the whole window, where
    /// [`reserve_up_to`](Self::reserve_up_to) lets the first one empty it. Windows, limits and
    /// debt are those of all takes; takes that are not paced also take what is not due yet.
    ///
    /// `least` counts as at least one unit and at most as `most`. A request for `most` of 0 is
    /// granted.
    ///
    /// ```
    /// use core::time::Duration;
    /// use limits_core::{ManualClock, QuotaResource, QuotaTracker, ResourceQuota, Retry};
    /// use std::sync::Arc;
    ///
    /// let clock = Arc::new(ManualClock::new());
    /// let quota = ResourceQuota::new().with_network_bandwidth(8_000);
    /// let tracker = QuotaTracker::with_clock(quota, clock.clone());
    /// let network = QuotaResource::NetworkBandwidth;
    /// let first = tracker.reserve_paced(network, 1, 4_000)?;
    /// assert_eq!(first.amount(network), 1_000);
    /// first.commit();
    /// let refused = tracker.reserve_paced(network, 400, 4_000).unwrap_err();
    /// assert_eq!(refused.retry(), Retry::After(Duration::from_millis(50)));
    /// clock.advance(Duration::from_millis(50));
    /// assert_eq!(tracker.reserve_paced(network, 400, 4_000)?.amount(network), 400);
    /// # Ok::<(), limits_core::QuotaError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If less than `least` is due; the error has the time at which it is, on the level where that
    /// is latest. Over several levels less may be due then, if the window of one has ended before.
    pub fn reserve_paced(
        &self,
        resource: QuotaResource,
        least: u64,
        most: u64,
    ) -> Result<Reservation<&Self>, QuotaError> {
        self.reserve_paced_for(resource, least, most, || self)
    }

    /// Takes as [`reserve_paced`](Self::reserve_paced) does, in a reservation that holds `owner`,
    /// as [`reserve_for`](Self::reserve_for) does.
    ///
    /// # Errors
    ///
    /// As [`reserve_paced`](Self::reserve_paced).
    pub fn reserve_paced_for<T: Deref<Target = Self>>(
        &self,
        resource: QuotaResource,
        least: u64,
        most: u64,
        owner: impl FnOnce() -> T,
    ) -> Result<Reservation<T>, QuotaError> {
        let (demand, at) = self.take_paced(resource, least, most)?;
        Ok(Reservation::new(owner(), demand, at))
    }

    /// Checks whether `least` units could be taken now by
    /// [`reserve_paced`](Self::reserve_paced). Advisory, as [`peek`](Self::peek) is.
    ///
    /// # Errors
    ///
    /// The refusal of [`reserve_paced`](Self::reserve_paced).
    pub fn peek_paced(&self, resource: QuotaResource, least: u64) -> Result<(), QuotaError> {
        let least = least.max(1);
        self.check_paced(resource, (least, least), self.time(&Demand::one(resource, least)))
    }

    /// Reports whether the windows that counted a demand at a time go on, on all levels.
    pub(crate) fn is_current(&self, demand: &Demand, at: u64) -> bool {
        if !demand.has_rates() {
            return true;
        }
        // A clock that has stepped back ends no window.
        let now = self.elapsed().max(at);
        demand.iter().all(|(resource, _)| {
            self.levels().all(|level| match level.counter(resource) {
                Counter::Rate(_) if let Some(lease) = level.lease(resource) => {
                    lease.is_current(self.by_clock(at), self.by_clock(now))
                }
                Counter::Rate(rate) => rate.is_current(level.windows, at, now),
                Counter::Total(_) => true,
            })
        })
    }

    /// Takes what is due, and returns how much, and a time in the windows that count it.
    fn take_paced(
        &self,
        resource: QuotaResource,
        least: u64,
        most: u64,
    ) -> Result<(Demand, u64), QuotaError> {
        if most == 0 {
            return Ok((Demand::default(), 0));
        }
        let least = least.clamp(1, most);
        loop {
            let time = self.time(&Demand::one(resource, least));
            let taken = match self.all_leases.as_deref() {
                Some(leases) => self.take_leased_part(leases, resource, (least, most), time.latest),
                None => self
                    .take_part(resource, (least, most), time.latest)
                    .map(|units| (units, time.latest)),
            };
            match taken {
                Ok((units, at)) => return Ok((Demand::one(resource, units), at)),
                Err(NotTaken::Refused) => self.check_paced(resource, (least, most), time)?,
                Err(NotTaken::Overtaken) => {}
            }
        }
    }

    /// Takes what is due on the levels above and here, and returns how much, in one pass: decided
    /// on the way up, where each level lowers `most` to what is due there, and counted on the way
    /// down. Leaves out leases.
    pub(super) fn take_part(
        &self,
        resource: QuotaResource,
        (least, most): (u64, u64),
        now: u64,
    ) -> Result<u64, NotTaken> {
        if self.lease(resource).is_some() {
            return match &self.parent {
                Some(parent) => parent.take_part(resource, (least, most), now),
                None => Ok(most),
            };
        }
        let Ok(part) = self.plan_part(resource, (least, most), now) else {
            return Err(NotTaken::Refused);
        };
        if self.windows.start(part.window) > now {
            return Err(NotTaken::Overtaken);
        }
        let units = match &self.parent {
            Some(parent) => parent.take_part(resource, (least, part.units), now)?,
            None => part.units,
        };
        let is_counted = match self.counter(resource) {
            Counter::Total(total) => total.carry_out_part(part, units),
            Counter::Rate(rate) => rate.carry_out_part(self.windows, part, units),
        };
        if is_counted {
            return Ok(units);
        }
        if let Some(parent) = &self.parent {
            parent.hand_back_plain(&Demand::one(resource, units), now);
        }
        Err(NotTaken::Overtaken)
    }

    /// Decides on a part on this level only, and writes nothing.
    fn plan_part(
        &self,
        resource: QuotaResource,
        amounts: (u64, u64),
        now: u64,
    ) -> Result<PlannedPart, TakeRefused> {
        let limit = self.bounds.units(resource);
        match self.counter(resource) {
            Counter::Total(total) => total.plan_part(amounts, limit),
            Counter::Rate(rate) => rate.plan_paced(self.windows, now, amounts, limit),
        }
    }

    /// Returns how much of the most of two amounts is due on this level, no less than the least. A
    /// lease is not paced: all that is left of it is due.
    pub(super) fn due_here(
        &self,
        resource: QuotaResource,
        (least, most): (u64, u64),
        now: u64,
        tells: bool,
    ) -> Result<u64, TakeRefused> {
        if self.lease(resource).is_some() {
            self.peek_here(resource, least, now, tells)?;
            return Ok(self.left(resource, now).min(most).max(least));
        }
        self.plan_part(resource, (least, most), now).map(|part| part.units)
    }

    /// Checks whether the least of two amounts is due on all levels; returns the refusal with the
    /// longest wait, of the most.
    fn check_paced(
        &self,
        resource: QuotaResource,
        amounts: (u64, u64),
        time: Time,
    ) -> Result<(), QuotaError> {
        let mut tells = true;
        let refusals = (0..).zip(self.levels()).filter_map(|(depth, level)| {
            let refused = level.due_here(resource, amounts, time.latest, tells).err()?;
            tells = false; // as in `check`
            Some(level.error(resource, amounts.1, refused, time).at_depth(depth))
        });
        // The first of several equal ones: the lowest level.
        refusals.reduce(|a, b| if a.wait() < b.wait() { b } else { a }).map_or(Ok(()), Err)
    }
}
