//! Fixed windows in one word: the algorithm of a rate, without atomics and without a clock.
//!
//! The state of a rate is one `u64`: the number of the window in the high bits, the use within it
//! in the low bits. The split follows from the period alone, so that the windows of at least nine
//! years have numbers of their own. The use then has room for at least 32 000 units per microsecond
//! of the period (32 GB a second); see [`Windows::capacity`].
//!
//! Windows are numbered from the tracker's origin, without gaps. A number is never reused: after
//! the last window (9 to 18 years) the window no longer changes, and so only refuses.
//!
//! At most the limit is granted within one window. A span of time as long as a period touches two
//! windows, and so sees at most **twice the limit**: all of it at the end of one window and all of
//! it at the start of the next.
//!
//! Takes are decided in two functions. [`Windows::step`] is the whole algorithm.
//! [`Windows::step_quickly`] decides the common case in half of the instructions, refusals
//! included, and hands all others over. It stays because a denial costs 0.6 ns beyond the clock
//! with it and 4.4 ns without; a property test keeps the two in agreement.
//!
//! - I1: a grant never brings the use of a window past the limit.
//! - I2: a refusal leaves the word as it was.
//! - I3: no take is refused that has room in its window.
//! - I4: the wait of a refusal is exact: refused one nanosecond earlier, granted then.
//! - I5: a window's number never falls, so a clock that steps back grants nothing more.
//! - I6: debt, the use past the limit, carries over less one limit per elapsed window.
//! - I7: a refund leaves the window that its units were taken in, or no window.
//! - I8: the use saturates below the bits of the window's number. A saturated use stays so until
//!   its window is over, since the amount past it is not known.

mod pace;
#[cfg(all(test, not(loom)))]
mod proptests;

use core::time::Duration;

use crate::quota::allowance::UNLIMITED;
use crate::quota::retry::Wait;
use crate::quota::take::TakeRefused;

/// Nanoseconds whose windows have numbers of their own, as a power of two: nine years.
const HORIZON: u32 = 58;

/// The shortest period; a shorter one is counted as this, which grants less.
const SHORTEST: u64 = 1_000_000;

/// The longest period, 584 years: a [`Wait`] holds no longer one.
const LONGEST: u64 = u64::MAX - 2;

/// The length of a rate's windows, and the layout of its word.
// Packed into 12 bytes: a tracker has a byte for its owner on the same line.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
pub(crate) struct Windows {
    period: u64,
    use_bits: u32,
}

/// The limit of a rate now and before its last change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// The limit in force: at most the [`capacity`](Windows::capacity) of a window, or
    /// [`UNLIMITED`].
    pub(crate) limit: u64,
    /// The window in which the limit last changed, and the limit before, packed as a word.
    pub(crate) previous: u64,
}

/// The answers of [`Windows::step_quickly`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum QuickStep {
    /// The take fits: the word afterwards, and the start of its window.
    Fits { next: u64, start: u64 },
    /// The take does not fit.
    Refused(TakeRefused),
    /// [`Windows::step`] must decide.
    Unclear,
}

impl Windows {
    /// Cuts time into windows of a period, at least 1 ms and at most 584 years long.
    pub(crate) fn new(period: Duration) -> Self {
        let period = u64::try_from(period.as_nanos()).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST);
        let window_bits = HORIZON.saturating_sub(period.ilog2()).max(1);
        Self { period, use_bits: u64::BITS - window_bits }
    }

    /// Returns the length of a window.
    pub(crate) const fn period(self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// Returns the length of a window in nanoseconds.
    pub(crate) const fn period_ns(self) -> u64 {
        self.period
    }

    /// Returns the largest use that one window can count. Larger limits are lowered to it.
    pub(crate) const fn capacity(self) -> u64 {
        self.saturated() - 1
    }

    /// Returns the word for every use that is too large: `use_bits` ones.
    const fn saturated(self) -> u64 {
        !(u64::MAX << self.use_bits)
    }

    /// Decides on taking `n` units, at least one, at the time `now` in nanoseconds since the
    /// tracker's origin. Returns the word afterwards, and the number of the window that counts
    /// them.
    pub(crate) fn step(
        self,
        word: u64,
        now: u64,
        n: u64,
        bound: Bound,
    ) -> (u64, Result<u64, TakeRefused>) {
        let (window, used) = self.read(word, now, bound);
        let fits = match bound.limit {
            // Counted as far as the word reaches.
            UNLIMITED => true,
            limit => limit.checked_sub(used).is_some_and(|room| n <= room),
        };
        if fits {
            (self.pack(window, used.saturating_add(n)), Ok(window))
        } else {
            (word, Err(self.refused(now, (window, used), n, bound)))
        }
    }

    /// Returns the largest use that a limit allows: without a limit, that of which all bits are
    /// set, so that no use goes past it into the bits of the window.
    pub(crate) const fn ceiling(self, limit: u64) -> u64 {
        if limit < self.saturated() { limit } else { self.saturated() }
    }

    /// Decides as [`step`](Self::step) does in a window that goes on and has no debt. `limit` is
    /// the limit's [`ceiling`](Self::ceiling).
    #[inline(always)]
    pub(crate) fn step_quickly(self, word: u64, now: u64, n: u64, limit: u64) -> QuickStep {
        let (window, used) = self.unpack(word);
        let start = self.start(window);
        let into = now.wrapping_sub(start);
        if into >= self.period || used > limit {
            return QuickStep::Unclear;
        }
        if n <= limit - used {
            // Within the limit, and so within the word.
            return QuickStep::Fits { next: word + n, start };
        }
        if limit == self.saturated() {
            return QuickStep::Unclear;
        }
        let wait = if n > limit || window == self.last() {
            Wait::NEVER
        } else {
            Wait::after(self.period - into)
        };
        QuickStep::Refused(TakeRefused { used, limit, wait })
    }

    /// Returns the word without use of the window of a word, if that goes on at `now`.
    ///
    /// A time before the window is not in it; under a period of 292 years or more it may be, and
    /// what is taken then is not refunded.
    #[inline(always)]
    pub(crate) const fn base(self, word: u64, now: u64) -> Option<u64> {
        let window = self.window(word);
        // One comparison: a time before the window wraps round to a late one.
        if now.wrapping_sub(self.start(window)) < self.period {
            Some(window << self.use_bits)
        } else {
            None
        }
    }

    /// Reports whether `n` units fit in the window of `base` without debt, if `word` has its use;
    /// `limit` is a [`ceiling`](Self::ceiling). The word afterwards is `word + n`. Nothing always
    /// fits.
    #[inline(always)]
    pub(crate) const fn has_room(base: u64, word: u64, n: u64, limit: u64) -> bool {
        // In another window the use is less than zero, or more than any limit.
        n <= limit.saturating_sub(word.wrapping_sub(base))
    }

    /// Returns the refusal of `n` more units.
    fn refused(self, now: u64, (window, used): (u64, u64), n: u64, bound: Bound) -> TakeRefused {
        let limit = bound.limit.min(self.capacity());
        // Only an overrun outlives its window.
        let after = if used <= limit { 0 } else { self.overrun(window, used, bound) };
        TakeRefused { used, limit, wait: self.wait(now, window, after, n, limit) }
    }

    /// Counts `n` units whether they fit or not, and returns the word afterwards.
    pub(crate) fn charge(self, word: u64, now: u64, n: u64, bound: Bound) -> u64 {
        let (window, used) = self.read(word, now, bound);
        self.pack(window, used.saturating_add(n))
    }

    /// Refunds `n` units that were taken at the time `at`, and returns the word afterwards; `None`
    /// if their window is over or its use is saturated.
    pub(crate) fn refund(self, word: u64, at: u64, n: u64) -> Option<u64> {
        let (window, used) = self.unpack(word);
        let is_counted = self.is_in(window, at) && used != self.saturated();
        is_counted.then(|| self.pack(window, used.saturating_sub(n)))
    }

    /// Returns the window at the time `now` and its use, rolling over windows that have ended.
    pub(crate) fn read(self, word: u64, now: u64, bound: Bound) -> (u64, u64) {
        let (window, used) = self.unpack(word);
        // Dividing only when a window has ended keeps the division off the common path. A time
        // before the window wraps round to a late one, which `roll` sorts out.
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
        let debt = self.overrun(window, used, bound);
        let drained = bound.limit.saturating_mul(elapsed - 1);
        (current, debt.saturating_sub(drained))
    }

    /// Returns the number of the window at a time.
    fn at(self, now: u64) -> u64 {
        (now / self.period).min(self.last())
    }

    /// Reports whether a time is in a window.
    pub(crate) fn is_in(self, window: u64, at: u64) -> bool {
        let into = at.checked_sub(self.start(window));
        into.is_some_and(|into| into < self.period || window == self.last())
    }

    /// Returns the number of the last window.
    const fn last(self) -> u64 {
        u64::MAX >> self.use_bits
    }

    /// Returns the start of a window.
    pub(crate) const fn start(self, window: u64) -> u64 {
        // Windows that have a number start before the time wraps round.
        window.wrapping_mul(self.period)
    }

    /// Returns the window's number in a word.
    pub(crate) const fn window(self, word: u64) -> u64 {
        word >> self.use_bits
    }

    /// Puts a window and its use into one word.
    pub(crate) fn pack(self, window: u64, used: u64) -> u64 {
        window << self.use_bits | used.min(self.saturated())
    }

    /// Takes a word apart into the window and its use.
    pub(crate) const fn unpack(self, word: u64) -> (u64, u64) {
        (self.window(word), word & self.saturated())
    }

    /// Returns the use past the largest limit that the window has seen: the debt at its end.
    fn overrun(self, window: u64, used: u64, bound: Bound) -> u64 {
        let Bound { limit, previous } = bound;
        let (changed_in, previous) = self.unpack(previous);
        let largest = if changed_in == window { limit.max(previous) } else { limit };
        used.saturating_sub(largest)
    }

    /// Returns the time until `n` more units fit, if `after` are in use at the end of `window`.
    fn wait(self, now: u64, window: u64, after: u64, n: u64, limit: u64) -> Wait {
        let Some(further) = Self::windows_until(after, n, limit) else { return Wait::NEVER };
        let start = window.saturating_add(1).saturating_add(further);
        if start > self.last() {
            return Wait::NEVER;
        }
        Wait::after(self.start(start).saturating_sub(now))
    }

    /// Returns the number of windows after the next in which `n` units fit, if that begins with
    /// `after` in use; `None` for never.
    fn windows_until(after: u64, n: u64, limit: u64) -> Option<u64> {
        let room = limit.checked_sub(n).filter(|_| limit > 0)?;
        // Dividing only in deep debt keeps the division off the common path.
        Some(match after.checked_sub(room) {
            None | Some(0) => 0,
            Some(debt) => debt.div_ceil(limit),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, LONGEST, UNLIMITED, Windows};
    use crate::quota::retry::{Retry, Wait};
    use crate::quota::take::TakeRefused;
    use core::time::Duration;

    const SECOND: u64 = 1_000_000_000;
    const DAY: Duration = Duration::from_secs(86_400);

    fn at_most(limit: u64) -> Bound {
        Bound { limit, previous: 0 }
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
    fn a_period_of_zero_is_a_millisecond_and_never_no_limit() {
        let windows = Windows::new(Duration::ZERO);
        assert_eq!(windows.period(), Duration::from_millis(1));
        assert_eq!(windows.step(0, 0, 11, at_most(10)).0, 0);
    }

    #[test]
    fn the_longest_period_does_not_overflow() {
        let windows = Windows::new(Duration::MAX);
        let full = windows.step(0, 0, 10, at_most(10)).0;
        let (word, outcome) = windows.step(full, LONGEST - 1, 1, at_most(10));
        let wait = Wait::after(1);
        assert_eq!(outcome, Err(TakeRefused { used: 10, limit: 10, wait }));
        for now in [LONGEST, u64::MAX] {
            assert_eq!(windows.step(word, now, 1, at_most(10)).1, Ok(1));
        }
    }

    // I4
    #[test]
    fn the_wait_of_the_longest_period_is_exact_from_its_first_nanosecond_on() {
        let windows = Windows::new(Duration::MAX);
        let full = windows.step(0, 0, 10, at_most(10)).0;
        let wait = windows.period_ns();
        let refused = TakeRefused { used: 10, limit: 10, wait: Wait::after(wait) };
        assert_eq!(windows.step(full, 0, 1, at_most(10)).1, Err(refused));
        assert_eq!(refused.wait.retry(), Retry::After(Duration::from_nanos(wait)));
        assert!(windows.step(full, wait - 1, 1, at_most(10)).1.is_err());
        assert_eq!(windows.step(full, wait, 1, at_most(10)).1, Ok(1));
    }

    // I5
    #[test]
    fn the_last_window_never_ends_and_only_refuses() {
        let windows = seconds();
        let last = windows.last();
        let full = windows.step(0, windows.start(last), 10, at_most(10)).0;
        assert_eq!(windows.unpack(full), (last, 10));
        for now in [windows.start(last), windows.start(last) + SECOND, u64::MAX] {
            let refused = TakeRefused { used: 10, limit: 10, wait: Wait::NEVER };
            assert_eq!(windows.step(full, now, 1, at_most(10)), (full, Err(refused)));
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
        let refused = TakeRefused { used: 0, limit: most, wait: Wait::NEVER };
        let (_, outcome) = windows.step(0, 0, most + 1, at_most(most));
        assert_eq!(outcome, Err(refused));
        let (word, outcome) = windows.step(0, 0, most, at_most(most));
        assert_eq!(outcome, Ok(0));
        assert_eq!(windows.refund(word, 0, most), Some(0));
    }

    // I8
    #[test]
    fn without_a_limit_all_is_granted_and_counted_as_far_as_it_can_be() {
        let windows = seconds();
        let most = windows.capacity();
        let (word, outcome) = windows.step(0, 0, most, at_most(UNLIMITED));
        assert_eq!(outcome, Ok(0));
        let (word, outcome) = windows.step(word, 0, most, at_most(UNLIMITED));
        assert_eq!((windows.unpack(word), outcome), ((0, most + 1), Ok(0)));
        assert_eq!(windows.read(word, SECOND, at_most(UNLIMITED)), (1, 0));
        let (word, outcome) = windows.step(word, 0, u64::MAX, at_most(UNLIMITED));
        assert_eq!((windows.unpack(word), outcome), ((0, most + 1), Ok(0)));
        assert_eq!(windows.refund(word, 0, u64::MAX), None);
    }

    // I6
    #[test]
    fn a_window_in_which_the_limit_fell_carries_over_only_what_passed_the_higher_one() {
        let windows = seconds();
        let fell = Bound { limit: 50, previous: windows.pack(3, 100) };
        let used = |word| windows.read(word, 4 * SECOND, fell).1;
        assert_eq!(used(windows.pack(3, 80)), 0);
        assert_eq!(used(windows.pack(3, 130)), 30);
        assert_eq!(windows.read(windows.pack(4, 80), 5 * SECOND, fell).1, 30);
    }

    #[test]
    fn a_span_as_long_as_a_period_sees_at_most_twice_the_limit() {
        let windows = seconds();
        let (first, _) = windows.step(0, SECOND - 1, 100, at_most(100));
        let (second, outcome) = windows.step(first, SECOND, 100, at_most(100));
        assert_eq!(outcome, Ok(1));
        assert!(windows.step(second, 2 * SECOND - 1, 1, at_most(100)).1.is_err());
    }
}
