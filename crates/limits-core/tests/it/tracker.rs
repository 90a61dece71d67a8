//! The quota tracker: its methods, levels, windows and regressions.

mod extremes;
mod full_counters;
mod lease_levels;
mod leases;
mod levels;
mod model;
mod original;
mod overtaken;
mod paced;
mod rates;
mod reconfigure;
mod regressions;
mod reservations;
mod shorthands;
mod stress;
mod totals;

use core::time::Duration;
use limits_core::{Clock, ManualClock, QuotaTracker, ResourceQuota, Retry};
use std::sync::Arc;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A tracker, and the clock that it reads.
fn tracked(quota: ResourceQuota) -> (Arc<QuotaTracker>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    (Arc::new(QuotaTracker::with_clock(quota, shown)), clock)
}

/// A wait in milliseconds.
fn after(ms: u64) -> Retry {
    Retry::After(Duration::from_millis(ms))
}
