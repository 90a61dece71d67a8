//! Checks whether a demand fits, on all levels.

use super::{Counter, QuotaTracker, Time};
use crate::quota::demand::Demand;
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::take::TakeRefused;

impl QuotaTracker {
    /// Checks whether an amount of one resource fits on all levels.
    pub(super) fn check_one(&self, quota: QuotaType) -> Result<(), QuotaError> {
        let n = quota.amount();
        let Some(resource) = quota.resource().filter(|_| n > 0) else { return Ok(()) };
        match self.now().filter(|_| self.is_alone()) {
            Some(now) => self
                .peek_here(resource, n, now, true)
                .map_err(|refused| self.error(resource, n, refused, Time { latest: now, lag: 0 })),
            None => self.check_all(&Demand::one(resource, n)),
        }
    }

    /// Checks whether a demand fits on all levels.
    pub(super) fn check_all(&self, demand: &Demand) -> Result<(), QuotaError> {
        self.check(demand, self.time(demand))
    }

    /// Checks whether a demand fits on all levels; returns the refusal with the longest wait.
    ///
    /// The lessor of a level is told that its lease is short only if no level below refuses: a
    /// component without units of its own must not collect those that others could use.
    pub(super) fn check(&self, demand: &Demand, time: Time) -> Result<(), QuotaError> {
        let mut longest: Option<QuotaError> = None;
        for (depth, level) in (0..).zip(self.levels()) {
            let tells = longest.is_none();
            for (resource, n) in demand.iter() {
                let Err(refused) = level.peek_here(resource, n, time.latest, tells) else {
                    continue;
                };
                let error = level.error(resource, n, refused, time).at_depth(depth);
                if longest.is_none_or(|longest| longest.wait() < error.wait()) {
                    longest = Some(error);
                }
            }
        }
        longest.map_or(Ok(()), Err)
    }

    /// Returns the refusal of a take on this level only, and takes nothing. A lease that is
    /// short is told to its lessor, if `tells` says so.
    pub(super) fn peek_here(
        &self,
        resource: QuotaResource,
        n: u64,
        now: u64,
        tells: bool,
    ) -> Result<(), TakeRefused> {
        let limit = self.bounds.units(resource);
        if let Some(lease) = self.lease(resource) {
            return lease.peek(n, limit, self.by_clock(now), tells);
        }
        match self.counter(resource) {
            Counter::Total(total) => total.peek(n, limit),
            Counter::Rate(rate) => rate.peek(self.windows, now, n, limit),
        }
    }
}
