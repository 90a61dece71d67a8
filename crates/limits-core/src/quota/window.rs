//! Fixed windows in one word: the whole algorithm of a rate, without atomics and without a clock.
//!
//! A rate's state is one `u64`: the number of the window above, the use within it below. How
//! many bits each gets follows from the period alone, so that the windows of at least nine years
//! have numbers of their own. What is left for the use holds at least 32 000 units per
//! microsecond of the period (32 GB a second); see [`Windows::capacity`].
//!
//! Windows are numbered from the birth of the tracker, without gaps, and never reused: a number
//! cannot come round again. After the last one (9 to 18 years) the window no longer changes, and
//! so only refuses.
//!
//! Within one window at most the limit is granted. Any stretch of time as long as a period
//! touches two windows, and so sees at most **twice the limit**: all of it at the end of one
//! window, all of it at the start of the next.
//!
//! - I1: a grant never brings the use of a window past the limit.
//! - I2: a refusal leaves the word as it was.
//! - I3: what fits is granted: no take is refused that has room in its window.
//! - I4: the wait of a refusal is exact: one nanosecond earlier is refused, then it is granted.
//! - I5: a window's number never falls, so a clock that steps back grants nothing more.
//! - I6: debt, the use past the limit, carries over less one limit per elapsed window.
//! - I7: what is given back leaves the window that it was taken in, or no window.
//! - I8: the use saturates at what the word holds; it never reaches into the window's number. What is
//!   saturated stays so until the window is over, as nobody can say how much it is.

#[cfg(all(test, not(loom)))]
mod proptests;

use core::time::Duration;

use crate::quota::bounds::UNLIMITED;
use crate::quota::quota_error::Wait;

/// Nanoseconds whose windows have numbers of their own, as a power of two: nine years.
const HORIZON: u32 = 58;

/// Windows shorter than this are counted as this long, which grants less.
const SHORTEST: u64 = 1_000_000;

/// Windows longer than this, 584 years, are counted as this long: the longest that a [`Wait`] tells.
const LONGEST: u64 = u64::MAX - 2;

/// The length of a rate's windows, and where the parts of its word are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    period: u64,
    use_bits: u32,
    /// What stands for all uses that are too large: `use_bits` ones.
    saturated: u64,
}

/// What bounds a rate just now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// The limit in force: at most the [`capacity`](Windows::capacity) of a window, or
    /// [`UNLIMITED`].
    pub(crate) limit: u64,
    /// The window in which the limit last fell, and what it was before, packed as a word.
    pub(crate) before: u64,
}

/// What became of a take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It was counted in the window of this number.
    Granted(u64),
    /// It was not counted.
    Refused(Refusal),
}

/// What [`Windows::quick`] can tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Quick {
    /// It fits: the word afterwards, and when its window started.
    Fits { next: u64, start: u64 },
    /// It does not.
    Refused(Refusal),
    /// That takes [`Windows::step`].
    Unclear,
}

/// Why a take was refused, in units.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    /// What was in use.
    pub(crate) used: u64,
    /// How much is allowed.
    pub(crate) limit: u64,
    /// When it would be granted.
    pub(crate) wait: Wait,
}

/// A change of a counter that has been decided and not yet made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planned {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Planned {
    /// Tells whether nothing changes.
    pub(crate) const fn is_nothing(self) -> bool {
        self.from == self.to
    }
}

impl Windows {
    /// Cuts time into windows of a period, at least 1 ms and at most 584 years long.
    pub(crate) fn new(period: Duration) -> Self {
        let period = u64::try_from(period.as_nanos()).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST);
        let window_bits = HORIZON.saturating_sub(period.ilog2()).max(1);
        Self { period, use_bits: u64::BITS - window_bits, saturated: u64::MAX >> window_bits }
    }

    /// Returns the length of a window.
    pub(crate) const fn period(self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// Returns the length of a window in nanoseconds.
    pub(crate) const fn period_ns(self) -> u64 {
        self.period
    }

    /// Returns the most that can be counted in one window.
    ///
    /// Larger limits are held to this, which grants less than they say.
    pub(crate) const fn capacity(self) -> u64 {
        self.saturated - 1
    }

    /// Decides on taking `n` units, at least one, at the time `now`, and returns the
    /// word as it is afterwards.
    ///
    /// `now` is in nanoseconds since the birth of the tracker.
    pub(crate) fn step(self, word: u64, now: u64, n: u64, bound: Bound) -> (u64, Verdict) {
        let (window, used) = self.read(word, now, bound);
        let fits = match bound.limit {
            // Counted as far as it can be.
            UNLIMITED => true,
            limit => limit.checked_sub(used).is_some_and(|room| n <= room),
        };
        if fits {
            (self.pack(window, used.saturating_add(n)), Verdict::Granted(window))
        } else {
            (word, Verdict::Refused(self.refusal(now, (window, used), n, bound)))
        }
    }

    /// Decides as [`step`](Self::step) does, where that is simple: in a window that goes on, without
    /// debt. It is most of what is ever decided, and less than half of the instructions.
    #[inline(always)]
    pub(crate) fn quick(self, word: u64, now: u64, n: u64, limit: u64) -> Quick {
        let (window, used) = self.unpack(word);
        let start = self.start(window);
        let into = now.wrapping_sub(start);
        let most = limit.min(self.capacity());
        if into >= self.period || used > most {
            return Quick::Unclear;
        }
        if n <= most - used {
            // Within the limit, and so within the word.
            return Quick::Fits { next: word + n, start };
        }
        if limit == UNLIMITED {
            return Quick::Unclear;
        }
        let wait = if n > limit || window == self.last() {
            Wait::NEVER
        } else {
            Wait::after(self.period - into)
        };
        Quick::Refused(Refusal { used, limit, wait })
    }

    /// Says why `n` more do not fit.
    fn refusal(self, now: u64, (window, used): (u64, u64), n: u64, bound: Bound) -> Refusal {
        let limit = bound.limit.min(self.capacity());
        // Only what passes the limit can be left when the window ends.
        let after = if used <= limit { 0 } else { self.carried(window, used, bound) };
        Refusal { used, limit, wait: self.wait(now, window, after, n, limit) }
    }

    /// Counts `n` units whether they fit or not, and returns the word as it is afterwards.
    pub(crate) fn charge(self, word: u64, now: u64, n: u64, bound: Bound) -> u64 {
        let (window, used) = self.read(word, now, bound);
        self.pack(window, used.saturating_add(n))
    }

    /// Gives `n` units back that were taken at the time `at`; `None` if that window is over, or if
    /// not all of its use could be counted.
    pub(crate) fn refund(self, word: u64, at: u64, n: u64) -> Option<u64> {
        let (window, used) = self.unpack(word);
        let into = at.checked_sub(self.start(window))?;
        let is_in = into < self.period || window == self.last();
        (is_in && used != self.saturated).then(|| self.pack(window, used.saturating_sub(n)))
    }

    /// Returns the window at the time `now` and its use, rolling over windows that have ended.
    pub(crate) fn read(self, word: u64, now: u64, bound: Bound) -> (u64, u64) {
        let (window, used) = self.unpack(word);
        // Dividing only when a window has ended keeps the division off the common path. A time
        // before the window wraps round to a late one, and is left to `roll` as well.
        if now.wrapping_sub(self.start(window)) < self.period {
            (window, used)
        } else {
            self.roll((window, used), now, bound)
        }
    }

    /// Returns the window at the time `now`, which is not in `window`, and its use.
    #[cold]
    fn roll(self, (window, used): (u64, u64), now: u64, bound: Bound) -> (u64, u64) {
        let current = self.at(now);
        // Not later in the last window, which never ends, nor when the clock has stepped back.
        let Some(elapsed) = current.checked_sub(window).filter(|elapsed| *elapsed > 0) else {
            return (window, used);
        };
        let debt = self.carried(window, used, bound);
        let drained = bound.limit.saturating_mul(elapsed - 1);
        (current, debt.saturating_sub(drained))
    }

    /// Returns the window that a time lies in.
    fn at(self, now: u64) -> u64 {
        (now / self.period).min(self.last())
    }

    /// Returns the last window.
    const fn last(self) -> u64 {
        u64::MAX >> self.use_bits
    }

    /// Returns when a window starts.
    pub(crate) const fn start(self, window: u64) -> u64 {
        // Windows that have a number start before the time wraps round.
        window.wrapping_mul(self.period)
    }

    /// Returns the window of a word.
    pub(crate) const fn window(self, word: u64) -> u64 {
        word >> self.use_bits
    }

    /// Puts a window and its use into one word.
    pub(crate) fn pack(self, window: u64, used: u64) -> u64 {
        window << self.use_bits | used.min(self.saturated)
    }

    /// Takes a word apart.
    pub(crate) const fn unpack(self, word: u64) -> (u64, u64) {
        (self.window(word), word & self.saturated)
    }

    /// Returns the use that is left when `window` ends: what passed the largest limit that the
    /// window has seen.
    fn carried(self, window: u64, used: u64, bound: Bound) -> u64 {
        let Bound { limit, before } = bound;
        let (fell_in, before) = self.unpack(before);
        let largest = if fell_in == window { limit.max(before) } else { limit };
        used.saturating_sub(largest)
    }

    /// Returns when `n` more will fit, if the use is `after` at the end of `window`.
    fn wait(self, now: u64, window: u64, after: u64, n: u64, limit: u64) -> Wait {
        let Some(room) = limit.checked_sub(n).filter(|_| limit > 0) else { return Wait::NEVER };
        // Dividing only in deep debt keeps the division off the common path.
        let further = match after.checked_sub(room) {
            None | Some(0) => 0,
            Some(debt) => debt.div_ceil(limit),
        };
        let start = window.saturating_add(1).saturating_add(further);
        if start > self.last() {
            return Wait::NEVER;
        }
        Wait::after(self.start(start).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, LONGEST, Refusal, UNLIMITED, Verdict, Windows};
    use crate::quota::quota_error::Wait;
    use core::time::Duration;

    const SECOND: u64 = 1_000_000_000;
    const DAY: Duration = Duration::from_secs(86_400);

    fn at_most(limit: u64) -> Bound {
        Bound { limit, before: 0 }
    }

    fn seconds() -> Windows {
        Windows::new(Duration::from_secs(1))
    }

    #[test]
    fn every_window_of_nine_years_has_a_number_and_fast_rates_fit() {
        const NINE_YEARS: u64 = 9 * 365 * 86_400 * SECOND;
        for (period, per_us) in [
            (Duration::from_millis(1), 32_000),
            (Duration::from_secs(1), 32_000),
            (DAY, 32_000),
            (DAY * 365, 32_000),
        ] {
            let windows = Windows::new(period);
            assert_eq!(windows.period(), period);
            let last = windows.last();
            assert!(windows.start(last) > NINE_YEARS, "{period:?}");
            assert!(u128::from(windows.capacity()) >= per_us * period.as_micros(), "{period:?}");
        }
    }

    #[test]
    fn q8_a_period_of_zero_is_a_millisecond_and_never_no_limit() {
        let windows = Windows::new(Duration::ZERO);
        assert_eq!(windows.period(), Duration::from_millis(1));
        assert_eq!(windows.step(0, 0, 11, at_most(10)).0, 0);
    }

    #[test]
    fn the_longest_period_does_not_overflow() {
        let windows = Windows::new(Duration::MAX);
        let full = windows.step(0, 0, 10, at_most(10)).0;
        let (word, verdict) = windows.step(full, LONGEST - 1, 1, at_most(10));
        let wait = Wait::after(1);
        assert_eq!(verdict, Verdict::Refused(Refusal { used: 10, limit: 10, wait }));
        for now in [LONGEST, u64::MAX] {
            assert_eq!(windows.step(word, now, 1, at_most(10)).1, Verdict::Granted(1));
        }
    }

    // I4
    #[test]
    fn the_wait_of_the_longest_period_is_exact_from_its_first_nanosecond_on() {
        let windows = Windows::new(Duration::MAX);
        let full = windows.step(0, 0, 10, at_most(10)).0;
        let wait = windows.period_ns();
        let refused = Refusal { used: 10, limit: 10, wait: Wait::after(wait) };
        assert_eq!(windows.step(full, 0, 1, at_most(10)).1, Verdict::Refused(refused));
        assert_eq!(
            refused.wait.retry(),
            crate::quota::quota_error::Retry::After(Duration::from_nanos(wait))
        );
        assert!(matches!(windows.step(full, wait - 1, 1, at_most(10)).1, Verdict::Refused(_)));
        assert_eq!(windows.step(full, wait, 1, at_most(10)).1, Verdict::Granted(1));
    }

    // I5
    #[test]
    fn the_last_window_never_ends_and_only_refuses() {
        let windows = seconds();
        let last = windows.last();
        let full = windows.step(0, windows.start(last), 10, at_most(10)).0;
        assert_eq!(windows.unpack(full), (last, 10));
        for now in [windows.start(last), windows.start(last) + SECOND, u64::MAX] {
            let refused = Refusal { used: 10, limit: 10, wait: Wait::NEVER };
            assert_eq!(windows.step(full, now, 1, at_most(10)), (full, Verdict::Refused(refused)));
        }
    }

    // I8
    #[test]
    fn a_use_that_does_not_fit_the_word_saturates() {
        let windows = seconds();
        let most = windows.capacity();
        let word = windows.charge(0, 7 * SECOND, u64::MAX, at_most(10));
        assert_eq!(windows.unpack(word), (7, most + 1));
        let word = windows.charge(word, 7 * SECOND, u64::MAX, at_most(10));
        assert_eq!(windows.unpack(word), (7, most + 1));
        assert_eq!(windows.refund(word, 7 * SECOND, 1), None);
        let refused = Refusal { used: 0, limit: most, wait: Wait::NEVER };
        let (_, verdict) = windows.step(0, 0, most + 1, at_most(most));
        assert_eq!(verdict, Verdict::Refused(refused));
        let (word, verdict) = windows.step(0, 0, most, at_most(most));
        assert_eq!(verdict, Verdict::Granted(0));
        assert_eq!(windows.refund(word, 0, most), Some(0));
    }

    // I8
    #[test]
    fn without_a_limit_all_is_granted_and_counted_as_far_as_it_can_be() {
        let windows = seconds();
        let most = windows.capacity();
        let (word, verdict) = windows.step(0, 0, most, at_most(UNLIMITED));
        assert_eq!(verdict, Verdict::Granted(0));
        let (word, verdict) = windows.step(word, 0, most, at_most(UNLIMITED));
        assert_eq!((windows.unpack(word), verdict), ((0, most + 1), Verdict::Granted(0)));
        assert_eq!(windows.read(word, SECOND, at_most(UNLIMITED)), (1, 0));
        let (word, verdict) = windows.step(word, 0, u64::MAX, at_most(UNLIMITED));
        assert_eq!((windows.unpack(word), verdict), ((0, most + 1), Verdict::Granted(0)));
        assert_eq!(windows.refund(word, 0, u64::MAX), None);
    }

    // I6
    #[test]
    fn a_window_in_which_the_limit_fell_carries_over_only_what_passed_the_higher_one() {
        let windows = seconds();
        let fell = Bound { limit: 50, before: windows.pack(3, 100) };
        let used = |word| windows.read(word, 4 * SECOND, fell).1;
        assert_eq!(used(windows.pack(3, 80)), 0);
        assert_eq!(used(windows.pack(3, 130)), 30);
        assert_eq!(windows.read(windows.pack(4, 80), 5 * SECOND, fell).1, 30);
    }

    #[test]
    fn q4_a_stretch_as_long_as_a_period_sees_at_most_twice_the_limit() {
        let windows = seconds();
        let (first, _) = windows.step(0, SECOND - 1, 100, at_most(100));
        let (second, verdict) = windows.step(first, SECOND, 100, at_most(100));
        assert_eq!(verdict, Verdict::Granted(1));
        assert!(matches!(
            windows.step(second, 2 * SECOND - 1, 1, at_most(100)).1,
            Verdict::Refused(_)
        ));
    }
}
