//! The slots of a pool, a word each.
//!
//! A word says whether the slot is held, whether a seat waits, and since when it is held. While
//! no seat waits, taking and giving back are one compare-and-swap on one word. Once a seat waits,
//! every word says so, and the holder must ask the queue; only the thread that has the queue's lock
//! writes words that say so.
//!
//! A holder loses its slot only when it is overdue, so the time in the word tells it from the next.
//!
//! # Invariants
//!
//! - I5: a slot that is free is taken before a seat waits.
//! - I6: a holder whose slot was taken away cannot give it back, renew it, or pass it on.

use crate::sync::{AtomicU64, Ordering};

const FREE: u64 = 0;
const HELD: u64 = 1;
const WANTED: u64 = 1 << 1;
/// The other bits are the time: 2^62 ns are 146 years.
const TIME_SHIFT: u32 = 2;

/// A held slot, as its holder knows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Held {
    slot: usize,
    word: u64,
}

impl Held {
    /// Tells whether two are the same slot of the same holder.
    pub(crate) const fn is_same(self, other: Self) -> bool {
        self.slot == other.slot && (self.word ^ other.word) & !WANTED == 0
    }
}

/// One slot on a cache line of its own, or two of processors that fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Slot(AtomicU64);

/// The slots of a pool.
#[derive(Debug)]
pub(crate) struct Slots(Box<[Slot]>);

/// Whether a slot was given back or renewed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Swap {
    Done,
    /// A seat waits, or the slot is no longer the holder's.
    AskTheQueue,
}

/// Returns the word of a slot that is held since a time.
const fn held_since(time: u64) -> u64 {
    time << TIME_SHIFT | HELD
}

impl Slots {
    pub(crate) fn new(count: usize) -> Self {
        Self((0..count).map(|_| Slot(AtomicU64::new(FREE))).collect())
    }

    /// Takes a free slot, if there is one, beginning at that of a number.
    pub(crate) fn try_take(&self, from: usize, now: u64) -> Option<Held> {
        let count = self.0.len();
        (0..count).find_map(|step| self.try_take_one((from % count + step) % count, now))
    }

    fn try_take_one(&self, slot: usize, now: u64) -> Option<Held> {
        let cell = &self.0[slot].0;
        // Relaxed: the swap decides.
        if cell.load(Ordering::Relaxed) != FREE {
            return None;
        }
        let word = held_since(now);
        // Acquire and release: what was done under the slot happens before what its next holder
        // does. A failure is a race that another has won: its caller tries elsewhere, or queues.
        cell.compare_exchange(FREE, word, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
            .then_some(Held { slot, word })
    }

    /// Gives a slot back, unless a seat waits.
    pub(crate) fn give_back(&self, held: Held) -> Swap {
        match self.swap(held, FREE) {
            Some(_) => Swap::Done,
            None => Swap::AskTheQueue,
        }
    }

    /// Keeps a slot for one more turn, unless a seat waits.
    pub(crate) fn renew(&self, held: &mut Held, now: u64) -> Swap {
        let word = held_since(now);
        match self.swap(*held, word) {
            Some(word) => {
                held.word = word;
                Swap::Done
            }
            None => Swap::AskTheQueue,
        }
    }

    /// Replaces the word of a slot if it is as its holder knows it: no seat waits, and it is its.
    fn swap(&self, held: Held, word: u64) -> Option<u64> {
        let cell = &self.0[held.slot].0;
        // As in `try_take_one`.
        cell.compare_exchange(held.word & !WANTED, word, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
            .then_some(word)
    }

    /// With the queue's lock: takes a free slot, or lets all say that a seat waits.
    pub(crate) fn take_or_want(&self, now: u64) -> Option<Held> {
        (0..self.0.len()).find_map(|slot| {
            loop {
                if let Some(held) = self.try_take_one(slot, now) {
                    return Some(held);
                }
                let cell = &self.0[slot].0;
                let old = cell.load(Ordering::Relaxed);
                if old == FREE {
                    continue;
                }
                // Acquire and release, as in `try_take_one`: a holder that reads the bit then
                // takes the lock, which orders the rest.
                let wanted =
                    cell.compare_exchange(old, old | WANTED, Ordering::AcqRel, Ordering::Relaxed);
                if wanted.is_ok() {
                    return None;
                }
            }
        })
    }

    /// With the queue's lock: reports whether a slot is still its holder's.
    pub(crate) fn is_held(&self, held: Held) -> bool {
        let word = self.0[held.slot].0.load(Ordering::Acquire);
        held.is_same(Held { slot: held.slot, word })
    }

    /// With the queue's lock: gives a slot that is still its holder's to another holder.
    pub(crate) fn pass_on(&self, held: Held, now: u64, is_wanted: bool) -> Held {
        let wanted = if is_wanted { WANTED } else { 0 };
        // Later than the last holder's, whatever time the caller gives: no two words are the same.
        let now = now.max((held.word >> TIME_SHIFT) + 1);
        let word = held_since(now) | wanted;
        // Release pairs with the acquire of the next swap. A plain store is enough: its holder is
        // the caller, or cannot swap since the word says that a seat waits.
        self.0[held.slot].0.store(word, Ordering::Release);
        Held { slot: held.slot, word }
    }

    /// With the queue's lock, while no seat waits: frees a slot that is still its holder's.
    pub(crate) fn set_free(&self, held: Held) {
        // As in `pass_on`.
        self.0[held.slot].0.store(FREE, Ordering::Release);
    }

    /// Reports whether a seat waits, as far as is known without the lock.
    pub(crate) fn is_wanted(&self) -> bool {
        // Relaxed: a seat that begins to wait just now is as good as one that comes later.
        self.0.iter().any(|cell| cell.0.load(Ordering::Relaxed) & WANTED != 0)
    }

    /// Returns the number of free slots.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.0.iter().filter(|cell| cell.0.load(Ordering::Acquire) == FREE).count()
    }

    /// With the queue's lock: returns the slots that were held for longer than a time.
    pub(crate) fn held_for(&self, time: u64, now: u64) -> impl Iterator<Item = Held> {
        self.0.iter().enumerate().filter_map(move |(slot, cell)| {
            let word = cell.0.load(Ordering::Acquire);
            let is_overdue = now.saturating_sub(word >> TIME_SHIFT) > time;
            (word != FREE && is_overdue).then_some(Held { slot, word })
        })
    }
}
