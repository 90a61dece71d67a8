//! Dropping stores without delaying other tasks.

use core::panic::AssertUnwindSafe;
use std::collections::VecDeque;
use std::panic::catch_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;

use crate::state::HasLimits;

/// Bytes of memory up to which a store is dropped in place: that takes some 0.1 ms.
const QUICK_TO_DROP: u64 = 2 * 1024 * 1024;

/// Threads that drop large stores at once in this process. The kernel frees memory under a lock of
/// the whole process, so more threads would not finish sooner.
const MOST_THREADS: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

/// The stores that wait to be dropped, and the threads that do it.
///
/// # Invariants
///
/// - I8: while a store waits, a thread runs that will drop it. A thread ends only where it has
///   seen, under the lock, that none waits; no place belongs to a future, which might never be
///   polled again.
struct Droppers {
    waiting: VecDeque<Job>,
    threads: usize,
}

static DROPPERS: Mutex<Droppers> = Mutex::new(Droppers { waiting: VecDeque::new(), threads: 0 });

/// Drops a store, on a thread of its own if that takes long.
///
/// Freeing 64 MiB takes the kernel some 4 ms, which is too long on a thread of the runtime, and the
/// runtime's blocking threads may all be busy. The drop is awaited all the same: when an execution
/// has ended, its memory is free. The permit is dropped after the store, so that a caller who stops
/// waiting frees no place early.
pub(crate) async fn drop_store<T: HasLimits + Send + 'static>(
    mut store: Store<T>,
    permit: Option<OwnedSemaphorePermit>,
) {
    let is_quick = store.data_mut().limits().peak_memory_bytes() <= QUICK_TO_DROP;
    // Dropped in this order: the place is free when the memory is.
    let ended = (store, permit);
    if is_quick {
        return;
    }
    let (done, dropped) = tokio::sync::oneshot::channel();
    let runtime = Handle::try_current().ok();
    hand_over(Box::new(move || {
        // The host's data may want its runtime as it is dropped.
        let entered = runtime.as_ref().map(Handle::enter);
        drop(ended);
        drop(entered);
        // Not received if the caller stopped waiting.
        let _ = done.send(());
    }));
    // Fails only if dropping the host's data panics.
    let _ = dropped.await;
}

fn lock() -> MutexGuard<'static, Droppers> {
    // Nothing that can panic happens under the lock.
    DROPPERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hand_over(job: Job) {
    let mut droppers = lock();
    droppers.waiting.push_back(job);
    if droppers.threads == MOST_THREADS {
        return;
    }
    droppers.threads += 1;
    drop(droppers);
    // Without a thread to be had, this one does the work.
    if std::thread::Builder::new().name("limits-drop".into()).spawn(work).is_err() {
        work();
    }
}

/// Drops stores until none waits.
fn work() {
    loop {
        let mut droppers = lock();
        let Some(job) = droppers.waiting.pop_front() else {
            droppers.threads -= 1;
            return;
        };
        drop(droppers);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(job)) {
            // The host's own data panicked as it was dropped, and the panic hook has run. The
            // payload is leaked, since its destructor could panic as well.
            core::mem::forget(panic);
        }
    }
}
