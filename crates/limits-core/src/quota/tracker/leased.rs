//! Takes where the rates of a level are leased from a lessor.

use alloc::sync::Arc;

use super::QuotaTracker;
use crate::quota::demand::Demand;
use crate::quota::lease::{LeasedRate, Leases};
use crate::quota::quota_type::QuotaResource;
use crate::quota::take::{PlannedPart, PlannedTake, TakeRefused};

impl QuotaTracker {
    /// Makes rates of this level leased: it then grants no more of them than the lessor has leased
    /// to it, whatever its quota. The quota's limit is that over all hosts.
    ///
    /// Call it before the tracker is shared, and before anything is taken. Resources that are not
    /// in `leases` are counted here as ever, storage and memory among them.
    #[must_use]
    pub fn with_leases(mut self, leases: Arc<Leases>) -> Self {
        for &resource in QuotaResource::ALL {
            leases.set_limit(resource, self.bounds.units(resource));
        }
        self.leases = Some(leases);
        self.is_leased = true;
        self
    }

    /// Returns the leases of this level.
    #[must_use]
    pub const fn leases(&self) -> Option<&Arc<Leases>> {
        self.leases.as_ref()
    }

    /// Returns the lease of a resource on this level.
    #[inline]
    pub(super) fn lease(&self, resource: QuotaResource) -> Option<&LeasedRate> {
        self.leases.as_deref()?.of(resource)
    }

    /// Returns a time since the origin by the clock.
    #[inline]
    pub(super) const fn by_clock(&self, time: u64) -> u64 {
        self.origin_ns.saturating_add(time)
    }

    /// Takes all on all levels in one try, some of which are leased, as
    /// [`take_planned`](Self::take_planned) does elsewhere. Returns the time at which it was taken.
    ///
    /// One reading of the clock serves both: the deadlines of the leases, which are looked at after
    /// their swaps, and the windows of the other levels.
    pub(super) fn take_leased(&self, demand: &Demand) -> Option<u64> {
        let mut counted = None;
        let taken = self.hold(demand, &mut || {
            let now = self.clock.now_ns().checked_sub(self.origin_ns)?;
            self.take_planned(demand, now)?;
            counted = Some(now);
            Some(now)
        });
        if taken.is_none()
            && let Some(now) = counted
        {
            // A lease has ended meanwhile.
            self.hand_back_plain(demand, now);
        }
        taken
    }

    /// Takes from the leases of this level and of those above, from the topmost down, then calls
    /// `rest`, and then looks whether the leases went on at the time that `rest` returns. Undoes
    /// what it took if one did not, or if `rest` returns `None`.
    fn hold(&self, demand: &Demand, rest: &mut dyn FnMut() -> Option<u64>) -> Option<u64> {
        let Some(leases) = self.leases.as_deref() else { return self.hold_above(demand, rest) };
        let mut planned = [None; 3];
        let amounts = demand
            .iter()
            .filter_map(|(resource, n)| leases.of(resource).map(|lease| (resource, lease, n)));
        for (slot, (resource, lease, n)) in planned.iter_mut().zip(amounts) {
            *slot = Some((resource, lease, lease.plan(n)?));
        }
        self.hold_above(demand, &mut || {
            let mut taken = planned.iter().flatten();
            let count =
                taken.by_ref().take_while(|(_, lease, plan)| lease.carry_out(*plan)).count();
            let all = planned.iter().flatten().count();
            if count == all
                && let Some(now) = rest()
                && planned
                    .iter()
                    .flatten()
                    .all(|(_, lease, plan)| lease.holds(*plan, self.by_clock(now)))
            {
                for (resource, lease, plan) in planned.iter().flatten() {
                    if lease.is_low(*plan) {
                        leases.tell(*resource, lease);
                    }
                }
                return Some(now);
            }
            for (_, lease, plan) in planned.iter().flatten().take(count) {
                lease.undo(*plan);
            }
            None
        })
    }

    /// Calls [`hold`](Self::hold) on the parent, if one of the levels above is leased.
    fn hold_above(&self, demand: &Demand, rest: &mut dyn FnMut() -> Option<u64>) -> Option<u64> {
        match &self.parent {
            Some(parent) if parent.is_leased => parent.hold(demand, rest),
            _ => rest(),
        }
    }

    /// Takes an amount from a lease of this level only.
    pub(super) fn take_lease(
        &self,
        resource: QuotaResource,
        lease: &LeasedRate,
        n: u64,
    ) -> Result<(), TakeRefused> {
        let taken = lease.take(n, self.bounds.units(resource), || self.clock.now_ns());
        match taken {
            Ok(planned) if !lease.is_low(planned) => Ok(()),
            Ok(_) => {
                self.tell(resource, lease);
                Ok(())
            }
            Err(refused) => Err(self.refused_lease(resource, lease, n, refused)),
        }
    }

    /// Checks whether a lease of this level has an amount, which the lessor hears of if it has not.
    pub(super) fn peek_lease(
        &self,
        resource: QuotaResource,
        lease: &LeasedRate,
        n: u64,
        now: u64,
    ) -> Result<(), TakeRefused> {
        lease
            .peek(n, self.bounds.units(resource), self.by_clock(now))
            .map_err(|refused| self.refused_lease(resource, lease, n, refused))
    }

    /// Decides on a part of what a lease of this level has. A lease is not paced: all of its units
    /// are due.
    pub(super) fn plan_lease_part(
        &self,
        resource: QuotaResource,
        lease: &LeasedRate,
        amounts: (u64, u64),
        now: u64,
    ) -> Result<PlannedPart, TakeRefused> {
        lease
            .plan_part(amounts, self.bounds.units(resource), self.by_clock(now))
            .map_err(|refused| self.refused_lease(resource, lease, amounts.0, refused))
    }

    /// Takes some units of a planned part from a lease; returns `false` if that has changed since.
    pub(super) fn carry_out_lease_part(
        &self,
        resource: QuotaResource,
        lease: &LeasedRate,
        part: PlannedPart,
        units: u64,
    ) -> bool {
        let planned = PlannedTake { from: part.from, to: part.from + units };
        if !lease.carry_out(planned) {
            return false;
        }
        if !lease.holds(planned, self.clock.now_ns()) {
            lease.undo(planned);
            return false;
        }
        if lease.is_low(planned) {
            self.tell(resource, lease);
        }
        true
    }

    fn refused_lease(
        &self,
        resource: QuotaResource,
        lease: &LeasedRate,
        n: u64,
        refused: TakeRefused,
    ) -> TakeRefused {
        if let Some(leases) = &self.leases
            && n <= refused.limit
        {
            leases.refused(resource, lease, n);
        }
        refused
    }

    fn tell(&self, resource: QuotaResource, lease: &LeasedRate) {
        if let Some(leases) = &self.leases {
            leases.tell(resource, lease);
        }
    }
}
