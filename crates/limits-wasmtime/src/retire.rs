//! Dropping stores without holding up others.

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;

use crate::state::HasLimits;

/// Stores with at most this much memory are dropped where they are: that takes some 0.1 ms.
const QUICK_TO_DROP: u64 = 2 * 1024 * 1024;

/// Threads that drop large stores at once in this process. The kernel gives memory back under a
/// lock of the whole process, so more threads would not be done sooner.
const MOST_DROPPERS: usize = 4;

static DROPPERS: Semaphore = Semaphore::const_new(MOST_DROPPERS);

/// Drops a store, on a thread of its own if that takes long.
///
/// Giving 64 MiB back to the kernel takes some 4 ms, which is too long on a thread that others
/// wait for, and the runtime's blocking threads may all be busy. It is awaited all the same:
/// when an execution has ended, its memory is free. The permit goes along, so that a caller who
/// stops waiting does not win room by it.
pub(crate) async fn retire<T: HasLimits + Send + 'static>(
    mut store: Store<T>,
    permit: Option<OwnedSemaphorePermit>,
) {
    if store.data_mut().limits().peak_memory_bytes() <= QUICK_TO_DROP {
        drop(store);
        drop(permit);
        return;
    }
    // Never closed, so there is always a place in the end. A caller who stops waiting for it drops
    // the store where it is.
    let place = DROPPERS.acquire().await;
    let (done, dropped) = tokio::sync::oneshot::channel();
    let drop_it = move || {
        drop(store);
        drop(permit);
        drop(place);
        // Not received if the caller stopped waiting.
        let _ = done.send(());
    };
    // Without a thread to be had, the closure is dropped here, and the store with it.
    if std::thread::Builder::new().name("limits-drop".into()).spawn(drop_it).is_ok() {
        // Fails only if dropping the host's data panics.
        let _ = dropped.await;
    }
}
