//! A component as the account of its executions.

use core::sync::atomic::{AtomicU64, Ordering};

use limits_core::{Account, QuotaError, QuotaResource, QuotaType};

use super::ComponentHandle;

/// Executions of a component that is unregistered meanwhile go on under its counters to their end, so
/// nothing is refused here because of that: ask [`is_registered`](Self::is_registered) before a new one.
impl Account for ComponentHandle {
    /// Asking is not being refused: nothing is counted or reported.
    ///
    /// But for CPU time in a registry that only observes. There nobody waits, and so nobody asks for
    /// something after the answer; it counts as one denial for each time that would have been waited.
    fn peek(&self, quota: QuotaType) -> Result<(), QuotaError> {
        match self.0.tracker.peek(quota) {
            Err(error) if self.0.shared.enforces() => Err(self.by_any_clock(error)),
            Err(error) => {
                self.observe_wait(error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn take(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.keep(quota)
    }

    fn charge(&self, quota: QuotaType) {
        Self::charge(self, quota);
    }

    fn release(&self, quota: QuotaType) {
        self.0.tracker.release(quota);
        if let Some(resource) = quota.resource() {
            self.watch_fall(resource);
        }
    }
}

impl ComponentHandle {
    /// Takes note of CPU time that is used up, once for as long as that would have been waited for.
    fn observe_wait(&self, error: QuotaError) {
        if error.resource() != QuotaResource::CpuTime {
            return;
        }
        let wait = error.retry().after().unwrap_or(self.quota().reset_period);
        let now = self.0.tracker.clock().now_ns();
        let until = now.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
        // Relaxed: the word stands for itself.
        let last = self.0.would_wait_until.load(Ordering::Relaxed);
        let swap = |word: &AtomicU64| {
            word.compare_exchange(last, until, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        if now >= last && swap(&self.0.would_wait_until) {
            // Not an error, as nothing is enforced.
            let _observed = self.refuse(error);
        }
    }
}
