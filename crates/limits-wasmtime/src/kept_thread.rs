//! The time that a thread runs executions without a trip through the runtime.
//!
//! An execution that ends in its first pass returns to its caller and not to the runtime. A task
//! that runs one after another would keep its thread for ever: timers, I/O and other tasks would
//! wait. So an execution that begins after a slice's length of such others goes to the runtime
//! first. It does so before it takes anything: no clock of its runs yet.

use core::cell::Cell;

use crate::crowd::SLICE;
use crate::moment::nanos;

/// The time that one counts for which was stopped, whose passes may all have been short: its store
/// was made and dropped.
pub(crate) const OF_STOPPED: u64 = 10_000;

thread_local! {
    /// Nanoseconds of the passes on this thread in which executions ended, since one went to the
    /// runtime. The host's tasks may have gone there meanwhile: a trip more than needed.
    static KEPT: Cell<u64> = const { Cell::new(0) };
}

/// Notes so many nanoseconds of a pass in which an execution ended.
#[inline]
pub(crate) fn add(ran: u64) {
    KEPT.set(KEPT.get().saturating_add(ran));
}

/// Goes to the runtime if executions have kept the thread for a slice or more.
#[inline]
pub(crate) async fn go_if_due() {
    if KEPT.get() >= nanos(SLICE) {
        tokio::task::yield_now().await;
        // Not before: the other executions of the task are to go to the runtime, too.
        KEPT.set(0);
    }
}
