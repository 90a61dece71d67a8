//! Changes from outside: another quota, a restored use, none.

use core::fmt;
use core::time::Duration;

use super::{Counter, QuotaTracker};
use crate::quota::quota_type::QuotaResource;
use crate::quota::resource_quota::ResourceQuota;
use crate::quota::usage::QuotaUsage;
use crate::quota::window::Windows;

impl QuotaTracker {
    /// Returns the quota in force: with limits that are no larger than can be counted, and a period
    /// of at least 1 ms and at most 584 years. Storage or memory of at most `u64::MAX` is told as
    /// unlimited.
    #[must_use]
    pub fn quota(&self) -> ResourceQuota {
        self.bounds.quota(self.windows)
    }

    /// Changes the limits while takes go on.
    ///
    /// A limit below what is in use refuses until enough was released or the window is over. What
    /// was granted before does not become debt: the window in which a limit fell carries over
    /// only what passed the higher one. A take in flight counts against the old or the new limit; if
    /// a window begins at that moment, what it takes there past the new one is carried over.
    /// Of two changes at once, each limit ends as one of the two.
    ///
    /// # Errors
    ///
    /// If the quota has another period, which a tracker keeps for life; nothing is changed then.
    /// For another period, make another tracker.
    pub fn set_quota(&self, quota: ResourceQuota) -> Result<(), PeriodMismatch> {
        let requested = Windows::new(quota.reset_period).period();
        let current = self.windows.period();
        if requested != current {
            return Err(PeriodMismatch { current, requested });
        }
        for resource in QuotaResource::ALL {
            self.bounds.change(resource, &quota, self.windows, |limit| {
                if let Counter::Rate(rate) = self.counter(resource) {
                    rate.before_change(self.windows, self.elapsed(), limit);
                }
            });
        }
        Ok(())
    }

    /// Adds a use that was counted elsewhere, such as before a restart, as if it were charged
    /// now: on all levels, whether it fits or not.
    ///
    /// After a restart restore [`QuotaUsage::without_memory`], and only the components: their
    /// parents then count the sum.
    pub fn restore(&self, usage: &QuotaUsage) {
        for amount in usage.amounts() {
            self.charge(amount);
        }
    }

    /// Forgets all use and all debt of this tracker. Parents get its storage and memory back,
    /// and keep what they have counted of its rates.
    ///
    /// What is still reserved or held is forgotten as well: when it is given back later it
    /// counts against what has been taken since. So it is for when nothing is in flight.
    pub fn reset(&self) {
        for resource in QuotaResource::ALL {
            match self.counter(resource) {
                Counter::Total(_) => {
                    self.release_one(resource, u64::MAX);
                }
                Counter::Rate(rate) => {
                    rate.reset(self.windows, self.elapsed(), self.bounds.units(resource));
                }
            }
        }
    }
}

/// A tracker was asked for another period than the one it counts in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeriodMismatch {
    current: Duration,
    requested: Duration,
}

impl PeriodMismatch {
    /// Returns the period that the tracker counts in.
    #[must_use]
    pub const fn current(&self) -> Duration {
        self.current
    }

    /// Returns the period that was asked for.
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
