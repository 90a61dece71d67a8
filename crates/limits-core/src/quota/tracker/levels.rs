//! Takes, charges, releases and refunds over all levels.

use core::iter;

use super::{Counter, QuotaTracker, Time};
use crate::quota::demand::Demand;
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::rate::Rate;
use crate::quota::take::TakeRefused;
use crate::quota::total::Total;

/// The reason for which a demand was not taken.
pub(super) enum NotTaken {
    /// A resource or level refused.
    Refused(QuotaError),
    /// A part would have been counted in a later window than the rest.
    LaterWindow,
}

impl QuotaTracker {
    /// Returns this tracker, its parent, and so on.
    pub(super) fn levels(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |level| level.parent.as_deref())
    }

    /// Takes an amount of one resource, and sets `at` to a time in the window that counts it.
    ///
    /// `at` is an out-parameter so that the `Err` variant is built in place; returning it in the
    /// `Ok` payload forces a copy of `QuotaError`, which takes longer than the refusal.
    #[inline(always)]
    pub(super) fn take(&self, quota: QuotaType, at: &mut u64) -> Result<(), QuotaError> {
        let n = quota.amount();
        let Some(resource) = quota.resource().filter(|_| n > 0) else { return Ok(()) };
        // Inlined into a caller that names the resource, only its arm is left.
        match self.counter(resource) {
            Counter::Total(total) => self.take_total(resource, total, n),
            Counter::Rate(rate) => self.take_rate(resource, rate, n, at),
        }
    }

    /// Takes an amount of a total: one atomic step if there is one level.
    #[inline(always)]
    fn take_total(&self, resource: QuotaResource, total: &Total, n: u64) -> Result<(), QuotaError> {
        if self.parent.is_some() {
            return self.take_all(Demand::one(resource, n)).map(drop);
        }
        total
            .take(n, self.bounds.ceiling(resource))
            .map_err(|refused| QuotaError::refused(resource, n, refused, 0))
    }

    /// Takes an amount of a rate: one atomic step if there is one level.
    #[inline(always)]
    fn take_rate(
        &self,
        resource: QuotaResource,
        rate: &Rate,
        n: u64,
        at: &mut u64,
    ) -> Result<(), QuotaError> {
        let mut taken = None;
        if let Some(leases) = self.all_leases.as_deref() {
            taken = self.take_rate_leased(leases, resource, n);
        } else if let Some(now) = self.now() {
            if let Some(parent) = self.parent.as_deref() {
                taken = self.take_rate_planned(parent, resource, n, now).then_some(now);
            } else {
                match rate.take_quickly(self.windows, now, n, self.bounds.ceiling(resource)) {
                    Some(Ok(time)) => taken = Some(time),
                    Some(Err(refused)) => {
                        let period = self.windows.period_ns();
                        return Err(QuotaError::refused(resource, n, refused, period));
                    }
                    None => {}
                }
            }
        }
        match taken {
            Some(time) => {
                *at = time;
                Ok(())
            }
            None => {
                // Not `at` itself: a variable whose address is known elsewhere is in memory, and
                // the swap would wait for it to be written.
                let mut slowly = 0;
                let taken = self.take_rate_slowly(resource, n, &mut slowly);
                *at = slowly;
                taken
            }
        }
    }

    /// Takes an amount of a rate in any window and against any racer.
    #[cold]
    #[inline(never)]
    fn take_rate_slowly(
        &self,
        resource: QuotaResource,
        n: u64,
        at: &mut u64,
    ) -> Result<(), QuotaError> {
        *at = match (self.now(), self.counter(resource)) {
            (Some(now), Counter::Rate(rate)) if self.is_alone() => {
                let limit = self.bounds.units(resource);
                let window = rate.take(self.windows, now, n, limit).map_err(|refused| {
                    QuotaError::refused(resource, n, refused, self.windows.period_ns())
                })?;
                now.max(self.windows.start(window))
            }
            _ => self.take_all_slowly(Demand::one(resource, n))?,
        };
        Ok(())
    }

    /// Takes all or nothing, and returns a time in the windows that count it.
    #[inline(always)]
    pub(super) fn take_all(&self, demand: Demand) -> Result<u64, QuotaError> {
        // Inlined into a caller that names the resources, only one of these is left.
        let taken = if self.all_leases.is_some() {
            self.take_all_leased(&demand)
        } else if demand.has_totals() {
            self.take_planned(&demand)
        } else {
            let [messages, network, cpu] = demand.rates();
            self.now().filter(|now| self.take_rates_planned(messages, network, cpu, *now))
        };
        match taken {
            Some(at) => Ok(at),
            None => self.take_all_slowly(demand),
        }
    }

    /// Takes all or nothing, in any window and against any racer.
    #[cold]
    #[inline(never)]
    fn take_all_slowly(&self, demand: Demand) -> Result<u64, QuotaError> {
        match self.leases_of(&demand) {
            Some(leases) => self.take_leased_slowly(leases, &demand),
            None => self.take_slowly(&demand),
        }
    }

    #[cold]
    fn take_slowly(&self, demand: &Demand) -> Result<u64, QuotaError> {
        loop {
            let time = self.time(demand);
            // Without this, a demand that cannot fit would refuse others while its parts are
            // counted.
            self.check(demand, time)?;
            match self.take_levels(0, demand, time) {
                Ok(()) => return Ok(time.latest),
                Err(NotTaken::Refused(error)) => return Err(error),
                // Another thread has begun a later window; count all in that.
                Err(NotTaken::LaterWindow) => {}
            }
        }
    }

    /// Undoes the takes of the resources before `index` here, and of all on the levels above, but
    /// for those from leases.
    #[cold]
    pub(super) fn undo(&self, demand: &Demand, index: usize, now: u64) {
        for (resource, n) in demand.iter().filter(|(resource, _)| resource.index() < index) {
            match self.counter(resource) {
                Counter::Total(total) => {
                    total.release(n);
                }
                Counter::Rate(rate) if self.lease(resource).is_none() => {
                    rate.refund(self.windows, now, n);
                }
                Counter::Rate(_) => {}
            }
        }
        if let Some(parent) = &self.parent {
            parent.hand_back_plain(demand, now);
        }
    }

    /// Takes as much of an amount as is left, and returns how much, and a time in its window.
    pub(super) fn take_up_to(&self, quota: QuotaType) -> Result<(Demand, u64), QuotaError> {
        let n = quota.amount();
        let Some(resource) = quota.resource().filter(|_| n > 0) else {
            return Ok((Demand::default(), 0));
        };
        let granularity = quota.granularity();
        loop {
            let now = self.time(&Demand::one(resource, n)).latest;
            let left = self.levels().map(|level| level.left(resource, now)).min();
            let part = left.unwrap_or(0).min(n) / granularity * granularity;
            let demand = Demand::one(resource, part.max(granularity));
            match self.take_all(demand) {
                Ok(at) => return Ok((demand, at)),
                // Nothing is left: report the requested amount.
                Err(error) if part <= granularity => {
                    return Err(error.with_request(error.used(), n));
                }
                // Another thread was faster, so that less is left.
                Err(_) => {}
            }
        }
    }

    /// Counts an amount on all levels, whether it fits or not, and returns how much of it must be
    /// released: nothing of a rate.
    pub(super) fn charge_one(&self, resource: QuotaResource, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        if !resource.is_rate() {
            return self.charge_total(resource, n);
        }
        let now = self.elapsed();
        for level in self.levels() {
            if let Some(lease) = level.lease(resource) {
                lease.charge(n);
            } else if let Counter::Rate(rate) = level.counter(resource) {
                // Its use is no debt without a limit, as under one that it cannot pass.
                rate.charge(level.windows, now, n, level.bounds.ceiling(resource));
            }
        }
        0
    }

    /// Counts an amount of a total on all levels, or as much of it as the fullest has room for, and
    /// returns how much: the same on each, so that a release takes nothing from other components.
    fn charge_total(&self, resource: QuotaResource, n: u64) -> u64 {
        let Counter::Total(total) = self.counter(resource) else { return 0 };
        let Some(parent) = &self.parent else { return total.charge(n) };
        // From the topmost level down, as takes go: a parent always holds what its children hold.
        let above = parent.charge_total(resource, n);
        let counted = total.charge(above);
        if counted < above {
            parent.release_one(resource, above - counted);
        }
        counted
    }

    /// Releases an amount of a total on all levels, and returns how much it was here.
    pub(super) fn release_one(&self, resource: QuotaResource, n: u64) -> u64 {
        let mut released = None;
        let mut n = n;
        for level in self.levels() {
            let Counter::Total(total) = level.counter(resource) else { return 0 };
            // A parent releases what its child held, and nothing that its other children hold.
            n = total.release(n);
            released.get_or_insert(n);
        }
        released.unwrap_or(0)
    }

    /// Releases the totals and refunds the rates of a demand that was taken at a time.
    pub(crate) fn hand_back(&self, demand: &Demand, at: u64) {
        self.hand_back_on(demand, at, |_, _| true);
    }

    /// Hands back all but what came from leases.
    pub(super) fn hand_back_plain(&self, demand: &Demand, at: u64) {
        self.hand_back_on(demand, at, |level, resource| level.lease(resource).is_none());
    }

    fn hand_back_on(
        &self,
        demand: &Demand,
        at: u64,
        is_handed_back: impl Fn(&Self, QuotaResource) -> bool,
    ) {
        for (resource, n) in demand.iter() {
            if resource.is_rate() {
                for level in self.levels().filter(|level| is_handed_back(level, resource)) {
                    level.refund_here(resource, n, at);
                }
            } else {
                self.release_one(resource, n);
            }
        }
    }

    /// Returns the time at which all resources of a demand are counted: the latest that any of them
    /// has seen, which is later than a clock that has stepped back.
    pub(super) fn time(&self, demand: &Demand) -> Time {
        if !demand.has_rates() {
            return Time { latest: 0, lag: 0 };
        }
        let clock = self.clock.now_ns();
        let seen = |level: &Self, resource| match (level.lease(resource), level.counter(resource)) {
            (Some(lease), _) => self.since_origin(lease.start()),
            (None, Counter::Rate(rate)) => level.windows.start(rate.window(level.windows)),
            (None, Counter::Total(_)) => 0,
        };
        let elapsed = clock.saturating_sub(self.origin_ns);
        let latest = demand.iter().fold(elapsed, |latest, (resource, _)| {
            self.levels().map(|level| seen(level, resource)).fold(latest, u64::max)
        });
        Time { latest, lag: self.by_clock(latest).saturating_sub(clock) }
    }

    /// Takes a demand at a time, on the levels above and then here, and undoes all of it if a part
    /// is refused; but for what comes from leases.
    pub(super) fn take_levels(
        &self,
        depth: u32,
        demand: &Demand,
        time: Time,
    ) -> Result<(), NotTaken> {
        if let Some(parent) = &self.parent {
            parent.take_levels(depth + 1, demand, time)?;
        }
        for (resource, n) in demand.iter() {
            if self.lease(resource).is_some() {
                continue;
            }
            let not_taken = match self.take_here(resource, n, time.latest) {
                Ok(start) if start <= time.latest => continue,
                Ok(start) => {
                    self.refund_here(resource, n, start);
                    NotTaken::LaterWindow
                }
                Err(refused) => {
                    NotTaken::Refused(self.error(resource, n, refused, time).at_depth(depth))
                }
            };
            self.undo(demand, resource.index(), time.latest);
            return Err(not_taken);
        }
        Ok(())
    }

    /// Takes an amount on this level only, and returns the start of the window that counts it, 0
    /// for a total.
    fn take_here(&self, resource: QuotaResource, n: u64, now: u64) -> Result<u64, TakeRefused> {
        let limit = self.bounds.units(resource);
        match self.counter(resource) {
            Counter::Total(total) => total.take(n, limit).map(|()| 0),
            Counter::Rate(rate) => {
                rate.take(self.windows, now, n, limit).map(|window| self.windows.start(window))
            }
        }
    }

    /// Refunds an amount of a rate that was taken at a time, on this level only.
    fn refund_here(&self, resource: QuotaResource, n: u64, at: u64) {
        if let Some(lease) = self.lease(resource) {
            lease.refund(self.by_clock(at), n);
        } else if let Counter::Rate(rate) = self.counter(resource) {
            rate.refund(self.windows, at, n);
        }
    }

    /// Returns the units of a resource that are left on this level at a time.
    pub(super) fn left(&self, resource: QuotaResource, now: u64) -> u64 {
        match self.lease(resource) {
            Some(lease) => lease.left(self.by_clock(now)),
            None => self.bounds.units(resource).saturating_sub(self.used(resource, now)),
        }
    }

    /// Returns the units of a resource in use on this level at a time.
    pub(super) fn used(&self, resource: QuotaResource, now: u64) -> u64 {
        if let Some(lease) = self.lease(resource) {
            return lease.used(self.by_clock(now));
        }
        match self.counter(resource) {
            Counter::Total(total) => total.used(),
            Counter::Rate(rate) => rate.read(self.windows, now, self.bounds.units(resource)).1,
        }
    }
}
