//! The slots of one runtime, and their pools by runtime.

use core::cell::Cell;
use core::num::NonZeroUsize;
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use limits_fair::Pool;
use tokio::runtime::{Handle, Id};

use crate::moment::Moment;

/// The time between two looks for slots whose holders do not come back.
const INSPECTION: Duration = Duration::from_millis(2);

/// The slots of one runtime: as many as it has workers.
#[derive(Debug)]
pub(crate) struct RuntimePool {
    runtime: Id,
    pool: Pool,
    /// A task inspects the pool.
    is_watched: AtomicBool,
    this: Weak<Self>,
}

/// The pools of all runtimes that have one. A pool lives as long as an executor that knows it, or
/// an execution there.
static POOLS: Mutex<Vec<Weak<RuntimePool>>> = Mutex::new(Vec::new());

impl RuntimePool {
    /// Returns the pool of a runtime: one for all executors.
    fn of(runtime: &Handle) -> Arc<Self> {
        let id = runtime.id();
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        let found = pools.iter().filter_map(Weak::upgrade).find(|pool| pool.runtime == id);
        found.unwrap_or_else(|| {
            let workers = runtime.metrics().num_workers();
            let pool = Pool::new(NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN));
            let made = Arc::new_cyclic(|this| Self {
                runtime: id,
                pool,
                is_watched: AtomicBool::new(false),
                this: this.clone(),
            });
            pools.retain(|pool| pool.strong_count() > 0);
            pools.push(made.this.clone());
            made
        })
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Sees to it that a task of the runtime inspects the pool while a seat waits. To be called
    /// after a seat has begun to wait.
    pub(crate) fn watch(&self) {
        // Acquire and release: either the task that ends reads what the waiter wrote before, and
        // inspects once more, or the waiter reads that it has ended, and starts another.
        if self.is_watched.swap(true, Ordering::AcqRel) {
            return;
        }
        let watch = Watch(self.this.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(INSPECTION).await;
                let Some(pool) = watch.0.upgrade() else { return };
                if pool.inspect() {
                    continue;
                }
                pool.is_watched.swap(false, Ordering::AcqRel);
                if !pool.inspect() || pool.is_watched.swap(true, Ordering::AcqRel) {
                    watch.end();
                    return;
                }
            }
        });
    }

    fn inspect(&self) -> bool {
        self.pool.inspect(Moment::now().as_nanos())
    }
}

/// The task that inspects a pool. One that is dropped before its end, since its runtime ends, lets
/// another begin.
#[derive(Debug)]
struct Watch(Weak<RuntimePool>);

impl Watch {
    /// Ends where the pool is not watched any longer, or by another.
    fn end(mut self) {
        self.0 = Weak::new();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.is_watched.store(false, Ordering::Release);
        }
    }
}

/// The runtimes of an executor whose pools it knows.
const KNOWN_RUNTIMES: usize = 8;

/// The pools of the runtimes that an executor ran in first. Clones of the executor share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct FairTurns(Arc<[OnceLock<Arc<RuntimePool>>; KNOWN_RUNTIMES]>);

/// The pool of the present runtime.
#[derive(Debug)]
pub(crate) enum PoolHere<'a> {
    /// The executor knows it.
    Known(&'a RuntimePool),
    /// It was looked up.
    Other(Arc<RuntimePool>),
}

impl FairTurns {
    /// Returns the pool of the present runtime. Without a lock, and without a write that threads
    /// share, in the runtimes of the first calls.
    pub(crate) fn here(&self, runtime: &Handle) -> PoolHere<'_> {
        let id = runtime.id();
        for place in &*self.0 {
            let known = place.get_or_init(|| RuntimePool::of(runtime));
            if known.runtime == id {
                return PoolHere::Known(known);
            }
        }
        PoolHere::Other(RuntimePool::of(runtime))
    }
}

impl Deref for PoolHere<'_> {
    type Target = RuntimePool;

    fn deref(&self) -> &RuntimePool {
        match self {
            Self::Known(pool) => pool,
            Self::Other(pool) => pool,
        }
    }
}

/// Returns a number for this thread. The threads of a small runtime have different ones.
pub(crate) fn number_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        // Relaxed: only the number itself is shared.
        static NUMBER: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use tokio::runtime::{Builder, Runtime};

    use super::{FairTurns, KNOWN_RUNTIMES, PoolHere, RuntimePool};

    fn runtime() -> Runtime {
        Builder::new_multi_thread().worker_threads(3).build().unwrap()
    }

    #[test]
    fn executors_of_one_runtime_share_a_pool_and_runtimes_do_not() {
        let runtimes = [(); KNOWN_RUNTIMES + 2].map(|()| runtime());
        let executors = [FairTurns::default(), FairTurns::default()];
        let pools = executors
            .each_ref()
            .map(|executor| runtimes.each_ref().map(|runtime| executor.here(runtime.handle())));
        let at = |pool: &PoolHere<'_>| core::ptr::from_ref::<RuntimePool>(pool);
        let at = pools.each_ref().map(|pools| pools.each_ref().map(at));
        assert_eq!(at[0], at[1]);
        let different: HashSet<_> = at[0].iter().collect();
        assert_eq!(different.len(), runtimes.len());
        let known = pools[0].iter().filter(|pool| matches!(pool, PoolHere::Known(_)));
        assert_eq!(known.count(), KNOWN_RUNTIMES);
        for (runtime, at) in runtimes.iter().zip(at[0]) {
            assert_eq!(at, core::ptr::from_ref(&*executors[0].here(runtime.handle())), "again");
        }
    }

    #[test]
    fn a_pool_ends_with_its_executors() {
        let runtime = runtime();
        let turns = FairTurns::default();
        let pool = RuntimePool::of(runtime.handle());
        assert!(core::ptr::eq(&raw const *turns.here(runtime.handle()), Arc::as_ptr(&pool)));
        let weak = Arc::downgrade(&pool);
        drop((pool, turns));
        assert!(weak.upgrade().is_none());
    }
}
