//! The handle that stops one execution from another task.

use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;
use std::sync::Arc;
use std::task::Wake;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::slice_clock::SliceClock;
use crate::yield_waker::YieldWaker;

/// Stops one execution, and no other, from any task or thread.
///
/// Taken from a [`LimitState`](crate::LimitState) before it is handed to the executor. Cloning
/// gives another handle on the same execution.
///
/// A spinning guest stops within one slice, a guest that waits in an async host function at
/// once. A synchronous host function that blocks cannot be interrupted.
///
/// Not built on `tokio_util::sync::CancellationToken`: that locks a mutex each time it is asked
/// whether it is cancelled, and the guest is asked at each return from the host.
#[derive(Clone, Debug)]
pub struct CancelHandle {
    shared: Arc<Shared>,
}

/// The words that a store's hook, its driver and other tasks share.
#[derive(Debug)]
struct Shared {
    cancelled: AtomicBool,
    changed: Notify,
    /// Here, since the driver knows by the handle that it shares the store's words.
    clock: SliceClock,
    /// Here, since a cell of its own would double the price of the handle of a short execution.
    yields: YieldWaker,
    /// The waker is taken.
    waker_taken: AtomicBool,
}

/// Wakes the store's first execution.
impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.yields.wake_up();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.yields.wake_up();
    }
}

impl CancelHandle {
    pub(crate) fn new() -> Self {
        let shared = Shared {
            cancelled: AtomicBool::new(false),
            changed: Notify::new(),
            clock: SliceClock::new(),
            yields: YieldWaker::new(),
            waker_taken: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Stops the execution. It ends with
    /// [`WasmError::Cancelled`](limits_core::WasmError::Cancelled), unless it has ended by then.
    ///
    /// Cancelling is for good: a store whose handle is cancelled between two calls is not
    /// entered again.
    pub fn cancel(&self) {
        // Release pairs with the Acquire in `is_cancelled`: a thread that sees the cancellation
        // also sees all that came before it.
        self.shared.cancelled.store(true, Ordering::Release);
        self.shared.changed.notify_waiters();
    }

    /// Tells whether [`cancel`](Self::cancel) was called.
    #[must_use]
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Acquire)
    }

    /// Tells whether both handles are of the same execution.
    #[inline]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Returns a future that ends when `cancel` is called after this moment. Look at
    /// `is_cancelled` after it is created, so that no cancellation falls between the two.
    pub(crate) fn cancelled(&self) -> Notified<'_> {
        self.shared.changed.notified()
    }

    /// Returns the waker for the store's first execution, once.
    #[inline]
    pub(crate) fn take_waker(&self) -> Option<Waker> {
        // Relaxed: of all swaps one finds it untaken, and nothing else is published by it.
        let is_taken = self.shared.waker_taken.swap(true, Ordering::Relaxed);
        (!is_taken).then(|| Waker::from(Arc::clone(&self.shared)))
    }

    /// Returns the state of that waker.
    #[inline]
    pub(crate) fn yields(&self) -> &YieldWaker {
        &self.shared.yields
    }

    /// Returns the clock of the store's executions.
    #[inline]
    pub(crate) fn clock(&self) -> &SliceClock {
        &self.shared.clock
    }
}
