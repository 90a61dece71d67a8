//! The time that a thread runs executions without a trip through the runtime.
//!
//! An execution that ends in its first pass returns to its caller and not to the runtime. A task
//! that runs one after another would keep its thread for ever: timers, I/O and other tasks would
//! wait. So an execution that begins after a slice's length of such others goes to the runtime
//! first. It does so before it takes anything: no clock of its runs yet.

use core::cell::Cell;

use tokio::runtime::Handle;

use crate::crowd::SLICE;
use crate::moment::nanos;

/// The time that one counts for which was stopped, whose passes may all have been short: its store
/// was made and dropped.
pub(crate) const OF_STOPPED: u64 = 10_000;

thread_local! {
    /// Nanoseconds of the passes on this thread in which executions ended, since one went to the
    /// runtime. The host's tasks may have gone there meanwhile: a trip more than needed.
    static KEPT: Cell<u64> = const { Cell::new(0) };
    /// The number of times that `KEPT` was set back.
    static TRIPS: Cell<u64> = const { Cell::new(0) };
}

/// Notes so many nanoseconds of a pass in which an execution ended.
#[inline]
pub(crate) fn add(ran: u64) {
    KEPT.set(KEPT.get().saturating_add(ran));
}

/// Tells whether executions have kept the thread for a slice or more. The next one then calls
/// [`go`] before it takes anything.
#[inline]
pub(crate) fn is_due() -> bool {
    KEPT.get() >= nanos(SLICE)
}

/// Goes to the runtime, where [`is_due`] says so; the thread then has a new slice.
///
/// Where a task has many executions at once, all of them go, and the first one that comes back
/// begins a new slice. Each of the others runs once before it goes again: none waits for ever.
#[cold]
pub(crate) async fn go() {
    // Outside of a runtime the caller is to hear of that at once.
    if Handle::try_current().is_ok() {
        let trips = TRIPS.get();
        tokio::task::yield_now().await;
        if TRIPS.get() == trips {
            TRIPS.set(trips.wrapping_add(1));
            KEPT.set(0);
        }
    }
}
