//! Takes of several resources or levels in one try.
//!
//! Each level plans its parts, calls the level above, and carries its parts out: so all is planned
//! from the lowest level up, and then taken from the topmost level down. A level decides once for
//! each resource, where a peek and [`take_levels`](QuotaTracker::take_levels) decide twice.

use super::{Counter, QuotaTracker};
use crate::quota::demand::Demand;
use crate::quota::quota_type::QuotaResource;
use crate::quota::window::Windows;

/// The rates, in the order of their counters.
pub(super) const RATES: [QuotaResource; 3] =
    [QuotaResource::MessageRate, QuotaResource::NetworkBandwidth, QuotaResource::CpuTime];

/// The part that another thread has changed since it was planned. All above its level is taken by
/// then, and all resources before it on its level.
pub(super) struct Lost<'a> {
    level: &'a QuotaTracker,
    resource: QuotaResource,
}

/// `None` if a part does not fit, or a level has seen a later time: nothing is taken then.
type Taken<'a> = Result<(), Option<Lost<'a>>>;

impl QuotaTracker {
    /// Takes an amount of a rate on this level and those above, of which none leases it.
    #[inline(always)]
    pub(super) fn take_rate_planned(
        &self,
        parent: &Self,
        rate: QuotaResource,
        n: u64,
        now: u64,
    ) -> bool {
        match rate {
            QuotaResource::MessageRate => self.take_rate_near::<0>(parent, n, now),
            QuotaResource::NetworkBandwidth => self.take_rate_near::<1>(parent, n, now),
            _ => self.take_rate_near::<2>(parent, n, now),
        }
    }

    /// Takes an amount of a rate on two levels without a call, else by
    /// [`take_rate_far`](Self::take_rate_far).
    #[inline(never)]
    fn take_rate_near<const RATE: usize>(&self, parent: &Self, n: u64, now: u64) -> bool {
        if parent.parent.is_some() {
            return self.take_rate_far::<RATE>(n, now);
        }
        let taken = self
            .rate_and_above::<RATE>(n, now, || parent.rate_and_above::<RATE>(n, now, || Ok(())));
        Self::is_rate_taken(taken, n, now)
    }

    /// Takes an amount of a rate on any number of levels, of which none leases it.
    #[inline(never)]
    fn take_rate_far<const RATE: usize>(&self, n: u64, now: u64) -> bool {
        Self::is_rate_taken(self.rate_on_levels::<RATE>(n, now, |_| false), n, now)
    }

    /// Takes amounts of the rates on all levels, of which none leases them.
    #[inline(never)]
    pub(super) fn take_rates_planned(
        &self,
        messages: u64,
        network: u64,
        cpu: u64,
        now: u64,
    ) -> bool {
        if self.parent.is_some() {
            let demand = Demand::of_rates(messages, network, cpu);
            return Self::is_taken(self.on_levels(&demand, now, |_, _| false), &demand, now);
        }
        let [of_messages, of_network, of_cpu] = &self.rates;
        let first = if messages > 0 {
            of_messages
        } else if network > 0 {
            of_network
        } else {
            of_cpu
        };
        // One look at the time: a rate whose last window is another one does not fit.
        let Some(base) = self.windows.base(first.word(), now) else { return false };
        let fits =
            |word, resource, n| Windows::has_room(base, word, n, self.bounds.ceiling(resource));
        let (first, second, third) = (of_messages.word(), of_network.word(), of_cpu.word());
        if !fits(first, RATES[0], messages)
            || !fits(second, RATES[1], network)
            || !fits(third, RATES[2], cpu)
        {
            return false;
        }
        if messages > 0 && !of_messages.carry_out(first, messages) {
            return false;
        }
        if network > 0 && !of_network.carry_out(second, network) {
            return self.undo_rates(second, messages, 0);
        }
        if cpu > 0 && !of_cpu.carry_out(third, cpu) {
            return self.undo_rates(third, messages, network);
        }
        true
    }

    /// Undoes takes of two rates in the window of a word, and returns `false`.
    #[cold]
    #[inline(never)]
    fn undo_rates(&self, word: u64, messages: u64, network: u64) -> bool {
        let at = self.windows.start(self.windows.window(word));
        self.hand_back(&Demand::of_rates(messages, network, 0), at);
        false
    }

    /// Takes a demand of which nothing is leased, on all levels. Returns the time.
    #[inline(never)]
    pub(super) fn take_planned(&self, demand: &Demand) -> Option<u64> {
        let now = if demand.has_rates() { self.now()? } else { 0 };
        Self::is_taken(self.on_levels(demand, now, |_, _| false), demand, now).then_some(now)
    }

    /// Takes an amount of a rate at a time, on this level and above, but for those that lease it.
    #[inline(always)]
    pub(super) fn rate_on_plain_levels<const RATE: usize>(
        &self,
        n: u64,
        now: u64,
        is_leased: impl Fn(&Self) -> bool + Copy,
    ) -> Taken<'_> {
        self.rate_unless_leased::<RATE>(n, now, is_leased, |parent| {
            parent.rate_unless_leased::<RATE>(n, now, is_leased, |above| {
                above.rate_on_levels::<RATE>(n, now, is_leased)
            })
        })
    }

    #[inline(never)]
    fn rate_on_levels<const RATE: usize>(
        &self,
        n: u64,
        now: u64,
        is_leased: impl Fn(&Self) -> bool + Copy,
    ) -> Taken<'_> {
        self.rate_unless_leased::<RATE>(n, now, is_leased, |parent| {
            parent.rate_on_levels::<RATE>(n, now, is_leased)
        })
    }

    #[inline(always)]
    fn rate_unless_leased<'a, const RATE: usize>(
        &'a self,
        n: u64,
        now: u64,
        is_leased: impl Fn(&Self) -> bool,
        above: impl FnOnce(&'a Self) -> Taken<'a>,
    ) -> Taken<'a> {
        let above = || match &self.parent {
            Some(parent) => above(parent),
            None => Ok(()),
        };
        if is_leased(self) { above() } else { self.rate_and_above::<RATE>(n, now, above) }
    }

    #[inline(always)]
    fn rate_and_above<'a, const RATE: usize>(
        &'a self,
        n: u64,
        now: u64,
        above: impl FnOnce() -> Taken<'a>,
    ) -> Taken<'a> {
        let (rate, resource) = (&self.rates[RATE], RATES[RATE]);
        let word = rate.word();
        let base = self.windows.base(word, now).ok_or(None)?;
        if !Windows::has_room(base, word, n, self.bounds.ceiling(resource)) {
            return Err(None);
        }
        above()?;
        if !rate.carry_out(word, n) {
            return Err(Some(Lost { level: self, resource }));
        }
        Ok(())
    }

    /// Takes a demand at a time, on this level and above, but for what comes from leases.
    #[inline(never)]
    pub(super) fn on_levels(
        &self,
        demand: &Demand,
        now: u64,
        is_leased: impl Fn(&Self, QuotaResource) -> bool + Copy,
    ) -> Taken<'_> {
        // The amount that is taken here, 0 for none.
        let amount = |resource: QuotaResource| match demand.get(resource) {
            n if n > 0 && resource.is_rate() && is_leased(self, resource) => 0,
            n => n,
        };
        // One look at the time for all rates: those whose last window is another one do not fit.
        let base = match RATES.iter().zip(&self.rates).find(|(rate, _)| amount(**rate) > 0) {
            Some((_, rate)) => self.windows.base(rate.word(), now).ok_or(None)?,
            None => 0,
        };
        let plan = |resource| match (amount(resource), self.counter(resource)) {
            (0, _) => Some(0),
            (n, Counter::Total(total)) => total.plan(n, self.bounds.ceiling(resource)),
            (n, Counter::Rate(rate)) => {
                let (word, limit) = (rate.word(), self.bounds.ceiling(resource));
                Windows::has_room(base, word, n, limit).then_some(word)
            }
        };
        let carry_out = |resource, word| match (amount(resource), self.counter(resource)) {
            (0, _) => Ok(()),
            (n, Counter::Total(total)) if total.carry_out(word, n) => Ok(()),
            (n, Counter::Rate(rate)) if rate.carry_out(word, n) => Ok(()),
            _ => Err(Some(Lost { level: self, resource })),
        };
        let storage = plan(QuotaResource::Storage).ok_or(None)?;
        let entries = plan(QuotaResource::StorageEntries).ok_or(None)?;
        let messages = plan(QuotaResource::MessageRate).ok_or(None)?;
        let network = plan(QuotaResource::NetworkBandwidth).ok_or(None)?;
        let cpu = plan(QuotaResource::CpuTime).ok_or(None)?;
        let memory = plan(QuotaResource::Memory).ok_or(None)?;
        if let Some(parent) = &self.parent {
            parent.on_levels(demand, now, is_leased)?;
        }
        carry_out(QuotaResource::Storage, storage)?;
        carry_out(QuotaResource::StorageEntries, entries)?;
        carry_out(QuotaResource::MessageRate, messages)?;
        carry_out(QuotaResource::NetworkBandwidth, network)?;
        carry_out(QuotaResource::CpuTime, cpu)?;
        carry_out(QuotaResource::Memory, memory)
    }

    /// Reports whether an amount of a rate was taken at a time, and undoes it if it was overtaken.
    #[inline(always)]
    pub(super) fn is_rate_taken(taken: Taken<'_>, n: u64, now: u64) -> bool {
        match taken {
            Ok(()) => true,
            Err(None) => false,
            Err(Some(Lost { level, resource })) => level.give_back_rate(resource, n, now),
        }
    }

    /// Reports whether a demand was taken at a time, and undoes it if it was overtaken.
    #[inline(always)]
    pub(super) fn is_taken(taken: Taken<'_>, demand: &Demand, now: u64) -> bool {
        match taken {
            Ok(()) => true,
            Err(None) => false,
            Err(Some(Lost { level, resource })) => {
                level.undo(demand, resource.index(), now);
                false
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn give_back_rate(&self, resource: QuotaResource, n: u64, now: u64) -> bool {
        self.undo(&Demand::one(resource, n), resource.index(), now);
        false
    }
}
