//! Atomics: those of the machine, or those of the model checker.

#[cfg(not(all(loom, test)))]
pub(crate) use core::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(all(loom, test))]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// Changes a word from one value to another.
///
/// Relaxed ordering is enough: the word publishes nothing else, and its own modification order
/// decides.
///
/// # Errors
///
/// If the word has another value, or spuriously, returns its value a little later.
#[inline(always)]
pub(crate) fn swap(word: &AtomicU64, from: u64, to: u64) -> Result<(), u64> {
    match word.compare_exchange_weak(from, to, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => Ok(()),
        Err(_) => Err(later(word)),
    }
}

/// Changes a word as [`swap`] does, for a thread that gives units back.
///
/// Acquire pairs with the release of [`publish`]: the thread sees what a caller wrote before it
/// published to the word, if it changes the word after that.
///
/// # Errors
///
/// As [`swap`].
#[inline(always)]
pub(crate) fn swap_back(word: &AtomicU64, from: u64, to: u64) -> Result<(), u64> {
    match word.compare_exchange_weak(from, to, Ordering::Acquire, Ordering::Relaxed) {
        Ok(_) => Ok(()),
        Err(_) => Err(later(word)),
    }
}

/// Puts what the thread has written before into the word's modification order, and leaves its value
/// as it is. Of two threads that do so, the later one sees what the other one wrote before.
///
/// A read-modify-write, so it is before or after each [`swap_back`] of the word. All other changes
/// of the word are such as well, so those in between pass the release on.
pub(crate) fn publish(word: &AtomicU64) {
    word.fetch_add(0, Ordering::AcqRel);
}

/// Keeps the reads that follow a swap behind it, that of a clock among them.
#[inline(always)]
pub(crate) fn before_reads() {
    // On x86 each swap does so by itself, and a fence would take longer than a take.
    if cfg!(not(any(target_arch = "x86", target_arch = "x86_64"))) {
        fence(Ordering::SeqCst);
    }
}

/// Returns the value of a word a little after a lost race.
///
/// Trying again at once would take the cache line from a thread that is about to use it: two
/// threads on one word get twice as much done with this pause. Its length is fixed, whatever they
/// do.
#[cold]
fn later(word: &AtomicU64) -> u64 {
    /// Some 100 to 400 ns, depending on the processor.
    const PAUSES: u32 = 8;
    // The model checker tries every schedule anyway.
    if cfg!(not(all(loom, test))) {
        (0..PAUSES).for_each(|_| core::hint::spin_loop());
    }
    word.load(Ordering::Relaxed)
}
