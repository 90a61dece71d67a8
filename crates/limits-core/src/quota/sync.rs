//! Atomics: the real ones, or those of the model checker.

#[cfg(not(all(loom, test)))]
pub(crate) use core::sync::atomic::{AtomicU64, Ordering};
#[cfg(all(loom, test))]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

/// Changes a word from one value to another.
///
/// Nothing else is published through the word, so relaxed ordering is enough: its own modification
/// order decides.
///
/// # Errors
///
/// If it has another value (or at times for no reason), returns what it is a little later.
#[inline(always)]
pub(crate) fn swap(word: &AtomicU64, from: u64, to: u64) -> Result<(), u64> {
    match word.compare_exchange_weak(from, to, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => Ok(()),
        Err(_) => Err(later(word)),
    }
}

/// Returns what a word is a little after somebody else was faster.
///
/// To try again at once would take the cache line from a thread that is about to use it: two threads
/// on one word get twice as much done with this. It waits for nobody, whatever the others do.
#[cold]
fn later(word: &AtomicU64) -> u64 {
    /// Some 100 to 400 ns, depending on the processor.
    const PAUSES: u32 = 8;
    // The model checker tries everything that could happen meanwhile anyway.
    if cfg!(not(all(loom, test))) {
        (0..PAUSES).for_each(|_| core::hint::spin_loop());
    }
    word.load(Ordering::Relaxed)
}
