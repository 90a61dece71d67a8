//! The host's threads that block for a component.

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn, spawn_blocking};

use crate::quota::Shared;

/// The host's threads that block for a component.
///
/// # Invariants
///
/// - I21: at no time do more threads than `max_blocking_threads` run work of the component, in all
///   its executions together. The permit is acquired before the work is handed to a thread, and
///   moves into it.
/// - I22: work that a thread has begun runs to its end, whatever becomes of the execution. It is
///   one closure that owns all it needs; an execution that is dropped only stops waiting for it.
#[derive(Debug)]
pub(crate) struct BlockingThreads {
    permits: Arc<Semaphore>,
    busy: AtomicU32,
    peak: AtomicU32,
}

impl BlockingThreads {
    pub(crate) fn new(threads: u32) -> Self {
        let most = Semaphore::MAX_PERMITS;
        let permits = usize::try_from(threads).unwrap_or(most).min(most);
        Self {
            permits: Arc::new(Semaphore::new(permits)),
            busy: AtomicU32::new(0),
            peak: AtomicU32::new(0),
        }
    }

    pub(crate) fn peak(&self) -> u32 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// One thread of a component, until dropped.
struct Thread(Arc<BlockingThreads>);

impl Thread {
    fn begin(threads: Arc<BlockingThreads>) -> Self {
        // Counters for people: no other memory depends on them.
        let busy = threads.busy.fetch_add(1, Ordering::Relaxed);
        threads.peak.fetch_max(busy.saturating_add(1), Ordering::Relaxed);
        Self(threads)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place among a component's blocking threads, until the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Place {
    _held: Arc<(Thread, Option<OwnedSemaphorePermit>)>,
}

impl BlockingThreads {
    /// Waits for a place.
    pub(crate) async fn place(self: &Arc<Self>) -> Place {
        // The semaphore is never closed, so there always is a permit.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        Place { _held: Arc::new((Thread::begin(Arc::clone(self)), permit)) }
    }
}

impl Shared {
    /// Runs work that blocks on a thread of the component's, and waits for its result.
    pub(crate) async fn block<R: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> R + Send + 'static,
    ) -> R {
        // The semaphore is never closed, so there always is a permit.
        let permit = Arc::clone(&self.threads.permits).acquire_owned().await.ok();
        self.hand_over(permit, work).await
    }

    /// Starts work that blocks, without waiting for anything.
    pub(crate) fn start<R: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> R + Send + 'static,
    ) -> Work<R> {
        match Arc::clone(&self.threads.permits).try_acquire_owned() {
            Ok(permit) => Work(self.hand_over(Some(permit), work)),
            Err(_) => {
                let shared = Arc::clone(self);
                Work(spawn(async move { shared.block(work).await }))
            }
        }
    }

    fn hand_over<R: Send + 'static>(
        self: &Arc<Self>,
        permit: Option<OwnedSemaphorePermit>,
        work: impl FnOnce(&Self) -> R + Send + 'static,
    ) -> AbortOnDropJoinHandle<R> {
        // The component's directories stay locked until the work is done.
        let shared = Arc::clone(self);
        spawn_blocking(move || {
            let _permit = permit;
            let _thread = Thread::begin(Arc::clone(&shared.threads));
            work(&shared)
        })
    }
}

/// Work that was started; dropped before it has begun, it never begins.
#[derive(Debug)]
pub(crate) struct Work<R>(AbortOnDropJoinHandle<R>);

impl<R> Future for Work<R> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        Pin::new(&mut self.0).poll(cx)
    }
}
