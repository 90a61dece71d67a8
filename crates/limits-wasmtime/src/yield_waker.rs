//! The waker that distinguishes a guest that yielded from a guest that waits.

use core::sync::atomic::{AtomicBool, AtomicU8, Ordering, fence};
use core::task::Waker;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use crate::cancel::CancelHandle;

/// The guest is polled, or was and did not have to wait; no wake has come since `begin`.
const POLLED: u8 = 0;
/// A wake has come since `begin`.
const WOKEN: u8 = 1;
/// The guest waits; the next wake is for the task.
const WAITING: u8 = 2;

/// A waker that stands between the guest's future and the runtime's task.
///
/// Wasmtime's fuel yield wakes its own task before it returns `Pending`; a future that waits for an
/// event does not. While the guest is polled, a wake is only noted, so that the driver can poll
/// again without a trip through the runtime. At any other time it wakes the task.
///
/// A guest that ends or yields without waiting costs no lock, and its task's waker is not cloned.
///
/// # Invariants
///
/// - I1: a wake that comes between `begin` and `is_woken` is reported by that `is_woken`, and one
///   that comes later wakes the task given last and is reported by the next. None is lost: both
///   sides decide by one atomic word, and the task is in its place before the word says `WAITING`.
#[derive(Debug)]
pub(crate) struct YieldWaker {
    /// `POLLED`, `WOKEN` or `WAITING`.
    state: AtomicU8,
    /// Written by the driver before or while the state is `WAITING`, taken by the wake that ends
    /// that state.
    task: Mutex<Option<Waker>>,
    /// A guest has waited, so `task` may be there. Of the driver alone.
    has_waited: AtomicBool,
}

impl YieldWaker {
    pub(crate) const fn new() -> Self {
        Self {
            state: AtomicU8::new(POLLED),
            task: Mutex::new(None),
            has_waited: AtomicBool::new(false),
        }
    }

    /// Opens a poll of the guest.
    #[inline]
    fn begin(&self) {
        // Acquire pairs with the Release in `wake_up`: the poll that answers a wake sees all
        // that came before the wake. A wake that comes between the two lines stays or is answered
        // by this poll.
        if self.state.load(Ordering::Acquire) != POLLED {
            self.state.swap(POLLED, Ordering::Acquire);
        }
    }

    /// Returns whether the guest was woken since the last `begin`. If not, a later wake is for
    /// `task`.
    fn is_woken(&self, task: &Waker) -> bool {
        if self.state.load(Ordering::Acquire) == WOKEN {
            return true;
        }
        let mut known = self.lock();
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
        // A wake that finds `WAITING` takes the task under the lock that is held here: it is either
        // seen here, or takes the task of this call. Release pairs with the Acquire in
        // `wake_up`, for the wake that comes first after the poll.
        let waits =
            self.state.compare_exchange(POLLED, WAITING, Ordering::AcqRel, Ordering::Acquire);
        waits == Err(WOKEN)
    }

    /// Notes a wake, or wakes the task of a guest that waits.
    pub(crate) fn wake_up(&self) {
        // A storm of wakes wakes the task once until the guest waits again.
        if self.state.swap(WOKEN, Ordering::AcqRel) == WAITING {
            let task = self.lock().take();
            if let Some(task) = task {
                task.wake();
            }
        }
    }

    /// Forgets the task. To be called where the driver is gone: a later wake is for none.
    fn forget_task(&self) {
        // Relaxed: written by the driver.
        if self.has_waited.load(Ordering::Relaxed) {
            let task = self.lock().take();
            drop(task);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        // The lock is never held across a call that can panic except those of `Waker`; the place
        // is valid at every point in between.
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for YieldWaker {
    fn wake(self: Arc<Self>) {
        self.wake_up();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_up();
    }
}

/// The waker of the executions of one store, which follow one another.
///
/// The first one has the waker in the store's [`CancelHandle`], and allocates none: most stores
/// have one execution.
///
/// # Invariants
///
/// - I9: no execution is woken through the waker of an earlier one: a waker is used again only
///   where no clone of it is left, and that in the handle never, since the count of the handle's
///   cell does not tell wakers from handles.
#[derive(Debug)]
pub(crate) struct KeptWaker {
    storage: Storage,
    waker: Waker,
}

/// The cell of a store's [`YieldWaker`].
#[derive(Debug)]
enum Storage {
    Handle(CancelHandle),
    Own(Arc<YieldWaker>),
}

impl Drop for Storage {
    /// Lets go of the task, which a handle that the host keeps would keep from being freed.
    fn drop(&mut self) {
        if let Self::Handle(handle) = self {
            handle.yields().forget_task();
        }
    }
}

impl KeptWaker {
    pub(crate) fn new() -> Self {
        let yields = Arc::new(YieldWaker::new());
        Self { waker: Waker::from(Arc::clone(&yields)), storage: Storage::Own(yields) }
    }

    /// Returns the waker of the execution before, or else another one if somewhere a clone of that
    /// is left.
    #[inline]
    pub(crate) fn renew(kept: Option<Self>, cancel: &CancelHandle) -> Self {
        if let Some(kept) = kept
            && let Storage::Own(yields) = &kept.storage
            // One is in `waker`, which is not lent out now: the count can only fall.
            && Arc::strong_count(yields) == 2
        {
            // Pairs with the Release with which the other clones were dropped.
            fence(Ordering::Acquire);
            return kept;
        }
        match cancel.take_waker() {
            Some(waker) => Self { waker, storage: Storage::Handle(cancel.clone()) },
            None => Self::new(),
        }
    }

    /// Returns the waker for a later execution, unless it may keep a task from being freed.
    #[inline]
    pub(crate) fn retire(self) -> Option<Self> {
        (!self.yields().has_waited.load(Ordering::Relaxed)).then_some(self)
    }

    /// Returns the waker for the guest's future.
    #[inline]
    pub(crate) const fn waker(&self) -> &Waker {
        &self.waker
    }

    /// See [`YieldWaker::begin`].
    #[inline]
    pub(crate) fn begin(&self) {
        self.yields().begin();
    }

    /// See [`YieldWaker::is_woken`].
    pub(crate) fn is_woken(&mut self, task: &Waker) -> bool {
        let yields = self.yields();
        // Relaxed: read by the owner of the waker, who calls this.
        yields.has_waited.store(true, Ordering::Relaxed);
        yields.is_woken(task)
    }

    #[inline]
    fn yields(&self) -> &YieldWaker {
        match &self.storage {
            Storage::Handle(handle) => handle.yields(),
            Storage::Own(yields) => yields,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KeptWaker, POLLED, Storage, YieldWaker};
    use crate::cancel::CancelHandle;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use core::task::Waker;
    use std::sync::Arc;
    use std::task::Wake;

    #[derive(Default)]
    struct Task {
        wakes: AtomicUsize,
    }
    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.wakes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// I1, while the guest is polled.
    #[test]
    fn i1_a_wake_during_the_poll_is_told_to_the_driver_only() {
        let (yields, task) = (Arc::new(YieldWaker::new()), Arc::new(Task::default()));
        yields.begin();
        Waker::from(Arc::clone(&yields)).wake_by_ref();
        assert!(yields.is_woken(&Waker::from(Arc::clone(&task))));
        assert_eq!(task.wakes.load(Ordering::Relaxed), 0);
    }

    /// I1, while it is not.
    #[test]
    fn i1_a_wake_after_the_poll_wakes_the_task_once() {
        let (yields, task) = (Arc::new(YieldWaker::new()), Arc::new(Task::default()));
        yields.begin();
        assert!(!yields.is_woken(&Waker::from(Arc::clone(&task))));
        Waker::from(Arc::clone(&yields)).wake_by_ref();
        Waker::from(Arc::clone(&yields)).wake();
        assert!(yields.is_woken(Waker::noop()));
        assert_eq!(task.wakes.load(Ordering::Relaxed), 1);
    }

    /// I1, for the poll that answers a wake.
    #[test]
    fn i1_a_wake_is_forgotten_by_the_poll_that_answers_it() {
        let (yields, task) = (Arc::new(YieldWaker::new()), Arc::new(Task::default()));
        let task_waker = Waker::from(Arc::clone(&task));
        for wakes in 1..=2 {
            yields.begin();
            assert!(!yields.is_woken(&task_waker));
            Waker::from(Arc::clone(&yields)).wake();
            assert!(yields.is_woken(&task_waker));
            assert_eq!(task.wakes.load(Ordering::Relaxed), wakes);
        }
    }

    /// I1, when the runtime moved on to another task between two polls.
    #[test]
    fn i1_a_wake_goes_to_the_task_that_looked_last() {
        let (yields, first, last) =
            (Arc::new(YieldWaker::new()), Arc::new(Task::default()), Arc::new(Task::default()));
        yields.begin();
        assert!(!yields.is_woken(&Waker::from(Arc::clone(&first))));
        assert!(!yields.is_woken(&Waker::from(Arc::clone(&last))));
        Waker::from(Arc::clone(&yields)).wake_by_ref();
        assert_eq!(first.wakes.load(Ordering::Relaxed), 0);
        assert_eq!(last.wakes.load(Ordering::Relaxed), 1);
    }

    /// I1, when the wake and the end of the poll race.
    #[test]
    fn i1_no_wake_is_lost_between_many_threads_and_the_driver() {
        let (yields, task) = (Arc::new(YieldWaker::new()), Arc::new(Task::default()));
        let waker = Waker::from(Arc::clone(&task));
        for _ in 0..2_000 {
            let before = task.wakes.load(Ordering::Relaxed);
            yields.begin();
            let other = std::thread::scope(|scope| {
                let yields = &yields;
                let other = scope.spawn(move || Waker::from(Arc::clone(yields)).wake());
                let seen = yields.is_woken(&waker);
                (other.join().is_ok(), seen)
            });
            let passed_on = task.wakes.load(Ordering::Relaxed) - before;
            assert!(other.0);
            assert_eq!(usize::from(other.1) + passed_on, 1);
        }
    }

    /// A waker of a store whose handle's is taken, and where it is.
    fn own() -> (KeptWaker, CancelHandle, *const YieldWaker) {
        let handle = CancelHandle::new();
        let first = KeptWaker::renew(None, &handle);
        assert!(matches!(first.storage, Storage::Handle(_)));
        let own = KeptWaker::renew(first.retire(), &handle);
        assert!(matches!(own.storage, Storage::Own(_)));
        let place = core::ptr::from_ref(own.yields());
        (own, handle, place)
    }

    /// I9.
    #[test]
    fn i9_a_waker_is_used_again_where_nothing_else_has_it() {
        let (own, handle, place) = own();
        let again = KeptWaker::renew(own.retire(), &handle);
        assert!(core::ptr::eq(place, again.yields()));
        let clone = again.waker().clone();
        let other = KeptWaker::renew(again.retire(), &handle);
        assert!(!core::ptr::eq(place, other.yields()));
        clone.wake();
        assert_eq!(other.yields().state.load(Ordering::Relaxed), POLLED);
    }

    /// I9.
    #[test]
    fn i9_the_waker_in_the_handle_is_for_the_first_execution_only() {
        let handle = CancelHandle::new();
        let first = KeptWaker::renew(None, &handle);
        let clone = first.waker().clone();
        for kept in [first.retire(), None] {
            let next = KeptWaker::renew(kept, &handle);
            clone.wake_by_ref();
            assert_eq!(next.yields().state.load(Ordering::Relaxed), POLLED);
        }
    }

    /// I1, through the handle.
    #[test]
    fn i1_the_waker_in_the_handle_wakes_the_task() {
        let task = Arc::new(Task::default());
        let mut first = KeptWaker::renew(None, &CancelHandle::new());
        first.begin();
        assert!(!first.is_woken(&Waker::from(Arc::clone(&task))));
        first.waker().wake_by_ref();
        assert!(first.is_woken(Waker::noop()));
        assert_eq!(task.wakes.load(Ordering::Relaxed), 1);
        first.begin();
        let clone = first.waker().clone();
        clone.wake();
        assert!(first.is_woken(Waker::noop()));
        assert_eq!(task.wakes.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_handle_that_outlives_an_execution_does_not_keep_its_task() {
        let (handle, task) = (CancelHandle::new(), Arc::new(Task::default()));
        let mut first = KeptWaker::renew(None, &handle);
        first.begin();
        assert!(!first.is_woken(&Waker::from(Arc::clone(&task))));
        assert_eq!(Arc::strong_count(&task), 2);
        drop(first);
        assert_eq!(Arc::strong_count(&task), 1);
    }

    #[test]
    fn a_waker_that_has_a_tasks_is_not_kept() {
        let (mut kept, _handle, _place) = own();
        kept.begin();
        assert!(!kept.is_woken(Waker::noop()));
        assert!(kept.retire().is_none());
    }
}
