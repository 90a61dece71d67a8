//! The counter of a total: use that lasts until it is released.
//!
//! - I9: a grant never brings a total past its limit, and a refusal leaves it as it was.
//! - I10: no addition wraps, no release goes below zero, and both report what they counted.

#[cfg(all(test, not(loom)))]
mod proptests;

use crate::quota::retry::Wait;
use crate::quota::sync::{AtomicU64, Ordering, publish, swap, swap_back};
use crate::quota::take::{PlannedPart, TakeRefused};

/// The use of one total.
#[derive(Debug)]
pub(crate) struct Total {
    used: AtomicU64,
}

impl Total {
    pub(crate) fn new() -> Self {
        Self { used: AtomicU64::new(0) }
    }

    /// Takes `n` units, at least one, or none.
    #[inline]
    pub(crate) fn take(&self, n: u64, limit: u64) -> Result<(), TakeRefused> {
        let mut used = self.used();
        loop {
            let next = fits(used, n, limit)?;
            match swap(&self.used, used, next) {
                Ok(()) => return Ok(()),
                Err(newer) => used = newer,
            }
        }
    }

    /// Returns the refusal of [`take`](Self::take), and writes nothing.
    pub(crate) fn peek(&self, n: u64, limit: u64) -> Result<(), TakeRefused> {
        fits(self.used(), n, limit).map(drop)
    }

    /// Counts `n` units whether they fit a limit or not, or as many as the counter has room for,
    /// and returns their number.
    pub(crate) fn charge(&self, n: u64) -> u64 {
        let mut used = self.used();
        loop {
            let counted = n.min(u64::MAX - used);
            match swap(&self.used, used, used + counted) {
                Ok(()) => return counted,
                Err(newer) => used = newer,
            }
        }
    }

    /// Plans to take `n` units, if they fit. Returns the use of which
    /// [`carry_out`](Self::carry_out) takes them.
    #[inline(always)]
    pub(crate) fn plan(&self, n: u64, limit: u64) -> Option<u64> {
        let used = self.used();
        fits(used, n, limit).is_ok().then_some(used)
    }

    /// Takes `n` units as planned; returns `false` if the use has changed since.
    #[inline(always)]
    pub(crate) fn carry_out(&self, used: u64, n: u64) -> bool {
        swap(&self.used, used, used + n).is_ok()
    }

    /// Plans to take as many of `most` units as are left, and no less than `least`.
    pub(crate) fn plan_part(
        &self,
        (least, most): (u64, u64),
        limit: u64,
    ) -> Result<PlannedPart, TakeRefused> {
        let used = self.used();
        fits(used, least, limit)?;
        Ok(PlannedPart { from: used, window: 0, used, units: most.min(limit - used) })
    }

    /// Takes some units of a planned part; returns `false` if the use has changed since.
    pub(crate) fn carry_out_part(&self, part: PlannedPart, units: u64) -> bool {
        swap(&self.used, part.from, part.used.saturating_add(units)).is_ok()
    }

    /// Releases `n` units, or all if fewer are in use, and returns their number.
    pub(crate) fn release(&self, n: u64) -> u64 {
        let mut used = self.used();
        loop {
            let released = used.min(n);
            match swap_back(&self.used, used, used - released) {
                Ok(()) => return released,
                Err(newer) => used = newer,
            }
        }
    }

    /// Lets threads that release later see what this one has written.
    pub(crate) fn publish(&self) {
        publish(&self.used);
    }

    /// Returns the units in use.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// Returns the use after `n` more, if the limit allows it.
#[inline]
fn fits(used: u64, n: u64, limit: u64) -> Result<u64, TakeRefused> {
    match used.checked_add(n) {
        Some(sum) if sum <= limit => Ok(sum),
        _ => {
            let wait = if n > limit { Wait::NEVER } else { Wait::NOW };
            Err(TakeRefused { used, limit, wait })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Total;
    use crate::quota::retry::Wait;
    use crate::quota::take::TakeRefused;

    const TEN: u64 = 10;

    // I9
    #[test]
    fn a_take_that_fits_is_counted_and_a_refused_one_changes_nothing() {
        let total = Total::new();
        assert_eq!(total.take(10, TEN), Ok(()));
        assert_eq!(total.take(1, TEN), Err(TakeRefused { used: 10, limit: 10, wait: Wait::NOW }));
        assert_eq!(
            total.take(11, TEN),
            Err(TakeRefused { used: 10, limit: 10, wait: Wait::NEVER })
        );
        assert_eq!(total.used(), 10);
    }

    // I10
    #[test]
    fn a_release_of_more_than_is_used_stops_at_zero() {
        let total = Total::new();
        total.charge(3);
        assert_eq!(total.release(5), 3);
        assert_eq!(total.used(), 0);
        assert_eq!(total.release(1), 0);
    }

    // I10
    #[test]
    fn a_request_of_u64_max_does_not_wrap() {
        let total = Total::new();
        let max = u64::MAX;
        assert_eq!(total.take(10, max), Ok(()));
        let refusal = TakeRefused { used: 10, limit: u64::MAX, wait: Wait::NOW };
        assert_eq!(total.take(u64::MAX, max), Err(refusal));
        assert_eq!(total.take(u64::MAX - 10, max), Ok(()));
        assert_eq!(total.charge(7), 0);
        assert_eq!(total.used(), u64::MAX);
        total.release(3);
        assert_eq!(total.charge(7), 3);
        assert_eq!(total.used(), u64::MAX);
    }
}
