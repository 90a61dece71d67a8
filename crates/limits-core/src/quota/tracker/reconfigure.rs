//! Another quota, a restored use, a reset.

use core::fmt;
use core::time::Duration;

use super::{Counter, QuotaTracker};
use crate::quota::quota_type::QuotaResource;
use crate::quota::resource_quota::ResourceQuota;
use crate::quota::usage::QuotaUsage;
use crate::quota::window::Windows;

impl QuotaTracker {
    /// Returns the quota in force; see [`ResourceQuota::enforced`].
    #[must_use]
    pub fn quota(&self) -> ResourceQuota {
        self.bounds.quota(self.windows)
    }

    /// Changes the limits while takes go on.
    ///
    /// A limit below the use refuses until enough was released or the window is over. Earlier
    /// grants do not become debt: the window in which a limit falls carries over only the use past
    /// the higher limit. A take in flight counts against the old or the new limit; if a window
    /// begins at that moment, its use past the new limit is carried over. Of two changes at once,
    /// each limit ends as one of the two.
    ///
    /// # Errors
    ///
    /// If the quota has another period, which is fixed for a tracker; nothing is changed.
    pub fn set_quota(&self, quota: ResourceQuota) -> Result<(), PeriodMismatch> {
        let requested = Windows::new(quota.reset_period).period();
        let current = self.windows.period();
        if requested != current {
            return Err(PeriodMismatch { current, requested });
        }
        for &resource in QuotaResource::ALL {
            self.bounds.change(resource, &quota, self.windows, |limit| {
                if let Counter::Rate(rate) = self.counter(resource) {
                    rate.before_change(self.windows, self.elapsed(), limit);
                }
            });
            self.announce_limit(resource);
        }
        Ok(())
    }

    /// Adds a use that was counted before, such as before a restart, as [`charge`](Self::charge)
    /// does.
    ///
    /// After a restart, restore [`QuotaUsage::without_memory`] of the components only; their
    /// parents then count the sum.
    pub fn restore(&self, usage: &QuotaUsage) {
        for amount in usage.amounts() {
            let _counted = self.charge(amount);
        }
    }

    /// Sets all use and all debt of this tracker to zero, and the debt only of a rate that is
    /// [leased](Self::with_leases). Its totals are released from the parents, which keep their
    /// counts of its rates.
    ///
    /// Call it only while nothing is reserved or held: a later release of such an amount would
    /// count against takes made since.
    pub fn reset(&self) {
        for &resource in QuotaResource::ALL {
            match self.counter(resource) {
                Counter::Total(_) => {
                    self.release_one(resource, u64::MAX);
                }
                Counter::Rate(_) if let Some(lease) = self.lease(resource) => lease.reset(),
                Counter::Rate(rate) => {
                    rate.reset(self.windows, self.elapsed(), self.bounds.units(resource));
                }
            }
        }
    }
}

/// A quota whose period is not that of the tracker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeriodMismatch {
    current: Duration,
    requested: Duration,
}

impl PeriodMismatch {
    /// Returns the tracker's period.
    #[must_use]
    pub const fn current(&self) -> Duration {
        self.current
    }

    /// Returns the quota's period.
    #[must_use]
    pub const fn requested(&self) -> Duration {
        self.requested
    }
}

impl fmt::Display for PeriodMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { current, requested } = self;
        write!(
            f,
            "the period of a tracker is fixed: it counts per {current:?}, not per {requested:?}"
        )
    }
}

impl core::error::Error for PeriodMismatch {}
