//! The choices of a host for all executions of an executor.

use core::num::NonZeroUsize;
use std::sync::Arc;

use limits_core::StructureLimits;
use tokio::sync::Semaphore;

use crate::executor::ComponentExecutor;
use crate::runtime_pool::FairTurns;

impl ComponentExecutor {
    /// Bounds the number of executions that run at once. One more fails with
    /// [`HostBusy`](limits_core::WasmError::HostBusy).
    ///
    /// It does not wait: a queue inside the executor would grow without a bound, and its waiting
    /// time would count against no deadline. A host that prefers to wait acquires a permit of a
    /// `tokio::sync::Semaphore` of the same size before each execution.
    #[must_use]
    pub fn with_max_concurrent(mut self, most: NonZeroUsize) -> Self {
        let most = most.get().min(Semaphore::MAX_PERMITS);
        self.running = Some((Arc::new(Semaphore::new(most)), most));
        self
    }

    /// Gives the next slice to the guest that was served least, of all that can run.
    ///
    /// Without this call, guests that can run have their slices in turn, of whatever component: a
    /// component with two hundred executions has two hundred times the share of one with one, and
    /// every guest waits for two hundred slices. With it, members of the host share its threads by
    /// their weights, each member's components share what the member is given, and their
    /// executions share that: see [`LimitState::with_share`](crate::LimitState::with_share). Time
    /// that one does not want goes to the others. A member that comes after a pause is served
    /// before those that were served more.
    ///
    /// As many guests run at once as the tokio runtime has workers. All executors of a runtime that
    /// have fair slices share them; guests of other executors are not part of it, nor are the
    /// host's own tasks. A guest holds its slot while it runs, and gives it back while a host
    /// function waits. One whose host function blocks its thread for some 10 ms loses its slot
    /// meanwhile, so that others run if the runtime has a thread for them; the time that it blocks
    /// is charged to its share, as time that it runs. Beyond the first eight runtimes that an
    /// executor runs in, each execution looks up the slots of its runtime under a lock.
    #[must_use]
    pub fn with_fair_slices(mut self) -> Self {
        self.fair = Some(FairTurns::default());
        self
    }

    /// Sets the most fuel that a guest burns between two looks at the clock: at least 1 000 units,
    /// default 50 000.
    ///
    /// Looks come after some 75 µs of running, and sooner where the guest would burn more fuel than
    /// this in that time. At the default, a tight loop is looked at every 3 to 6 µs, which costs up
    /// to a tenth of its time; with a million a few hundredths. In return, a hostile
    /// guest that turns from the cheapest instructions to the most expensive ones keeps its thread
    /// from the other tasks of the runtime for up to 240 ns a unit: 12 ms at the default, 0.2 s
    /// with a million. Deadlines do not depend on it: near one, looks are frequent.
    #[must_use]
    pub const fn with_longest_interval(mut self, fuel: u64) -> Self {
        self.longest_interval = fuel;
        self
    }

    /// Bounds the structure of components, checked before they are compiled. The defaults let
    /// through the components of common toolchains.
    #[must_use]
    pub const fn with_structure_limits(mut self, limits: StructureLimits) -> Self {
        self.structure_limits = limits;
        self
    }
}
