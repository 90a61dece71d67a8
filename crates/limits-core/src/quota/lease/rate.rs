//! The lease of one rate.

#[cfg(all(loom, test))]
pub(crate) mod loom;

use alloc::sync::Arc;

use super::LeaseSignal;
use super::terms::{LeaseTerms, LeaseUse};
use crate::quota::clock::Clock;
use crate::quota::quota_type::QuotaResource;
use crate::quota::retry::Wait;
use crate::quota::sync::{AtomicU64, Ordering, before_reads, fence, publish, swap, swap_back};
use crate::quota::take::TakeRefused;

/// The bits of a word that count units. The others number the leases; a number comes again after
/// four million windows, for which no thread stands still.
const UNIT_BITS: u32 = 42;
/// A count of as many units or more, which stays until its window is over.
const SATURATED: u64 = (1 << UNIT_BITS) - 1;

/// The value of `low` while the lessor has been told and does not listen yet.
const TOLD: u64 = u64::MAX;

/// The wait of a refusal whose lessor has not said when it will have units: 1 ms.
const SOON: u64 = 1_000_000;

/// The lease of one rate: takes spend it, and one lessor at a time changes it.
///
/// The lessor calls [`begin`](Self::begin) for each window, [`extend`](Self::extend) while it goes
/// on, and [`end`](Self::end) to take back what is left.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct LeasedRate {
    // The words that a take reads and writes fill one line.
    /// The number of the lease, and the units in use. The only word that a grant writes.
    word: AtomicU64,
    /// The number of the lease that is open, and the units leased for it.
    leased: AtomicU64,
    /// The earliest time of a take from the open lease, later than that of any take from the
    /// leases before.
    start: AtomicU64,
    /// The deadline of the open lease.
    until: AtomicU64,
    /// The time at which its window is surely over.
    ends: AtomicU64,
    /// The use from which on the lessor is told, or `TOLD`.
    low: AtomicU64,
    /// The largest take that was refused since the lessor last asked.
    wanted: AtomicU64,
    /// The time at which a refused take may be tried again.
    retry_at: AtomicU64,
    /// The latest time of a take that is later than the clock then was.
    ahead: AtomicU64,
    /// The limit over all hosts, in units of a window.
    limit: AtomicU64,
    resource: QuotaResource,
    signal: Arc<dyn LeaseSignal>,
}

/// Units that were taken from a lease, which may have to be given back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaseTake {
    /// The word after the take: the number of the lease, and the units then in use.
    word: u64,
    n: u64,
}

impl LeasedRate {
    /// The most units of a lease, some 4 · 10¹². Terms that have more are cut to it.
    pub const MOST_UNITS: u64 = SATURATED - 1;

    pub(super) fn new(resource: QuotaResource, signal: Arc<dyn LeaseSignal>) -> Self {
        Self {
            // No lease is open: that of the number 0 is over.
            word: AtomicU64::new(pack(1, 0)),
            leased: AtomicU64::new(pack(0, 0)),
            start: AtomicU64::new(0),
            until: AtomicU64::new(0),
            ends: AtomicU64::new(0),
            low: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            retry_at: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            resource,
            signal,
        }
    }

    /// Begins a window with these units, and ends the one before. Returns the use of that one.
    ///
    /// Debt counts as used in the new window, so no unit is granted before it is paid. `clock` is
    /// the [tracker's](crate::QuotaTracker::clock).
    pub fn begin(&self, terms: LeaseTerms, clock: &Arc<dyn Clock>) -> LeaseUse {
        let (number, before) = self.close();
        // After the swap: no take of an earlier lease has read a later time. The fence pairs with
        // that in `run_ahead`: a take whose time is missed here sees that its lease is over.
        fence(Ordering::SeqCst);
        let latest = self.start.load(Ordering::Relaxed).max(self.ahead.load(Ordering::Relaxed));
        let start = clock.now_ns().max(latest).saturating_add(1);
        // The fence also pairs with the acquire in `start` and in `holds`: a thread that reads this
        // start or this deadline sees the new number in `word`.
        self.start.store(start, Ordering::Relaxed);
        self.ends.store(terms.ends, Ordering::Relaxed);
        self.until.store(terms.until, Ordering::Relaxed);
        // Release pairs with the acquire in `open`: a thread that sees this number sees all of the
        // above.
        self.leased.store(pack(number, terms.units.min(Self::MOST_UNITS)), Ordering::Release);
        publish(&self.word);
        before
    }

    /// Adds units to the window that goes on, and sets a later deadline; an earlier one changes
    /// nothing. Adds nothing if no window is open.
    pub fn extend(&self, terms: LeaseTerms) {
        // Only the lessor writes this word, so its own load is exact. Once the window has ended,
        // its number is an old one, and so no take goes by the stores here.
        let leased = self.leased.load(Ordering::Relaxed);
        self.ends.fetch_max(terms.ends, Ordering::Relaxed);
        self.until.fetch_max(terms.until, Ordering::Release);
        let units = units(leased).saturating_add(terms.units).min(Self::MOST_UNITS);
        self.leased.store(pack(number(leased), units), Ordering::Release);
        publish(&self.word);
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
        let leased = self.open();
        use_of(self.word.load(Ordering::Relaxed), leased)
    }

    /// Sets the time, on the tracker's clock, at which refused takes are to be tried again. If it
    /// is past, they are told to come back in a millisecond.
    pub fn set_retry_at(&self, time: u64) {
        self.retry_at.store(time, Ordering::Relaxed);
    }

    /// Listens for a shortage again, from the take on that brings the use to `low` units or finds
    /// it there, or from the next refusal. Returns the largest amount that was refused since the
    /// last call, 0 for none.
    ///
    /// No refusal is lost: it is either in the result, or is signalled.
    pub fn listen(&self, low: u64) -> u64 {
        // The swap reads from that of `tell`, or precedes it. Acquire pairs with its release: a
        // refusal that was not signalled has stored its amount.
        self.low.swap(low.min(TOLD - 1), Ordering::AcqRel);
        self.wanted.swap(0, Ordering::Relaxed)
    }

    /// Returns the largest amount that was refused since the lessor last
    /// [listened](Self::listen), 0 for none.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Returns whether the lessor was told of a shortage and has not [listened](Self::listen)
    /// since.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.low.load(Ordering::Relaxed) == TOLD
    }

    /// Returns the limit over all hosts.
    pub(super) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets the limit over all hosts before there is a tracker or a lessor.
    pub(super) fn begin_with_limit(&self, units: u64) {
        self.limit.store(units, Ordering::Relaxed);
    }

    /// Sets the limit over all hosts, that of the tracker's quota, to what `limit` returns in the
    /// end, and tells the lessor of a change.
    pub(crate) fn set_limit(&self, limit: impl Fn() -> u64) {
        let mut units = limit();
        // Release and acquire: of two threads that change the quota, the later one to come here
        // sees what the other one has stored there.
        while self.limit.swap(units, Ordering::AcqRel) != units {
            self.tell();
            units = limit();
        }
    }

    /// Takes `n` units, if they are leased. The take counts only if it [holds](Self::holds).
    #[inline]
    pub(crate) fn take(&self, n: u64) -> Option<LeaseTake> {
        let mut from = self.word.load(Ordering::Relaxed);
        loop {
            let word = self.fits(from, n)?;
            match swap(&self.word, from, word) {
                Ok(()) => {
                    before_reads();
                    return Some(LeaseTake { word, n });
                }
                Err(newer) => from = newer,
            }
        }
    }

    /// Reports whether [`take`](Self::take) would take `n` units now.
    #[inline]
    pub(crate) fn has_room(&self, n: u64) -> bool {
        self.fits(self.word.load(Ordering::Relaxed), n).is_some()
    }

    /// Returns the earliest time of a take from this lease.
    #[inline]
    pub(crate) fn start(&self) -> u64 {
        self.start.load(Ordering::Acquire)
    }

    /// Notes the time of a take that may be later than the clock: that at which another lease of
    /// the same take begins. Called before the look at whether the take holds.
    #[cold]
    pub(crate) fn run_ahead(&self, time: u64) {
        self.ahead.fetch_max(time, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Reports whether a take holds: its lease goes on, and `now`, which was read after it, is
    /// before the deadline.
    #[inline]
    pub(crate) fn holds(&self, take: LeaseTake, now: u64) -> bool {
        // Acquire pairs with the fence in `begin`: after a later lease's deadline, the word that
        // is loaded next has that lease's number.
        now < self.until.load(Ordering::Acquire)
            && number(self.word.load(Ordering::Relaxed)) == number(take.word)
    }

    /// Gives back what was taken, unless its lease is over.
    #[cold]
    pub(crate) fn undo(&self, take: LeaseTake) {
        self.give(number(take.word), take.n);
    }

    /// Tells the lessor if a take has brought the use to where it wants to hear of it.
    #[inline]
    pub(crate) fn look_at_use(&self, take: LeaseTake) {
        if units(take.word) >= self.low.load(Ordering::Relaxed) {
            self.tell();
        }
    }

    /// Checks whether `n` units could be taken; if not, `tells` says whether the lessor hears of
    /// it.
    pub(crate) fn peek(
        &self,
        n: u64,
        limit: u64,
        now: u64,
        tells: bool,
    ) -> Result<(), TakeRefused> {
        if self.has_room(n) && now < self.until.load(Ordering::Acquire) {
            return Ok(());
        }
        let wait = if n > limit {
            Wait::NEVER
        } else {
            if tells {
                self.want(n);
            }
            match self.retry_at.load(Ordering::Relaxed).saturating_sub(now) {
                0 => Wait::after(SOON),
                wait => Wait::after(wait),
            }
        };
        Err(TakeRefused { used: self.used(now), limit, wait })
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
        let word = self.update(|word| pack(number(word), units(word).saturating_add(n)));
        if units(word) >= self.low.load(Ordering::Relaxed) {
            self.tell();
        }
    }

    /// Tells the lessor that `n` units are wanted.
    pub(crate) fn want(&self, n: u64) {
        self.wanted.fetch_max(n, Ordering::Relaxed);
        self.tell();
    }

    /// Forgets all debt.
    pub(crate) fn reset(&self) {
        let leased = self.open();
        self.update(|word| word - use_of(word, leased).debt());
    }

    /// Refunds `n` units that were taken at the time `at`, unless their lease is over.
    pub(crate) fn refund(&self, at: u64, n: u64) {
        let leased = self.open();
        if self.start() <= at {
            self.give(number(leased), n);
        }
    }

    /// Reports whether the lease that counted a take at the time `at` goes on at the time `now`.
    pub(crate) fn is_current(&self, at: u64, now: u64) -> bool {
        let leased = self.open();
        self.start() <= at
            && now < self.until.load(Ordering::Acquire)
            && number(self.word.load(Ordering::Relaxed)) == number(leased)
    }

    /// Lets a lessor that adds units, and threads that refund, see later what this one has written.
    pub(crate) fn publish(&self) {
        publish(&self.word);
    }

    /// Tells the lessor that the lease is short, once until it listens again.
    #[cold]
    fn tell(&self) {
        // Release pairs with the acquire in `listen`. Not a load first: a lessor that listens at
        // this moment must read from this swap, or be told.
        if self.low.swap(TOLD, Ordering::AcqRel) != TOLD {
            self.signal.short(self.resource);
        }
    }

    /// Returns the number and units of the lease that was opened last.
    #[inline]
    fn open(&self) -> u64 {
        self.leased.load(Ordering::Acquire)
    }

    /// Returns the word after a take of `n` units, if they are leased.
    #[inline]
    fn fits(&self, word: u64, n: u64) -> Option<u64> {
        let leased = self.open();
        let left = leased.checked_sub(word).filter(|_| number(leased) == number(word))?;
        (n <= left).then(|| word + n)
    }

    /// Ends the lease if one is open: numbers the next one, and begins it with the debt.
    fn close(&self) -> (u64, LeaseUse) {
        let mut word = self.word.load(Ordering::Relaxed);
        let leased = self.leased.load(Ordering::Relaxed);
        loop {
            let usage = use_of(word, leased);
            if number(word) != number(leased) {
                return (number(word), usage);
            }
            let next = pack(number(word).wrapping_add(1), usage.debt());
            match swap_back(&self.word, word, next) {
                Ok(()) => return (number(next), usage),
                Err(newer) => word = newer,
            }
        }
    }

    /// Takes `n` units off the use of a lease, unless it is over or its use is saturated.
    fn give(&self, lease: u64, n: u64) {
        let mut word = self.word.load(Ordering::Relaxed);
        while number(word) == lease && units(word) != SATURATED {
            match swap_back(&self.word, word, pack(lease, units(word).saturating_sub(n))) {
                Ok(()) => return,
                Err(newer) => word = newer,
            }
        }
    }

    /// Changes the word, and returns its new value.
    fn update(&self, change: impl Fn(u64) -> u64) -> u64 {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let changed = change(word);
            match swap(&self.word, word, changed) {
                Ok(()) => return changed,
                Err(newer) => word = newer,
            }
        }
    }
}

/// Returns the use that a word counts; of a lease that is over, all of it is debt.
const fn use_of(word: u64, leased: u64) -> LeaseUse {
    let is_open = number(leased) == number(word);
    LeaseUse { leased: if is_open { units(leased) } else { 0 }, used: units(word) }
}

const fn number(word: u64) -> u64 {
    word >> UNIT_BITS
}

const fn units(word: u64) -> u64 {
    word & SATURATED
}

const fn pack(number: u64, units: u64) -> u64 {
    let units = if units < SATURATED { units } else { SATURATED };
    number << UNIT_BITS | units
}
