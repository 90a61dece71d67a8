//! The counter of a rate: use within a window.

use crate::quota::sync::{AtomicU64, Ordering, publish, swap, swap_back};
use crate::quota::take::{PlannedPart, TakeRefused};
use crate::quota::window::{Bound, QuickStep, Windows};

/// The use of one rate. Every change is one compare-and-swap of one word.
#[derive(Debug)]
pub(crate) struct Rate {
    /// Window and use; see [`crate::quota::window`].
    word: AtomicU64,
    /// The window in which the limit last changed, and the limit before.
    previous: AtomicU64,
}

impl Rate {
    pub(crate) fn new() -> Self {
        Self { word: AtomicU64::new(0), previous: AtomicU64::new(0) }
    }

    /// Takes `n` units or none in one try, and returns a time in the window that counts them;
    /// `None` if [`take`](Self::take) must decide. `limit` is a [ceiling](Windows::ceiling).
    #[inline(always)]
    pub(crate) fn take_quickly(
        &self,
        windows: Windows,
        now: u64,
        n: u64,
        limit: u64,
    ) -> Option<Result<u64, TakeRefused>> {
        let word = self.word.load(Ordering::Relaxed);
        match windows.step_quickly(word, now, n, limit) {
            QuickStep::Fits { next, start } => {
                swap(&self.word, word, next).ok().map(|()| Ok(now.max(start)))
            }
            QuickStep::Refused(refused) => Some(Err(refused)),
            QuickStep::Unclear => None,
        }
    }

    /// Takes `n` units or none, and returns the number of the window that counts them.
    pub(crate) fn take(
        &self,
        windows: Windows,
        now: u64,
        n: u64,
        limit: u64,
    ) -> Result<u64, TakeRefused> {
        let bound = self.bound(limit);
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let (next, outcome) = windows.step(word, now, n, bound);
            let window = outcome?;
            match swap(&self.word, word, next) {
                Ok(()) => return Ok(window),
                Err(newer) => word = newer,
            }
        }
    }

    /// Returns the refusal of [`take`](Self::take), and writes nothing.
    pub(crate) fn peek(
        &self,
        windows: Windows,
        now: u64,
        n: u64,
        limit: u64,
    ) -> Result<(), TakeRefused> {
        windows.step(self.word.load(Ordering::Relaxed), now, n, self.bound(limit)).1.map(drop)
    }

    /// Returns window and use.
    #[inline(always)]
    pub(crate) fn word(&self) -> u64 {
        self.word.load(Ordering::Relaxed)
    }

    /// Reports whether `n` units fit what was last counted, in whatever window that was.
    #[inline]
    pub(crate) fn has_room(&self, windows: Windows, n: u64, limit: u64) -> bool {
        let (_, used) = windows.unpack(self.word.load(Ordering::Relaxed));
        limit.checked_sub(used).is_some_and(|room| n <= room)
    }

    /// Takes `n` units that [fit](Windows::has_room) a word; returns `false` if it has changed
    /// since.
    #[inline(always)]
    pub(crate) fn carry_out(&self, word: u64, n: u64) -> bool {
        // As planned: within the limit, and so within the bits of the use.
        swap(&self.word, word, word + n).is_ok()
    }

    /// Plans a paced take of between `least` and `most` units.
    pub(crate) fn plan_paced(
        &self,
        windows: Windows,
        now: u64,
        amounts: (u64, u64),
        limit: u64,
    ) -> Result<PlannedPart, TakeRefused> {
        let bound = self.bound(limit);
        windows.step_paced(self.word.load(Ordering::Relaxed), now, amounts, bound)
    }

    /// Takes some units of a planned part; returns `false` if the word has changed since.
    pub(crate) fn carry_out_part(&self, windows: Windows, part: PlannedPart, units: u64) -> bool {
        swap(&self.word, part.from, windows.after(part, units)).is_ok()
    }

    /// Reports whether the window that counted a take at the time `at` goes on at the time `now`.
    pub(crate) fn is_current(&self, windows: Windows, at: u64, now: u64) -> bool {
        let window = self.window(windows);
        windows.is_in(window, at) && windows.is_in(window, now)
    }

    /// Counts `n` units whether they fit or not.
    pub(crate) fn charge(&self, windows: Windows, now: u64, n: u64, limit: u64) {
        let bound = self.bound(limit);
        self.update(|word| Some(windows.charge(word, now, n, bound)));
    }

    /// Refunds `n` units that were taken at the time `at`, unless their window is over.
    pub(crate) fn refund(&self, windows: Windows, at: u64, n: u64) {
        let mut word = self.word.load(Ordering::Relaxed);
        while let Some(next) = windows.refund(word, at, n) {
            match swap_back(&self.word, word, next) {
                Ok(()) => return,
                Err(newer) => word = newer,
            }
        }
    }

    /// Lets threads that refund later see what this one has written.
    pub(crate) fn publish(&self) {
        publish(&self.word);
    }

    /// Sets the use of the window at the time `now`, and all debt, to zero.
    pub(crate) fn reset(&self, windows: Windows, now: u64, limit: u64) {
        let bound = self.bound(limit);
        self.update(|word| Some(windows.pack(windows.read(word, now, bound).0, 0)));
    }

    /// Returns the window at the time `now` and its use.
    pub(crate) fn read(&self, windows: Windows, now: u64, limit: u64) -> (u64, u64) {
        windows.read(self.word.load(Ordering::Relaxed), now, self.bound(limit))
    }

    /// Returns the number of the last window in which units were counted.
    pub(crate) fn window(&self, windows: Windows) -> u64 {
        windows.window(self.word.load(Ordering::Relaxed))
    }

    /// Records that `limit` is about to be replaced, so that use under it does not become debt. The
    /// caller stores the new limit afterwards.
    pub(crate) fn before_change(&self, windows: Windows, now: u64, limit: u64) {
        // Windows that have ended drain at the limit of their time.
        let bound = self.bound(limit);
        self.update(|word| {
            let (window, used) = windows.read(word, now, bound);
            Some(windows.pack(window, used))
        });
        let window = self.window(windows);
        let mut word = self.previous.load(Ordering::Relaxed);
        loop {
            let (changed_in, previous) = windows.unpack(word);
            let largest = if changed_in == window { previous.max(limit) } else { limit };
            // The caller's store of the new limit is the one that releases this.
            match self.previous.compare_exchange_weak(
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

    /// Pairs `limit` with the limit that it replaced. The caller has loaded `limit` with `Acquire`:
    /// a reader that sees the lowered limit then also sees its predecessor.
    fn bound(&self, limit: u64) -> Bound {
        Bound { limit, previous: self.previous.load(Ordering::Relaxed) }
    }

    /// Changes the word, again while other threads change it, until `change` returns `None`.
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
