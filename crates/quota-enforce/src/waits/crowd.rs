//! The waiters that share the units of a rate.

use limits_core::{Allowance, QuotaResource, QuotaTracker};

/// The time in which every waiter of a paced take is served once, in nanoseconds: with the eighth
/// of a second at a window's end in which nothing is due, less than a quarter of a second.
const ROUND_NS: u128 = 62_500_000;

/// The number of waiters that share the units of a rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// Those of one component.
    pub(crate) here: usize,
    /// Those of all components in the queue, which share the parents' units.
    pub(crate) all: usize,
}

impl Crowd {
    /// Returns the most units that one waiter is granted at a time, at least one: its share of what
    /// becomes due in one round, on the level where that is least.
    pub(crate) fn share(self, tracker: &QuotaTracker, resource: QuotaResource) -> u64 {
        let mut share = part(tracker, resource, self.here);
        let mut level = tracker.parent();
        while let Some(parent) = level {
            share = share.min(part(parent, resource, self.all));
            level = parent.parent();
        }
        share.max(1)
    }
}

/// Returns the part of one level's units for each of `waiters` in one round.
fn part(level: &QuotaTracker, resource: QuotaResource, waiters: usize) -> u64 {
    let Allowance::AtMost(limit) = level.status_of(resource).limit() else { return u64::MAX };
    let period = level.quota().reset_period.as_nanos().max(1);
    let in_a_round = u128::from(limit) * ROUND_NS.min(period) / period;
    let part = in_a_round / u128::try_from(waiters.max(1)).unwrap_or(u128::MAX);
    u64::try_from(part).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::Crowd;
    use core::time::Duration;
    use limits_core::{Allowance, QuotaResource, QuotaTracker, ResourceQuota};
    use std::sync::Arc;

    const NETWORK: QuotaResource = QuotaResource::NetworkBandwidth;

    fn quota(limit: impl Into<Allowance>) -> ResourceQuota {
        ResourceQuota::new().with_network_bandwidth(limit)
    }

    #[test]
    fn a_round_is_shared_by_the_waiters_of_each_level() {
        let host = Arc::new(QuotaTracker::new(quota(160_000)));
        let child = |limit| QuotaTracker::with_parent(quota(limit), Arc::clone(&host));
        let share = |limit, here, all| Crowd { here, all }.share(&child(limit), NETWORK);
        assert_eq!(share(16_000, 1, 1), 1_000);
        assert_eq!(share(16_000, 4, 4), 250);
        assert_eq!(share(16_000, 4, 80), 125, "of the host");
        assert_eq!(share(1, 4, 4), 1, "never nothing");
        assert_eq!(share(0, 0, 0), 1);
    }

    #[test]
    fn of_a_short_period_one_window_is_shared_and_without_a_limit_there_is_no_share() {
        let tracker = QuotaTracker::new(quota(160).with_reset_period(Duration::from_millis(1)));
        assert_eq!(Crowd { here: 16, all: 16 }.share(&tracker, NETWORK), 10);
        let tracker = QuotaTracker::new(quota(Allowance::Unlimited));
        assert_eq!(Crowd { here: 16, all: 16 }.share(&tracker, NETWORK), u64::MAX);
    }
}
