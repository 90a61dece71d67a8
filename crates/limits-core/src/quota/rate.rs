//! A use that is counted per period.

use crate::quota::sync::{AtomicU64, Ordering, swap};
use crate::quota::window::{Bound, Planned, Quick, Refusal, Verdict, Windows};

/// The use of one rate.
///
/// Every change is one compare-and-swap of one word.
#[derive(Debug)]
pub(crate) struct Rate {
    /// Window and use; see [`crate::quota::window`].
    word: AtomicU64,
    /// The window in which the limit last fell, and what it was before.
    before: AtomicU64,
}

impl Rate {
    /// Returns a rate of which nothing is used.
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(0), before: AtomicU64::new(0) }
    }

    /// Takes `n` units or none in one try, and returns a time in the window they were counted in;
    /// `None` if that takes [`take`](Self::take).
    #[inline(always)]
    pub(crate) fn take_quickly(
        &self,
        windows: Windows,
        now: u64,
        n: u64,
        limit: u64,
    ) -> Option<Result<u64, Refusal>> {
        let word = self.word.load(Ordering::Relaxed);
        match windows.quick(word, now, n, limit) {
            Quick::Fits { next, start } => {
                swap(&self.word, word, next).ok().map(|()| Ok(now.max(start)))
            }
            Quick::Refused(refusal) => Some(Err(refusal)),
            Quick::Unclear => None,
        }
    }

    /// Takes `n` units or none, and returns the number of the window they were counted in.
    pub(crate) fn take(
        &self,
        windows: Windows,
        now: u64,
        n: u64,
        limit: u64,
    ) -> Result<u64, Refusal> {
        let bound = self.bound(limit);
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let (next, verdict) = windows.step(word, now, n, bound);
            let window = match verdict {
                Verdict::Granted(window) => window,
                Verdict::Refused(refusal) => return Err(refusal),
            };
            match swap(&self.word, word, next) {
                Ok(()) => return Ok(window),
                Err(newer) => word = newer,
            }
        }
    }

    /// Tells what [`take`](Self::take) would refuse, and writes nothing.
    pub(crate) fn peek(
        &self,
        windows: Windows,
        now: u64,
        n: u64,
        limit: u64,
    ) -> Result<(), Refusal> {
        match windows.step(self.word.load(Ordering::Relaxed), now, n, self.bound(limit)).1 {
            Verdict::Granted(_) => Ok(()),
            Verdict::Refused(refusal) => Err(refusal),
        }
    }

    /// Returns the word before and after taking `n` units in the window of `now`, if they fit
    /// there and the window has begun before.
    #[inline(always)]
    pub(crate) fn plan(&self, windows: Windows, now: u64, n: u64, limit: u64) -> Option<Planned> {
        let from = self.word.load(Ordering::Relaxed);
        match windows.quick(from, now, n, limit) {
            Quick::Fits { next: to, start } if start <= now => Some(Planned { from, to }),
            _ => None,
        }
    }

    /// Does what was planned, unless something has changed since.
    #[inline(always)]
    pub(crate) fn carry_out(&self, planned: Planned) -> bool {
        planned.is_nothing() || swap(&self.word, planned.from, planned.to).is_ok()
    }

    /// Counts `n` units whether they fit or not.
    pub(crate) fn charge(&self, windows: Windows, now: u64, n: u64, limit: u64) {
        let bound = self.bound(limit);
        self.update(|word| Some(windows.charge(word, now, n, bound)));
    }

    /// Gives `n` units back that were taken at the time `at`, unless that window is over.
    pub(crate) fn refund(&self, windows: Windows, at: u64, n: u64) {
        self.update(|word| windows.refund(word, at, n));
    }

    /// Forgets the use of the window at the time `now`, and all debt.
    pub(crate) fn reset(&self, windows: Windows, now: u64, limit: u64) {
        let bound = self.bound(limit);
        self.update(|word| Some(windows.pack(windows.read(word, now, bound).0, 0)));
    }

    /// Returns the window at the time `now` and its use.
    pub(crate) fn read(&self, windows: Windows, now: u64, limit: u64) -> (u64, u64) {
        windows.read(self.word.load(Ordering::Relaxed), now, self.bound(limit))
    }

    /// Returns the number of the last window in which something was counted.
    pub(crate) fn window(&self, windows: Windows) -> u64 {
        windows.window(self.word.load(Ordering::Relaxed))
    }

    /// Prepares for another limit: what was used under `limit` must not become debt.
    ///
    /// To be called before the new limit is stored.
    pub(crate) fn before_change(&self, windows: Windows, now: u64, limit: u64) {
        // Windows that have ended drain at the limit that was in force then.
        let bound = self.bound(limit);
        self.update(|word| {
            let (window, used) = windows.read(word, now, bound);
            Some(windows.pack(window, used))
        });
        let window = self.window(windows);
        let mut word = self.before.load(Ordering::Relaxed);
        loop {
            let (fell_in, before) = windows.unpack(word);
            let largest = if fell_in == window { before.max(limit) } else { limit };
            // The store of the new limit, which follows, is the one that releases this.
            match self.before.compare_exchange_weak(
                word,
                windows.pack(window, largest),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
    }

    /// Adds to a limit what is known about an earlier one. The limit must have been loaded first,
    /// with acquire: whoever sees a lower limit then sees what it was before.
    fn bound(&self, limit: u64) -> Bound {
        Bound { limit, before: self.before.load(Ordering::Relaxed) }
    }

    /// Changes the word until it sticks or `change` has nothing to change.
    fn update(&self, change: impl Fn(u64) -> Option<u64>) {
        let mut word = self.word.load(Ordering::Relaxed);
        while let Some(next) = change(word) {
            match swap(&self.word, word, next) {
                Ok(()) => return,
                Err(newer) => word = newer,
            }
        }
    }
}
