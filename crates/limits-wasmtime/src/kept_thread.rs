//! The time that a thread runs executions without a trip through the runtime.
//!
//! An execution that ends in its first pass returns to its caller and not to the runtime. A task
//! that runs one after another would keep its thread for ever: timers, I/O and other tasks would
//! wait. So an execution that begins after a slice's length of such others goes to the runtime
//! first.

use core::cell::Cell;

use crate::crowd::SLICE;
use crate::moment::nanos;

thread_local! {
    /// Nanoseconds of the passes on this thread in which executions ended, since a driver last went
    /// to the runtime. The host's tasks may have gone there meanwhile: a trip more than needed.
    static KEPT: Cell<u64> = const { Cell::new(0) };
}

/// Notes a pass in which an execution ended.
#[inline]
pub(crate) fn add(ran: u64) {
    KEPT.set(KEPT.get().saturating_add(ran));
}

/// Notes that the thread goes to the runtime.
#[inline]
pub(crate) fn reset() {
    KEPT.set(0);
}

/// Tells whether executions have kept the thread for a slice or more.
#[inline]
pub(crate) fn is_due() -> bool {
    KEPT.get() >= nanos(SLICE)
}
