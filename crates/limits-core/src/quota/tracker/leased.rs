//! Takes where the rates of a level are leased from a lessor.
//!
//! All that comes from leases is taken first, from the topmost level down; then the clock is read,
//! and all else is taken; then the leases are looked at again. One reading of the clock serves both
//! the deadlines of the leases and the windows of the other rates.

use alloc::sync::Arc;
use core::iter;

use super::levels::NotTaken;
use super::paced::NotTaken as PartNotTaken;
use super::planned::RATES;
use super::{Counter, QuotaTracker};
use crate::quota::demand::Demand;
use crate::quota::lease::{LeaseChain, LeaseTake, LeasedRate, Leases};
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::QuotaResource;

/// The leases that a take has taken from, the last first: a list on the stack.
struct Held<'a, 'b> {
    lease: &'a LeasedRate,
    take: LeaseTake,
    before: Option<&'b Self>,
}

impl QuotaTracker {
    /// Makes rates of this level leased: it then grants no more of them than the lessor has leased
    /// to it, whatever its quota. The quota's limit is that over all hosts.
    ///
    /// Call it before the tracker is shared, and before anything is taken. Resources that are not
    /// in `leases` are counted here as ever, storage and memory among them. Its [use](Self::usage)
    /// of a leased rate is that of this host.
    #[must_use]
    pub fn with_leases(mut self, leases: Arc<Leases>) -> Self {
        self.all_leases =
            Some(Arc::new(LeaseChain::below(self.all_leases.as_deref(), Arc::clone(&leases))));
        self.leases = Some(leases);
        for &resource in QuotaResource::ALL {
            self.announce_limit(resource);
        }
        self
    }

    /// Returns the leases of this level.
    #[must_use]
    pub const fn leases(&self) -> Option<&Arc<Leases>> {
        self.leases.as_ref()
    }

    /// Tells a lessor that callers wait for `n` units of a resource altogether, as a refused take
    /// of that many would: that of the lowest level which has not as many left. Does nothing where
    /// that level does not lease the resource.
    pub fn want(&self, resource: QuotaResource, n: u64) {
        let now = self.elapsed();
        let wanted = |level: &Self| n.min(level.bounds.units(resource));
        let short = self.levels().find(|level| level.left(resource, now) < wanted(level));
        if let Some((level, lease)) = short.and_then(|level| Some((level, level.lease(resource)?)))
        {
            lease.want(wanted(level));
        }
    }

    /// Returns the lease of a resource on this level.
    #[inline]
    pub(super) fn lease(&self, resource: QuotaResource) -> Option<&LeasedRate> {
        self.leases.as_deref()?.of(resource)
    }

    /// Tells the lessor of a resource its limit, if that has changed.
    pub(super) fn announce_limit(&self, resource: QuotaResource) {
        if let Some(lease) = self.lease(resource) {
            lease.set_limit(|| self.bounds.units(resource));
        }
    }

    /// Returns a time since the origin as the clock shows it.
    #[inline]
    pub(super) const fn by_clock(&self, time: u64) -> u64 {
        self.origin_ns.saturating_add(time)
    }

    /// Returns a time by the clock since the origin.
    #[inline]
    pub(super) const fn since_origin(&self, time: u64) -> u64 {
        time.saturating_sub(self.origin_ns)
    }

    /// Takes an amount of a rate where a level has leases, on all levels in one try.
    #[inline(always)]
    pub(super) fn take_rate_leased(
        &self,
        leases: &LeaseChain,
        rate: QuotaResource,
        n: u64,
    ) -> Option<u64> {
        match rate {
            QuotaResource::MessageRate => self.take_one_leased::<0>(leases, n),
            QuotaResource::NetworkBandwidth => self.take_one_leased::<1>(leases, n),
            _ => self.take_one_leased::<2>(leases, n),
        }
    }

    /// Takes an amount of a rate that one level or two lease. It does what
    /// [`take_all_leased`](Self::take_all_leased) does, in a third of the time.
    #[inline(never)]
    fn take_one_leased<const RATE: usize>(&self, leases: &LeaseChain, n: u64) -> Option<u64> {
        // Else a demand that cannot fit would refuse others while its leased parts are counted.
        if !self.levels().all(|level| level.has_room_or_lease(RATES[RATE], n)) {
            return None;
        }
        let mut of = leases.of_rate(RATES[RATE]);
        match (of.next(), of.next(), of.next()) {
            (Some(lease), None, _) => {
                spend(lease, n, |take| self.take_rate_after_leases::<RATE, 1>(n, [(lease, take)]))
            }
            (Some(upper), Some(lower), None) => spend(upper, n, |above| {
                spend(lower, n, |take| {
                    self.take_rate_after_leases::<RATE, 2>(n, [(upper, above), (lower, take)])
                })
            }),
            _ => self.take_all_leased(&Demand::one(RATES[RATE], n)),
        }
    }

    /// Takes an amount of a rate where it is not leased, after it was taken from all leases.
    /// Returns the time, unless a lease has ended meanwhile.
    #[inline(always)]
    fn take_rate_after_leases<const RATE: usize, const LEASES: usize>(
        &self,
        n: u64,
        held: [(&LeasedRate, LeaseTake); LEASES],
    ) -> Option<u64> {
        let resource = RATES[RATE];
        let start = held.iter().map(|(lease, _)| lease.start()).max().unwrap_or(0);
        let by_clock = self.clock.now_ns().max(start);
        let now = by_clock.checked_sub(self.origin_ns)?;
        let is_leased = |level: &Self| level.lease(RATES[RATE]).is_some();
        let taken = self.rate_on_plain_levels::<RATE>(n, now, is_leased);
        if !Self::is_rate_taken(taken, n, now) {
            return None;
        }
        // At the start of one lease, the time may be later than the clock.
        if LEASES > 1 && by_clock == start {
            held.iter().for_each(|(lease, _)| lease.run_ahead(by_clock));
        }
        if held.iter().all(|(lease, take)| lease.holds(*take, by_clock)) {
            held.iter().for_each(|(lease, take)| lease.look_at_use(*take));
            return Some(now);
        }
        self.hand_back_plain(&Demand::one(resource, n), now);
        None
    }

    /// Returns the leases of all levels, if a demand takes from one of them.
    #[inline]
    pub(super) fn leases_of(&self, demand: &Demand) -> Option<&LeaseChain> {
        self.all_leases.as_deref().filter(|leases| leases.of(demand).next().is_some())
    }

    /// Takes all on all levels in one try, where a level has leases.
    #[inline(never)]
    pub(super) fn take_all_leased(&self, demand: &Demand) -> Option<u64> {
        let Some(leases) = self.leases_of(demand) else { return self.take_planned(demand) };
        // Else a demand that cannot fit would refuse others while its leased parts are counted.
        let has_room = self.levels().all(|level| level.has_room(demand));
        let taken = has_room.then(|| {
            self.hold(leases, demand, |start| {
                let now = self.clock.now_ns().max(start).checked_sub(self.origin_ns)?;
                let is_leased = |level: &Self, it| level.lease(it).is_some();
                let taken = self.on_levels(demand, now, is_leased);
                Self::is_taken(taken, demand, now).then_some(now)
            })
        });
        taken.flatten()
    }

    /// Takes all or nothing, as [`take_slowly`](Self::take_slowly) does elsewhere.
    #[cold]
    pub(super) fn take_leased_slowly(
        &self,
        leases: &LeaseChain,
        demand: &Demand,
    ) -> Result<u64, QuotaError> {
        loop {
            self.check(demand, self.time(demand))?;
            let mut refused = None;
            let taken = self.hold(leases, demand, |_| {
                let time = self.time(demand);
                match self.take_levels(0, demand, time) {
                    Ok(()) => return Some(time.latest),
                    Err(NotTaken::Refused(error)) => refused = Some(error),
                    Err(NotTaken::LaterWindow) => {}
                }
                None
            });
            match (taken, refused) {
                (Some(at), _) => return Ok(at),
                (None, Some(error)) => return Err(error),
                // A lease was spent or has ended meanwhile; the check knows which.
                (None, None) => {}
            }
        }
    }

    /// Takes what is due, as [`take_part`](Self::take_part) does elsewhere. Returns how much, and
    /// the time at which it was taken.
    pub(super) fn take_leased_part(
        &self,
        leases: &LeaseChain,
        resource: QuotaResource,
        (least, most): (u64, u64),
        now: u64,
    ) -> Result<(u64, u64), PartNotTaken> {
        let mut units = most;
        for level in self.levels() {
            let Ok(due) = level.due_here(resource, (least, units), now, true) else {
                return Err(PartNotTaken::Refused);
            };
            units = due;
        }
        let demand = Demand::one(resource, units);
        let taken = self.hold(leases, &demand, |_| {
            let now = self.time(&demand).latest;
            self.take_part(resource, (units, units), now).is_ok().then_some(now)
        });
        taken.map(|at| (units, at)).ok_or(PartNotTaken::Overtaken)
    }

    /// Takes from all leases that a demand concerns, and then calls `plain`, with the earliest time
    /// of a take from them, which takes all else and returns the time at which it did. Returns that
    /// time, or undoes all of it if `plain` did not take or a lease has ended meanwhile.
    fn hold(
        &self,
        leases: &LeaseChain,
        demand: &Demand,
        mut plain: impl FnMut(u64) -> Option<u64>,
    ) -> Option<u64> {
        take_each(&mut leases.of(demand), None, &mut |held| {
            let all = || iter::successors(held, |held| held.before);
            let start = all().map(|held| held.lease.start()).max().unwrap_or(0);
            let now = plain(start)?;
            let by_clock = self.by_clock(now);
            if by_clock <= start {
                all().for_each(|held| held.lease.run_ahead(by_clock));
            }
            if all().all(|held| held.lease.holds(held.take, by_clock)) {
                all().for_each(|held| held.lease.look_at_use(held.take));
                return Some(now);
            }
            self.hand_back_plain(demand, now);
            None
        })
    }

    /// Reports whether a demand fits what this level has last counted.
    fn has_room(&self, demand: &Demand) -> bool {
        demand.iter().all(|(resource, n)| match self.lease(resource) {
            Some(lease) => lease.has_room(n),
            None => self.has_room_or_lease(resource, n),
        })
    }

    /// Reports whether an amount fits what this level has last counted, or comes from a lease.
    #[inline]
    fn has_room_or_lease(&self, resource: QuotaResource, n: u64) -> bool {
        let limit = self.bounds.units(resource);
        match self.counter(resource) {
            _ if self.lease(resource).is_some() => true,
            Counter::Rate(rate) => rate.has_room(self.windows, n, limit),
            Counter::Total(total) => total.plan(n, limit).is_some(),
        }
    }
}

/// Takes from a lease, and then calls `rest`. Undoes it if `rest` returns `None`.
#[inline(always)]
fn spend(lease: &LeasedRate, n: u64, rest: impl FnOnce(LeaseTake) -> Option<u64>) -> Option<u64> {
    let take = lease.take(n)?;
    let taken = rest(take);
    if taken.is_none() {
        lease.undo(take);
    }
    taken
}

/// Takes from leases one after the other, and then calls `rest` with all of them. Undoes each if
/// one after it does not take, or `rest` returns `None`.
fn take_each<'a>(
    leases: &mut impl Iterator<Item = (&'a LeasedRate, u64)>,
    held: Option<&Held<'a, '_>>,
    rest: &mut impl FnMut(Option<&Held<'a, '_>>) -> Option<u64>,
) -> Option<u64> {
    let Some((lease, n)) = leases.next() else { return rest(held) };
    let take = lease.take(n)?;
    let taken = take_each(leases, Some(&Held { lease, take, before: held }), rest);
    if taken.is_none() {
        lease.undo(take);
    }
    taken
}
