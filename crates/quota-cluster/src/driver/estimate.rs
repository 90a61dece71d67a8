//! The size of the next lease.

/// A lease is at least this part of the limit: smaller ones cost a question each.
const SMALLEST_PART: u64 = 400;
/// A lease covers this part of a window's use.
const PART_OF_USE: u64 = 10;
/// Of what the store has left, the lessees together ask for a quarter.
const SHARE: u64 = 4;

/// The demand of one lessee, from which the size of its leases follows.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    /// The use of a whole window: a moving average.
    per_window: u64,
    /// The largest amount that was refused in this window.
    largest: u64,
    /// The use of the lease and the time, when both were last looked at.
    seen: (u64, u64),
}

impl Estimate {
    /// Notes the use of a lease that goes on.
    pub(super) fn see(&mut self, used: u64, now: u64, period: u64) {
        let (before, at) = self.seen;
        let (Some(more), Some(time)) = (used.checked_sub(before), now.checked_sub(at)) else {
            self.seen = (used, now);
            return;
        };
        if time == 0 {
            return;
        }
        let sample = u128::from(more) * u128::from(period) / u128::from(time);
        self.add(u64::try_from(sample).unwrap_or(u64::MAX));
        self.seen = (used, now);
    }

    /// Notes the use of a window that is over, in which takes were refused or not.
    pub(super) fn end_window(&mut self, used: u64, was_short: bool, now: u64) {
        // More than was granted was wanted.
        self.add(if was_short { used.saturating_mul(2) } else { used });
        self.largest = 0;
        self.seen = (0, now);
    }

    /// Notes an amount that was refused.
    pub(super) fn refuse(&mut self, amount: u64) {
        self.largest = self.largest.max(amount);
    }

    /// Returns the units to ask for.
    ///
    /// At least as many as the largest take that was refused in this window, but not what is left
    /// for a take that does not fit any more: other hosts could use it.
    pub(super) fn size(&self, limit: u64, remaining: u64, lessees: u64) -> u64 {
        let largest = if self.largest <= remaining { self.largest } else { 0 };
        let floor = (limit / SMALLEST_PART).max(largest).max(1);
        let share = remaining / lessees.max(1).saturating_mul(SHARE);
        (self.per_window / PART_OF_USE).clamp(floor, share.max(floor)).min(limit)
    }

    fn add(&mut self, sample: u64) {
        self.per_window = self.per_window / 2 + sample / 2 + (self.per_window & sample & 1);
    }
}

#[cfg(test)]
mod tests {
    use super::Estimate;

    #[test]
    fn a_lease_is_a_tenth_of_a_windows_use_between_a_floor_and_a_share_of_the_rest() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.size(10_000, 10_000, 8), 25); // nothing is known
        for _ in 0..10 {
            estimate.end_window(1_000, false, 0);
        }
        assert_eq!(estimate.size(10_000, 10_000, 8), 99);
        assert_eq!(estimate.size(10_000, 1_600, 8), 50);
        assert_eq!(estimate.size(10_000, 100, 8), 25);
        assert_eq!(estimate.size(100, 100, 8), 3);
        assert_eq!(estimate.size(1, 1, 8), 1);
        assert_eq!(estimate.size(0, 0, 0), 0);
    }

    #[test]
    fn a_refused_amount_is_asked_for_if_it_fits_and_forgotten_with_its_window() {
        let mut estimate = Estimate::default();
        estimate.refuse(600);
        estimate.refuse(10);
        assert_eq!(estimate.size(10_000, 600, 8), 600);
        assert_eq!(estimate.size(10_000, 599, 8), 25);
        estimate.end_window(0, false, 0);
        assert_eq!(estimate.size(10_000, 10_000, 8), 25);
    }

    #[test]
    fn a_rate_that_rises_within_a_window_is_followed() {
        let mut estimate = Estimate::default();
        estimate.end_window(0, false, 0);
        estimate.see(100, 10, 1_000);
        estimate.see(200, 20, 1_000);
        assert_eq!(estimate.size(1_000_000, 1_000_000, 1), 2_500);
        assert_eq!(estimate.size(100_000, 100_000, 1), 750);
        // A clock that stands still or an earlier use tells nothing.
        estimate.see(300, 20, 1_000);
        estimate.see(5, 30, 1_000);
        assert_eq!(estimate.size(100_000, 100_000, 1), 750);
    }
}
