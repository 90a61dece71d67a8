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

/// The pools of all runtimes that have one. A pool lives as long as an executor whose first runtime
/// is its own, or an execution there.
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

/// The pool of the runtime that an executor ran in first. Clones of the executor share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FairTurns(Arc<OnceLock<Arc<RuntimePool>>>);

/// The pool of the present runtime.
#[derive(Debug)]
pub(crate) enum PoolHere<'a> {
    /// It is that of the executor's first runtime.
    First(&'a RuntimePool),
    /// It was looked up.
    Other(Arc<RuntimePool>),
}

impl FairTurns {
    /// Returns the pool of the present runtime. Without a lock in the runtime of the first call.
    pub(crate) fn here(&self, runtime: &Handle) -> PoolHere<'_> {
        let first = self.0.get_or_init(|| RuntimePool::of(runtime));
        match first.runtime == runtime.id() {
            true => PoolHere::First(first),
            false => PoolHere::Other(RuntimePool::of(runtime)),
        }
    }
}

impl Deref for PoolHere<'_> {
    type Target = RuntimePool;

    fn deref(&self) -> &RuntimePool {
        match self {
            Self::First(pool) => pool,
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
    use std::sync::Arc;

    use tokio::runtime::{Builder, Runtime};

    use super::{FairTurns, PoolHere, RuntimePool};

    fn runtime() -> Runtime {
        Builder::new_multi_thread().worker_threads(3).build().unwrap()
    }

    #[test]
    fn executors_of_one_runtime_share_a_pool_and_runtimes_do_not() {
        let (one, other) = (runtime(), runtime());
        let (first, second) = (FairTurns::default(), FairTurns::default());
        let pools = [
            first.here(one.handle()),
            second.here(one.handle()),
            first.here(other.handle()),
            second.here(other.handle()),
        ];
        let at = pools.each_ref().map(|pool| core::ptr::from_ref::<RuntimePool>(pool));
        assert_eq!(at[0], at[1]);
        assert_eq!(at[2], at[3]);
        assert_ne!(at[0], at[2]);
        assert!(matches!(pools[0], PoolHere::First(_)) && matches!(pools[3], PoolHere::Other(_)));
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
