//! The lease of one rate.

use alloc::sync::Arc;

use crate::quota::clock::Clock;
use crate::quota::retry::Wait;
use crate::quota::sync::{AtomicU64, Ordering, publish, swap, swap_back};
use crate::quota::take::{PlannedPart, PlannedTake, TakeRefused};

/// The bits of a word that count units: more than a window of an hour can have.
const UNIT_BITS: u32 = 48;
const MOST_UNITS: u64 = (1 << UNIT_BITS) - 1;

/// The value of `low` while the lessor has been told and does not listen yet.
const TOLD: u64 = u64::MAX;

/// The wait of a refusal whose lessor has not said when it will have units: 1 ms.
const SOON: u64 = 1_000_000;

/// The terms of a lease. Times are those of the tracker's [`Clock`], in nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a lease is units, a deadline and a window")]
pub struct LeaseTerms {
    /// The units: those of the window so far, or those to add to it.
    pub units: u64,
    /// The deadline: no unit is granted at or after this time. A clock that
    /// [lags](Clock::lag) shows it late, so the lessor subtracts the lag.
    pub until: u64,
    /// A time at which the window is surely over. The use is reported until then.
    pub ends: u64,
}

/// The use of a lease, for its lessor.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct LeaseUse {
    /// The units that were leased for the window.
    pub leased: u64,
    /// The units in use of them, debt included.
    pub used: u64,
}

impl LeaseUse {
    /// Returns the units that are left.
    #[must_use]
    pub const fn left(self) -> u64 {
        self.leased.saturating_sub(self.used)
    }

    /// Returns the use past the lease.
    #[must_use]
    pub const fn debt(self) -> u64 {
        self.used.saturating_sub(self.leased)
    }
}

/// The lease of one rate: takes spend it, and one lessor at a time changes it.
///
/// The lessor calls [`begin`](Self::begin) for each window, [`extend`](Self::extend) while it goes
/// on, and [`end`](Self::end) to take back what is left.
#[derive(Debug)]
#[repr(align(64))]
pub struct LeasedRate {
    /// The number of the lease, and the units in use. The only word that takes write.
    word: AtomicU64,
    /// The number of the lease that is open, and the units leased for it.
    leased: AtomicU64,
    /// The deadline of the open lease.
    until: AtomicU64,
    /// The time at which the open lease began: takes of earlier ones have read an earlier one.
    began: AtomicU64,
    /// The time at which its window is surely over.
    ends: AtomicU64,
    /// The use from which on the lessor is told, or `TOLD`.
    low: AtomicU64,
    /// The largest take that was refused since the lessor last asked.
    wanted: AtomicU64,
    /// The time at which a refused take may be tried again.
    retry_at: AtomicU64,
}

impl LeasedRate {
    pub(super) fn new() -> Self {
        Self {
            // No lease is open: that of the number 0 is over.
            word: AtomicU64::new(pack(1, 0)),
            leased: AtomicU64::new(pack(0, 0)),
            until: AtomicU64::new(0),
            began: AtomicU64::new(0),
            ends: AtomicU64::new(0),
            low: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            retry_at: AtomicU64::new(0),
        }
    }

    /// Begins a window with these units, and ends the one before. Returns the use of that one.
    ///
    /// Debt counts as used in the new window, so no unit is granted before it is paid.
    pub fn begin(&self, terms: LeaseTerms, clock: &Arc<dyn Clock>) -> LeaseUse {
        let (number, before) = self.close();
        // After the swap: each take of an earlier lease has read a clock that is not later.
        self.began.store(clock.now_ns(), Ordering::Relaxed);
        self.ends.store(terms.ends, Ordering::Relaxed);
        // Release pairs with the acquire in `holds`: who reads this deadline sees the new number in
        // `word`.
        self.until.store(terms.until, Ordering::Release);
        // Release pairs with the acquire in `open`: who sees this number sees all of the above.
        self.leased.store(pack(number, terms.units.min(MOST_UNITS)), Ordering::Release);
        before
    }

    /// Adds units to the window that goes on, and sets a later deadline; an earlier one changes
    /// nothing. Adds nothing if no window is open.
    pub fn extend(&self, terms: LeaseTerms) {
        // Only the lessor writes these words, so its own loads are exact.
        let leased = self.leased.load(Ordering::Relaxed);
        if number(leased) != number(self.word.load(Ordering::Relaxed)) {
            return;
        }
        self.ends.fetch_max(terms.ends, Ordering::Relaxed);
        self.until.fetch_max(terms.until, Ordering::Release);
        let units = units(leased).saturating_add(terms.units).min(MOST_UNITS);
        self.leased.store(pack(number(leased), units), Ordering::Release);
    }

    /// Ends the window, and returns its use: what is left of it is the lessor's again, and no take
    /// or refund reaches it any more.
    pub fn end(&self) -> LeaseUse {
        self.close().1
    }

    /// Returns the use of the window. Before the first one, and after the [end](Self::end), nothing
    /// is leased and the use is debt.
    #[must_use]
    pub fn usage(&self) -> LeaseUse {
        let leased = self.leased.load(Ordering::Acquire);
        let word = self.word.load(Ordering::Relaxed);
        let is_open = number(leased) == number(word);
        LeaseUse { leased: if is_open { units(leased) } else { 0 }, used: units(word) }
    }

    /// Sets the time, on the tracker's clock, at which refused takes are to be tried again. If it
    /// is past, they are told to come back in a millisecond.
    pub fn set_retry_at(&self, time: u64) {
        self.retry_at.store(time, Ordering::Relaxed);
    }

    /// Listens for a shortage again, from the take on that brings the use to `low` units, or from
    /// the next refusal. Returns the largest amount that was refused since the last call, 0 for
    /// none.
    ///
    /// No refusal is lost: it is either in the result, or is signalled.
    pub fn listen(&self, low: u64) -> u64 {
        // The swap reads from that of `is_to_be_told`, or precedes it. Acquire pairs with its
        // release: a refusal that was not signalled has stored its amount.
        self.low.swap(low.min(TOLD - 1), Ordering::AcqRel);
        self.wanted.swap(0, Ordering::Relaxed)
    }

    /// Returns the largest amount that was refused since the lessor last
    /// [listened](Self::listen), 0 for none.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Plans to take `n` units, if they are leased. The deadline is looked at after the swap.
    #[inline]
    pub(crate) fn plan(&self, n: u64) -> Option<PlannedTake> {
        let leased = self.open();
        let from = self.word.load(Ordering::Relaxed);
        if number(from) != number(leased) {
            return None;
        }
        let fits = units(leased).checked_sub(units(from)).is_some_and(|left| n <= left);
        fits.then(|| PlannedTake { from, to: from + n })
    }

    /// Makes a planned change; returns `false` if the word has changed since.
    #[inline]
    pub(crate) fn carry_out(&self, planned: PlannedTake) -> bool {
        swap(&self.word, planned.from, planned.to).is_ok()
    }

    /// Reports whether a change that was made holds: its lease goes on, and `now`, which was read
    /// after the change, is before the deadline.
    #[inline]
    pub(crate) fn holds(&self, planned: PlannedTake, now: u64) -> bool {
        // Acquire pairs with the release in `begin`: after a later lease's deadline, the word that
        // is loaded next has that lease's number.
        let until = self.until.load(Ordering::Acquire);
        let lease = number(planned.to);
        let leased = self.leased.load(Ordering::Relaxed);
        now < until
            && number(self.word.load(Ordering::Relaxed)) == lease
            // Numbers come again after 65 536 windows.
            && number(leased) == lease
            && units(planned.to) <= units(leased)
    }

    /// Undoes a planned change that was made, unless its lease is over.
    #[cold]
    pub(crate) fn undo(&self, planned: PlannedTake) {
        self.give(number(planned.to), planned.to - planned.from);
    }

    /// Returns whether the lessor wants to hear of the use after a change.
    #[inline]
    pub(crate) fn is_low(&self, planned: PlannedTake) -> bool {
        units(planned.to) >= self.low.load(Ordering::Relaxed)
    }

    /// Takes `n` units in any lease and against any racer, and returns the change that was made.
    pub(crate) fn take(
        &self,
        n: u64,
        limit: u64,
        clock: impl Fn() -> u64,
    ) -> Result<PlannedTake, TakeRefused> {
        loop {
            let Some(planned) = self.plan(n) else { return Err(self.refusal(n, limit, clock())) };
            if !self.carry_out(planned) {
                continue;
            }
            let now = clock();
            if self.holds(planned, now) {
                return Ok(planned);
            }
            self.undo(planned);
            if number(self.word.load(Ordering::Relaxed)) == number(planned.to) {
                return Err(self.refusal(n, limit, now));
            }
        }
    }

    /// Returns the refusal of [`take`](Self::take), and takes nothing.
    pub(crate) fn peek(&self, n: u64, limit: u64, now: u64) -> Result<(), TakeRefused> {
        match self.plan(n) {
            Some(_) if now < self.until.load(Ordering::Acquire) => Ok(()),
            _ => Err(self.refusal(n, limit, now)),
        }
    }

    /// Plans to take as many of `most` units as are left, and no less than `least`.
    pub(crate) fn plan_part(
        &self,
        (least, most): (u64, u64),
        limit: u64,
        now: u64,
    ) -> Result<PlannedPart, TakeRefused> {
        let planned = self.plan(least).filter(|_| now < self.until.load(Ordering::Acquire));
        let Some(PlannedTake { from, .. }) = planned else {
            return Err(self.refusal(least, limit, now));
        };
        let used = units(from);
        let left = units(self.open()).saturating_sub(used);
        Ok(PlannedPart { from, window: 0, used, units: most.min(left.max(least)) })
    }

    /// Returns the units that are left at a time.
    pub(crate) fn left(&self, now: u64) -> u64 {
        let usage = self.usage();
        if now < self.until.load(Ordering::Acquire) { usage.left() } else { 0 }
    }

    /// Returns the use at a time: that of the window, or debt once it is over.
    pub(crate) fn used(&self, now: u64) -> u64 {
        let usage = self.usage();
        if now < self.ends.load(Ordering::Relaxed) { usage.used } else { usage.debt() }
    }

    /// Counts `n` units whether they fit or not.
    pub(crate) fn charge(&self, n: u64) {
        self.update(|word| pack(number(word), units(word).saturating_add(n).min(MOST_UNITS)));
    }

    /// Forgets all debt.
    pub(crate) fn reset(&self) {
        let leased = self.leased.load(Ordering::Acquire);
        self.update(|word| {
            let most = if number(leased) == number(word) { units(leased) } else { 0 };
            pack(number(word), units(word).min(most))
        });
    }

    /// Refunds `n` units that were taken at the time `at`, unless their lease is over.
    pub(crate) fn refund(&self, at: u64, n: u64) {
        let leased = self.open();
        // A take of an earlier lease may have read the very time at which this one began.
        if self.began.load(Ordering::Relaxed) < at {
            self.give(number(leased), n);
        }
    }

    /// Reports whether the lease that counted a take at the time `at` goes on at the time `now`.
    pub(crate) fn is_current(&self, at: u64, now: u64) -> bool {
        let leased = self.open();
        self.began.load(Ordering::Relaxed) <= at
            && now < self.until.load(Ordering::Acquire)
            && number(self.word.load(Ordering::Relaxed)) == number(leased)
    }

    /// Lets threads that refund later see what this one has written.
    pub(crate) fn publish(&self) {
        publish(&self.word);
    }

    /// Notes the amount of a refused take.
    pub(super) fn want(&self, n: u64) {
        self.wanted.fetch_max(n, Ordering::Relaxed);
    }

    /// Reports whether the lessor is to be told of a shortage, once until it listens again.
    pub(super) fn is_to_be_told(&self) -> bool {
        // Release pairs with the acquire in `listen`. Not a load first: a lessor that listens at
        // this moment must read from this swap, or be told.
        self.low.swap(TOLD, Ordering::AcqRel) != TOLD
    }

    /// Returns the number and units of the lease that was opened last.
    #[inline]
    fn open(&self) -> u64 {
        self.leased.load(Ordering::Acquire)
    }

    /// Ends the lease: numbers the next one, which is not open, and begins it with the debt.
    fn close(&self) -> (u64, LeaseUse) {
        let mut word = self.word.load(Ordering::Relaxed);
        let leased = self.leased.load(Ordering::Relaxed);
        loop {
            let is_open = number(leased) == number(word);
            let usage =
                LeaseUse { leased: if is_open { units(leased) } else { 0 }, used: units(word) };
            let next = pack(number(word).wrapping_add(1), usage.debt());
            match swap_back(&self.word, word, next) {
                Ok(()) => return (number(next), usage),
                Err(newer) => word = newer,
            }
        }
    }

    /// Takes `n` units off the use of a lease, unless it is over.
    fn give(&self, lease: u64, n: u64) {
        let mut word = self.word.load(Ordering::Relaxed);
        while number(word) == lease {
            match swap_back(&self.word, word, pack(lease, units(word).saturating_sub(n))) {
                Ok(()) => return,
                Err(newer) => word = newer,
            }
        }
    }

    fn refusal(&self, n: u64, limit: u64, now: u64) -> TakeRefused {
        let wait = if n > limit {
            Wait::NEVER
        } else {
            match self.retry_at.load(Ordering::Relaxed).saturating_sub(now) {
                0 => Wait::after(SOON),
                wait => Wait::after(wait),
            }
        };
        TakeRefused { used: self.used(now), limit, wait }
    }

    fn update(&self, change: impl Fn(u64) -> u64) {
        let mut word = self.word.load(Ordering::Relaxed);
        while let Err(newer) = swap(&self.word, word, change(word)) {
            word = newer;
        }
    }
}

const fn number(word: u64) -> u64 {
    word >> UNIT_BITS
}

const fn units(word: u64) -> u64 {
    word & MOST_UNITS
}

const fn pack(number: u64, units: u64) -> u64 {
    number << UNIT_BITS | units
}
