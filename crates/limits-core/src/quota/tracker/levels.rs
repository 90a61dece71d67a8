//! Takes, charges and releases over all levels.

use core::iter;

use super::{Counter, QuotaTracker, Time};
use crate::quota::demand::Demand;
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::rate::Rate;
use crate::quota::total::Total;
use crate::quota::window::{Planned, Refusal};

/// Why a demand was not taken.
enum Missed {
    /// It did not fit.
    Refused(QuotaError),
    /// Part of it would have been counted in a later window than the rest.
    LaterWindow,
}

impl QuotaTracker {
    /// Returns this tracker, its parent, and so on.
    fn levels(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |level| level.parent.as_deref())
    }

    /// Takes an amount of one resource, and tells a time in the window it was counted in.
    ///
    /// Not as a part of the result: a refusal is then made where it is returned, and not copied,
    /// which would take longer than all the rest of it.
    #[inline]
    pub(super) fn take(&self, quota: QuotaType, at: &mut u64) -> Result<(), QuotaError> {
        // A caller that names the resource knows the arm, so that nothing is looked up.
        match quota {
            QuotaType::Storage(n) => self.take_total(QuotaResource::Storage, &self.storage, n),
            QuotaType::MessageRate(n) => {
                self.take_rate(QuotaResource::MessageRate, &self.messages, n, at)
            }
            QuotaType::NetworkBandwidth(n) => {
                self.take_rate(QuotaResource::NetworkBandwidth, &self.network, n, at)
            }
            QuotaType::CpuTime(_) | QuotaType::CpuTimeMicros(_) => {
                self.take_rate(QuotaResource::CpuTime, &self.cpu, quota.amount(), at)
            }
            QuotaType::Memory(n) => self.take_total(QuotaResource::Memory, &self.memory, n),
            QuotaType::None => Ok(()),
        }
    }

    /// Takes an amount of a total: one atomic step if there is one level.
    #[inline(always)]
    fn take_total(&self, resource: QuotaResource, total: &Total, n: u64) -> Result<(), QuotaError> {
        if n == 0 || self.parent.is_some() {
            return self.take_all(&Demand::one(resource, n)).map(drop);
        }
        total
            .take(n, self.bounds.units(resource))
            .map_err(|refusal| QuotaError::refused(resource, n, refusal, 0))
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
        if n == 0 || self.parent.is_some() {
            return self.take_rate_slowly(resource, None, n, at);
        }
        let now = self.clock.now_ns().checked_sub(self.birth);
        match now
            .and_then(|now| rate.take_quickly(self.windows, now, n, self.bounds.units(resource)))
        {
            Some(Ok(time)) => {
                *at = time;
                Ok(())
            }
            Some(Err(refusal)) => {
                Err(QuotaError::refused(resource, n, refusal, self.windows.period_ns()))
            }
            None => self.take_rate_slowly(resource, now, n, at),
        }
    }

    /// Takes an amount of a rate at a time, on all levels.
    #[cold]
    #[inline(never)]
    fn take_rate_slowly(
        &self,
        resource: QuotaResource,
        now: Option<u64>,
        n: u64,
        at: &mut u64,
    ) -> Result<(), QuotaError> {
        let (Some(now), Counter::Rate(rate)) = (now, self.counter(resource)) else {
            *at = self.take_all(&Demand::one(resource, n))?;
            return Ok(());
        };
        let refused = |refusal| QuotaError::refused(resource, n, refusal, self.windows.period_ns());
        let window =
            rate.take(self.windows, now, n, self.bounds.units(resource)).map_err(refused)?;
        *at = now.max(self.windows.start(window));
        Ok(())
    }

    /// Takes all or nothing, and returns a time in the windows it was counted in.
    pub(super) fn take_all(&self, demand: &Demand) -> Result<u64, QuotaError> {
        let clock = if demand.has_rates() { self.clock.now_ns() } else { self.birth };
        if let Some(now) = clock.checked_sub(self.birth)
            && self.take_planned(demand, now).is_some()
        {
            return Ok(now);
        }
        self.take_slowly(demand)
    }

    /// Takes all or nothing, whatever that takes.
    #[cold]
    fn take_slowly(&self, demand: &Demand) -> Result<u64, QuotaError> {
        loop {
            let time = self.time(demand);
            // So that only a racer is ever refused because of a part that is taken back.
            self.check(demand, time)?;
            match self.climb(0, demand, time) {
                Ok(()) => return Ok(time.latest),
                Err(Missed::Refused(error)) => return Err(error),
                // Someone else has begun it; all is counted at one time, and so in a later one.
                Err(Missed::LaterWindow) => {}
            }
        }
    }

    /// Takes all on all levels as planned, or nothing: if one of them does not fit, has seen a later
    /// time, or is changed by someone else meanwhile.
    ///
    /// It decides once for each resource, where [`climb`](Self::climb) decides twice. Nothing is
    /// taken before everything is planned, and then from the highest level down.
    #[inline(always)]
    fn take_planned(&self, demand: &Demand, now: u64) -> Option<()> {
        let total = |resource, total: &Total| match demand.get(resource) {
            0 => Some(Planned::default()),
            n => total.plan(n, self.bounds.units(resource)),
        };
        let rate = |resource, rate: &Rate| match demand.get(resource) {
            0 => Some(Planned::default()),
            n => rate.plan(self.windows, now, n, self.bounds.units(resource)),
        };
        let storage = total(QuotaResource::Storage, &self.storage)?;
        let messages = rate(QuotaResource::MessageRate, &self.messages)?;
        let network = rate(QuotaResource::NetworkBandwidth, &self.network)?;
        let cpu = rate(QuotaResource::CpuTime, &self.cpu)?;
        let memory = total(QuotaResource::Memory, &self.memory)?;
        if let Some(parent) = &self.parent {
            parent.take_planned_above(demand, now)?;
        }
        let missed = if !self.storage.carry_out(storage) {
            QuotaResource::Storage
        } else if !self.messages.carry_out(messages) {
            QuotaResource::MessageRate
        } else if !self.network.carry_out(network) {
            QuotaResource::NetworkBandwidth
        } else if !self.cpu.carry_out(cpu) {
            QuotaResource::CpuTime
        } else if !self.memory.carry_out(memory) {
            QuotaResource::Memory
        } else {
            return Some(());
        };
        self.undo(demand, missed.index(), now);
        None
    }

    /// As [`take_planned`](Self::take_planned), which is compiled into its caller for the first level.
    #[inline(never)]
    fn take_planned_above(&self, demand: &Demand, now: u64) -> Option<()> {
        self.take_planned(demand, now)
    }

    /// Gives back what was taken of the resources before `index` here, and of all on the levels above.
    #[cold]
    fn undo(&self, demand: &Demand, index: usize, now: u64) {
        for (resource, n) in demand.iter().filter(|(resource, _)| resource.index() < index) {
            match self.counter(resource) {
                Counter::Total(total) => {
                    total.release(n);
                }
                Counter::Rate(_) => self.refund_here(resource, n, now),
            }
        }
        if let Some(parent) = &self.parent {
            parent.give_back(demand, now);
        }
    }

    /// Takes as much of an amount as there is, and returns how much and when.
    pub(super) fn take_up_to(&self, quota: QuotaType) -> Result<(Demand, u64), QuotaError> {
        let n = quota.amount();
        let Some(resource) = quota.resource().filter(|_| n > 0) else {
            return Ok((Demand::default(), 0));
        };
        let grain = quota.grain();
        loop {
            let now = self.time(&Demand::one(resource, n)).latest;
            let left = self.levels().map(|level| level.left(resource, now)).min();
            let part = left.unwrap_or(0).min(n) / grain * grain;
            let demand = Demand::one(resource, part.max(grain));
            match self.take_all(&demand) {
                Ok(at) => return Ok((demand, at)),
                // Not even the smallest part: say so, in terms of what was asked for.
                Err(error) if part <= grain => return Err(error.with_requested(n)),
                // Someone else was faster, so that less is left: look again.
                Err(_) => {}
            }
        }
    }

    /// Counts an amount on all levels, whether it fits or not.
    pub(super) fn charge_one(&self, resource: QuotaResource, n: u64) {
        if n == 0 {
            return;
        }
        let now = if resource.is_rate() { self.elapsed() } else { 0 };
        for level in self.levels() {
            match level.counter(resource) {
                Counter::Total(total) => total.charge(n),
                Counter::Rate(rate) => {
                    rate.charge(level.windows, now, n, level.bounds.units(resource));
                }
            }
        }
    }

    /// Gives back an amount of a total on all levels, and returns how much it was here.
    pub(super) fn release_one(&self, resource: QuotaResource, n: u64) -> u64 {
        let mut released = None;
        let mut n = n;
        for level in self.levels() {
            let Counter::Total(total) = level.counter(resource) else { return 0 };
            // A parent gives back what its child held, and nothing that it holds for others.
            n = total.release(n);
            released.get_or_insert(n);
        }
        released.unwrap_or(0)
    }

    /// Gives back what was taken at a time.
    pub(crate) fn give_back(&self, demand: &Demand, at: u64) {
        for (resource, n) in demand.iter() {
            if resource.is_rate() {
                for level in self.levels() {
                    level.refund_here(resource, n, at);
                }
            } else {
                self.release_one(resource, n);
            }
        }
    }

    /// Returns the time for a demand. A clock that has stepped back does not part the resources:
    /// all are counted at the latest time that any of them has seen.
    fn time(&self, demand: &Demand) -> Time {
        if !demand.has_rates() {
            return Time { latest: 0, lag: 0 };
        }
        let clock = self.clock.now_ns();
        let seen = |level: &Self, resource| match level.counter(resource) {
            Counter::Rate(rate) => level.windows.start(rate.window(level.windows)),
            Counter::Total(_) => 0,
        };
        let elapsed = clock.saturating_sub(self.birth);
        let latest = demand.iter().fold(elapsed, |latest, (resource, _)| {
            self.levels().map(|level| seen(level, resource)).fold(latest, u64::max)
        });
        Time { latest, lag: self.birth.saturating_add(latest).saturating_sub(clock) }
    }

    /// Tells whether an amount of one resource fits on all levels.
    pub(super) fn check_one(&self, quota: QuotaType) -> Result<(), QuotaError> {
        let n = quota.amount();
        let Some(resource) = quota.resource().filter(|_| n > 0) else { return Ok(()) };
        self.check_all(&Demand::one(resource, n))
    }

    /// Tells whether a demand fits on all levels.
    pub(super) fn check_all(&self, demand: &Demand) -> Result<(), QuotaError> {
        self.check(demand, self.time(demand))
    }

    /// Tells whether a demand fits on all levels; if not, what refuses it longest.
    fn check(&self, demand: &Demand, time: Time) -> Result<(), QuotaError> {
        let mut longest: Option<QuotaError> = None;
        for (depth, level) in (0..).zip(self.levels()) {
            for (resource, n) in demand.iter() {
                let Err(refusal) = level.peek_here(resource, n, time.latest) else { continue };
                let error = level.error(resource, n, refusal, time).at_level(depth);
                if longest.is_none_or(|longest| longest.wait() < error.wait()) {
                    longest = Some(error);
                }
            }
        }
        longest.map_or(Ok(()), Err)
    }

    /// Takes a demand at a time, on all levels above and then here; what was taken is undone in
    /// reverse if one refuses.
    ///
    /// In the order in which [`take_planned`](Self::take_planned) takes: of two takers, the one that
    /// comes second is refused where they meet first, and so never has what the other still needs.
    fn climb(&self, depth: u32, demand: &Demand, time: Time) -> Result<(), Missed> {
        if let Some(parent) = &self.parent {
            parent.climb(depth + 1, demand, time)?;
        }
        for (resource, n) in demand.iter() {
            let missed = match self.take_here(resource, n, time.latest) {
                Ok(start) if start <= time.latest => continue,
                Ok(start) => {
                    self.refund_here(resource, n, start);
                    Missed::LaterWindow
                }
                Err(refusal) => {
                    Missed::Refused(self.error(resource, n, refusal, time).at_level(depth))
                }
            };
            self.undo(demand, resource.index(), time.latest);
            return Err(missed);
        }
        Ok(())
    }

    /// Takes an amount on this level only, and returns when the window started that it was counted
    /// in, 0 for a total.
    fn take_here(&self, resource: QuotaResource, n: u64, now: u64) -> Result<u64, Refusal> {
        let limit = self.bounds.units(resource);
        match self.counter(resource) {
            Counter::Total(total) => total.take(n, limit).map(|()| 0),
            Counter::Rate(rate) => {
                rate.take(self.windows, now, n, limit).map(|window| self.windows.start(window))
            }
        }
    }

    /// Tells what [`take_here`](Self::take_here) would refuse.
    fn peek_here(&self, resource: QuotaResource, n: u64, now: u64) -> Result<(), Refusal> {
        let limit = self.bounds.units(resource);
        match self.counter(resource) {
            Counter::Total(total) => total.peek(n, limit),
            Counter::Rate(rate) => rate.peek(self.windows, now, n, limit),
        }
    }

    /// Gives an amount of a rate that was taken at a time back, on this level only.
    fn refund_here(&self, resource: QuotaResource, n: u64, at: u64) {
        if let Counter::Rate(rate) = self.counter(resource) {
            rate.refund(self.windows, at, n);
        }
    }

    /// Returns what is left of a resource on this level at a time.
    fn left(&self, resource: QuotaResource, now: u64) -> u64 {
        self.bounds.units(resource).saturating_sub(self.used(resource, now))
    }

    /// Returns what is in use of a resource on this level at a time.
    pub(super) fn used(&self, resource: QuotaResource, now: u64) -> u64 {
        match self.counter(resource) {
            Counter::Total(total) => total.used(),
            Counter::Rate(rate) => rate.read(self.windows, now, self.bounds.units(resource)).1,
        }
    }
}
