//! A use that is held until it is given back.
//!
//! - I9: a grant never brings a total past its limit, and a refusal leaves it as it was.
//! - I10: no addition wraps, and no release goes below zero.

#[cfg(all(test, not(loom)))]
mod proptests;

use crate::quota::quota_error::Wait;
use crate::quota::sync::{AtomicU64, Ordering, swap};
use crate::quota::window::{Planned, Refusal};

/// The use of one total.
#[derive(Debug)]
pub(crate) struct Total {
    used: AtomicU64,
}

impl Total {
    /// Returns a total of which nothing is used.
    pub(crate) fn new() -> Self {
        Self { used: AtomicU64::new(0) }
    }

    /// Takes `n` units, at least one, or none.
    #[inline]
    pub(crate) fn take(&self, n: u64, limit: u64) -> Result<(), Refusal> {
        let mut used = self.used();
        loop {
            let next = fits(used, n, limit)?;
            match swap(&self.used, used, next) {
                Ok(()) => return Ok(()),
                Err(newer) => used = newer,
            }
        }
    }

    /// Tells what [`take`](Self::take) would answer, and writes nothing.
    pub(crate) fn peek(&self, n: u64, limit: u64) -> Result<(), Refusal> {
        fits(self.used(), n, limit).map(drop)
    }

    /// Counts `n` units whether they fit or not.
    pub(crate) fn charge(&self, n: u64) {
        let mut used = self.used();
        while let Err(newer) = swap(&self.used, used, used.saturating_add(n)) {
            used = newer;
        }
    }

    /// Returns the use before and after taking `n` units, if they fit.
    pub(crate) fn plan(&self, n: u64, limit: u64) -> Option<Planned> {
        let from = self.used();
        fits(from, n, limit).ok().map(|to| Planned { from, to })
    }

    /// Does what was planned, unless something has changed since.
    #[inline(always)]
    pub(crate) fn carry_out(&self, planned: Planned) -> bool {
        planned.is_nothing() || swap(&self.used, planned.from, planned.to).is_ok()
    }

    /// Gives back `n` units, or all if fewer are in use, and returns how many they were.
    pub(crate) fn release(&self, n: u64) -> u64 {
        let mut used = self.used();
        loop {
            let released = used.min(n);
            match swap(&self.used, used, used - released) {
                Ok(()) => return released,
                Err(newer) => used = newer,
            }
        }
    }

    /// Returns the units in use.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// Returns the use after `n` more, if the limit allows it.
#[inline]
fn fits(used: u64, n: u64, limit: u64) -> Result<u64, Refusal> {
    match used.checked_add(n) {
        Some(sum) if sum <= limit => Ok(sum),
        _ => {
            let wait = if n > limit { Wait::NEVER } else { Wait::NOW };
            Err(Refusal { used, limit, wait })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Total;
    use crate::quota::quota_error::Wait;
    use crate::quota::window::Refusal;

    const TEN: u64 = 10;

    // I9
    #[test]
    fn what_fits_is_taken_and_what_does_not_changes_nothing() {
        let total = Total::new();
        assert_eq!(total.take(10, TEN), Ok(()));
        assert_eq!(total.take(1, TEN), Err(Refusal { used: 10, limit: 10, wait: Wait::NOW }));
        assert_eq!(total.take(11, TEN), Err(Refusal { used: 10, limit: 10, wait: Wait::NEVER }));
        assert_eq!(total.used(), 10);
    }

    // I10
    #[test]
    fn q3_a_release_of_more_than_is_used_stops_at_zero() {
        let total = Total::new();
        total.charge(3);
        assert_eq!(total.release(5), 3);
        assert_eq!(total.used(), 0);
        assert_eq!(total.release(1), 0);
    }

    // I10
    #[test]
    fn q2_a_request_of_u64_max_does_not_wrap() {
        let total = Total::new();
        let max = u64::MAX;
        assert_eq!(total.take(10, max), Ok(()));
        let refusal = Refusal { used: 10, limit: u64::MAX, wait: Wait::NOW };
        assert_eq!(total.take(u64::MAX, max), Err(refusal));
        assert_eq!(total.take(u64::MAX - 10, max), Ok(()));
        total.charge(7);
        assert_eq!(total.used(), u64::MAX);
    }
}
