//! The waker that distinguishes a guest that yielded from a guest that waits.

use core::task::Waker;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

/// A waker that stands between the guest's future and the runtime's task.
///
/// Wasmtime's fuel yield wakes its own task before it returns `Pending`; a future that waits for an
/// event does not. While the guest is polled, a wake is only noted, so that the driver can poll
/// again without a trip through the runtime. At any other time it wakes the task.
///
/// # Invariants
///
/// - I1: a wake that comes between `begin` and `finish` is reported by that `finish`, and one that
///   comes later wakes the task given last and is reported by `is_woken`. None is lost: both
///   sides decide under the same lock.
#[derive(Debug)]
pub(crate) struct YieldWaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    polling: bool,
    woken: bool,
    task: Option<Waker>,
}

impl State {
    fn follow(&mut self, task: &Waker) {
        if !self.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            self.task = Some(task.clone());
        }
    }
}

impl YieldWaker {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default() })
    }

    /// Opens a poll of the guest on behalf of `task`.
    pub(crate) fn begin(&self, task: &Waker) {
        let mut state = self.lock();
        state.polling = true;
        state.woken = false;
        state.follow(task);
    }

    /// Closes the poll. Returns whether the guest's future woke itself in it.
    pub(crate) fn finish(&self) -> bool {
        let mut state = self.lock();
        state.polling = false;
        state.woken
    }

    /// Returns whether the guest was woken since the last `begin`. If not, a later wake is for
    /// `task`.
    pub(crate) fn is_woken(&self, task: &Waker) -> bool {
        let mut state = self.lock();
        state.follow(task);
        state.woken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The lock is never held across a call that can panic except `Waker::clone`; the state
        // is valid at every point in between.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for YieldWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        state.woken = true;
        if state.polling {
            return;
        }
        // Taken, so that a storm of wakes wakes the task once until it polls again.
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::YieldWaker;
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
        let (yields, task) = (YieldWaker::new(), Arc::new(Task::default()));
        yields.begin(&Waker::from(Arc::clone(&task)));
        Waker::from(Arc::clone(&yields)).wake_by_ref();
        assert!(yields.finish());
        assert_eq!(task.wakes.load(Ordering::Relaxed), 0);
    }

    /// I1, while it is not.
    #[test]
    fn i1_a_wake_after_the_poll_wakes_the_task_once() {
        let (yields, task) = (YieldWaker::new(), Arc::new(Task::default()));
        yields.begin(&Waker::from(Arc::clone(&task)));
        assert!(!yields.finish());
        Waker::from(Arc::clone(&yields)).wake_by_ref();
        Waker::from(Arc::clone(&yields)).wake();
        assert!(yields.is_woken(Waker::noop()));
        assert_eq!(task.wakes.load(Ordering::Relaxed), 1);
    }

    /// I1, when the runtime moved on to another task between two polls.
    #[test]
    fn i1_a_wake_goes_to_the_task_that_looked_last() {
        let (yields, first, last) =
            (YieldWaker::new(), Arc::new(Task::default()), Arc::new(Task::default()));
        yields.begin(&Waker::from(Arc::clone(&first)));
        assert!(!yields.finish());
        assert!(!yields.is_woken(&Waker::from(Arc::clone(&last))));
        Waker::from(Arc::clone(&yields)).wake_by_ref();
        assert_eq!(first.wakes.load(Ordering::Relaxed), 0);
        assert_eq!(last.wakes.load(Ordering::Relaxed), 1);
    }

    /// I1, when the wake and the end of the poll race.
    #[test]
    fn i1_no_wake_is_lost_between_many_threads_and_the_driver() {
        let (yields, task) = (YieldWaker::new(), Arc::new(Task::default()));
        let waker = Waker::from(Arc::clone(&task));
        for _ in 0..2_000 {
            let before = task.wakes.load(Ordering::Relaxed);
            yields.begin(&waker);
            let other = std::thread::scope(|scope| {
                let yields = &yields;
                let other = scope.spawn(move || Waker::from(Arc::clone(yields)).wake());
                let seen = yields.finish();
                (other.join().is_ok(), seen)
            });
            let passed_on = task.wakes.load(Ordering::Relaxed) - before;
            assert!(other.0);
            assert_eq!(usize::from(other.1) + passed_on, 1);
        }
    }
}
