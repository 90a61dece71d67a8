//! Paced takes: the part of a limit that is due grows through its window.
//!
//! After a time in a window, and 125 ms ahead of that, the part of the limit is due that this time
//! is of the period; all of it in periods of 125 ms and less. The due part is a function of the
//! time, the period and the limit. No state but the rate's word is read or written, and paced takes
//! and others share its windows.
//!
//! - I20: a paced grant never brings the use of a window past the part of the limit that is due.
//! - I21: a paced take is granted as many units as are due, up to its most, and refused only if
//!   fewer than its least are.

use super::{Bound, Windows};
use crate::quota::allowance::UNLIMITED;
use crate::quota::retry::Wait;
use crate::quota::take::{PlannedPart, TakeRefused};

/// The time by which a paced take may be ahead, in nanoseconds: timers and clocks that are a little
/// late then lose none of a window.
const AHEAD: u64 = 125_000_000;

impl Windows {
    /// Decides on taking between `least` and `most` units at the time `now`; `least` is at least
    /// one, and no more than `most`.
    pub(crate) fn step_paced(
        self,
        word: u64,
        now: u64,
        (least, most): (u64, u64),
        bound: Bound,
    ) -> Result<PlannedPart, TakeRefused> {
        let (window, used) = self.read(word, now, bound);
        let part = PlannedPart { from: word, window, used, units: most };
        if bound.limit == UNLIMITED {
            return Ok(part);
        }
        let room = self.due(now.saturating_sub(self.start(window)), bound.limit).checked_sub(used);
        match room.filter(|room| least <= *room) {
            Some(room) => Ok(PlannedPart { units: most.min(room), ..part }),
            None => {
                let limit = bound.limit.min(self.capacity());
                let wait = self.paced_wait(now, (window, used), least, bound);
                Err(TakeRefused { used, limit, wait })
            }
        }
    }

    /// Returns the word after a take of some units of a part.
    pub(crate) fn after(self, part: PlannedPart, units: u64) -> u64 {
        self.pack(part.window, part.used.saturating_add(units))
    }

    /// Returns the part of a limit that is due at a time in a window.
    fn due(self, into: u64, limit: u64) -> u64 {
        let time = into.saturating_add(AHEAD).min(self.period);
        if time == self.period {
            return limit;
        }
        match limit.checked_mul(time) {
            Some(product) => product / self.period,
            None => {
                let product = u128::from(limit) * u128::from(time);
                // Less than the limit.
                u64::try_from(product / u128::from(self.period)).unwrap_or(limit)
            }
        }
    }

    /// Returns the time in a window at which `units` of a limit are due, which has as many.
    fn due_at(self, units: u64, limit: u64) -> u64 {
        let product = u128::from(units) * u128::from(self.period);
        // At most the period.
        let time = u64::try_from(product.div_ceil(u128::from(limit))).unwrap_or(self.period);
        time.saturating_sub(AHEAD)
    }

    /// Returns the time until `least` more units are due.
    fn paced_wait(self, now: u64, (window, used): (u64, u64), least: u64, bound: Bound) -> Wait {
        let limit = bound.limit.min(self.capacity());
        let fits_here = used.checked_add(least).filter(|sum| *sum <= limit);
        let (window, sum) = match fits_here {
            Some(sum) => (window, sum),
            None => {
                let debt = if used <= limit { 0 } else { self.overrun(window, used, bound) };
                let Some(later) = Self::windows_until(debt, least, limit) else {
                    return Wait::NEVER;
                };
                // One window ends and is followed by `later` more: each drains a limit.
                let debt = debt.saturating_sub(limit.saturating_mul(later));
                let window = window.saturating_add(1).saturating_add(later);
                if window > self.last() {
                    return Wait::NEVER;
                }
                (window, debt.saturating_add(least))
            }
        };
        let at = self.start(window).checked_add(self.due_at(sum, limit));
        at.map_or(Wait::NEVER, |at| Wait::after(at.saturating_sub(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, UNLIMITED, Windows};
    use crate::quota::retry::{Retry, Wait};
    use crate::quota::take::TakeRefused;
    use core::time::Duration;

    const MS: u64 = 1_000_000;
    const SECOND: u64 = 1_000 * MS;

    fn at_most(limit: u64) -> Bound {
        Bound { limit, previous: 0 }
    }

    fn windows(period: u64) -> Windows {
        Windows::new(Duration::from_nanos(period))
    }

    /// Takes as much as is due of an untouched window.
    fn due(windows: Windows, now: u64, limit: u64) -> u64 {
        windows.step_paced(0, now, (1, u64::MAX), at_most(limit)).map_or(0, |part| part.units)
    }

    // I20 I21
    #[test]
    fn the_part_that_is_due_grows_from_an_eighth_to_all_of_a_second() {
        let seconds = windows(SECOND);
        let table =
            [(0, 125), (1, 126), (125, 250), (500, 625), (874, 999), (875, 1_000), (999, 1_000)];
        for (ms, units) in table {
            assert_eq!(due(seconds, ms * MS, 1_000), units, "{ms} ms");
        }
        assert_eq!(due(seconds, SECOND, 1_000), 125);
    }

    // I20
    #[test]
    fn all_of_a_short_period_is_due_at_once() {
        for period in [1, 50, 125] {
            assert_eq!(due(windows(period * MS), 0, 1_000), 1_000, "{period} ms");
        }
        assert_eq!(due(windows(250 * MS), 0, 1_000), 500);
    }

    // I4
    #[test]
    fn a_byte_a_second_is_due_an_eighth_of_a_second_early() {
        let seconds = windows(SECOND);
        let refused = |used, ms| TakeRefused { used, limit: 1, wait: Wait::after(ms * MS) };
        let step = |word, now| seconds.step_paced(word, now, (1, 1), at_most(1));
        assert_eq!(step(0, 0), Err(refused(0, 875)));
        assert!(step(0, 875 * MS - 1).is_err());
        let taken = step(0, 875 * MS).unwrap();
        let word = seconds.after(taken, 1);
        assert_eq!(step(word, 875 * MS), Err(refused(1, 1_000)));
    }

    // I6
    #[test]
    fn a_debt_is_drained_before_a_part_is_due() {
        let seconds = windows(SECOND);
        let word = seconds.charge(0, 0, 2_300, at_most(1_000));
        let step = |now| seconds.step_paced(word, now, (1, 1_000), at_most(1_000));
        // 1 300 above: one window is used up by it, and 300 of the next.
        let wait = Retry::After(Duration::from_millis(2_176));
        assert_eq!(step(0).map_err(|refused| refused.wait.retry()), Err(wait));
        assert_eq!(step(2_176 * MS).map(|part| (part.used, part.units)), Ok((300, 1)));
    }

    #[test]
    fn more_than_the_whole_limit_is_never_due_and_without_a_limit_all_is() {
        let seconds = windows(SECOND);
        for limit in [0, 9] {
            let refused = seconds.step_paced(0, 0, (10, 20), at_most(limit)).unwrap_err();
            assert_eq!(refused.wait, Wait::NEVER, "{limit}");
        }
        assert_eq!(due(seconds, 0, UNLIMITED), u64::MAX);
        let part = seconds.step_paced(0, 0, (1, u64::MAX), at_most(UNLIMITED)).unwrap();
        assert_eq!(seconds.unpack(seconds.after(part, u64::MAX)), (0, seconds.capacity() + 1));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let longest = Windows::new(Duration::MAX);
        let most = longest.capacity();
        let end = longest.period_ns();
        assert_eq!(due(longest, end - 125 * MS, most), most);
        assert!(due(longest, end - 126 * MS, most) < most);
        let full = longest.charge(0, 0, most, at_most(most));
        let refused = longest.step_paced(full, 0, (most, most), at_most(most)).unwrap_err();
        // The clock ends before.
        assert_eq!(refused.wait, Wait::NEVER);
    }
}
