//! A component's handle as the account of its executions.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use limits_core::{Account, ExecutionEnd, QuotaError, QuotaResource, QuotaType};

use super::{ComponentHandle, UseChange};
use crate::grant::charge_observed;
use crate::releasable::ReleasableTotals;

/// The account of one component's executions, or of one of them.
///
/// It counts what it has taken, so that it releases no more than that; and what it has taken is not
/// releasable through the component's handles. Dropped, it releases the memory that is left, since
/// its stores are gone, and leaves stored bytes to the handles.
///
/// A component that is unregistered meanwhile is refused nothing here because of that: its
/// executions go on under its counters to their end.
#[derive(Debug)]
struct ExecutionAccount {
    component: ComponentHandle,
    releasable: ReleasableTotals,
}

/// Makes an account for executions. Each conversion makes an account of its own: it releases only
/// what was taken through it.
///
/// Memory that it still holds is released when the last reference to it is dropped. Storage stays
/// in use then, and can be [released](ComponentHandle::release) through the component's handle.
///
/// The account goes on to work when the component is unregistered, so that executions end as usual:
/// ask [`is_registered`](ComponentHandle::is_registered) before a new one.
impl From<ComponentHandle> for Arc<dyn Account> {
    fn from(component: ComponentHandle) -> Self {
        Arc::new(ExecutionAccount { component, releasable: ReleasableTotals::default() })
    }
}

impl From<&ComponentHandle> for Arc<dyn Account> {
    fn from(component: &ComponentHandle) -> Self {
        component.clone().into()
    }
}

impl ExecutionAccount {
    /// Lets units of a total that the tracker has counted be released through the account.
    fn hold(&self, quota: QuotaType, counted: u64) {
        if let Some(resource) = quota.resource() {
            self.releasable.add(resource, counted);
        }
    }
}

impl Drop for ExecutionAccount {
    fn drop(&mut self) {
        for total in [QuotaResource::Storage, QuotaResource::StorageEntries] {
            let stored = self.releasable.take_up_to(total, u64::MAX);
            self.component.0.releasable.add(total, stored);
        }
        let memory = self.releasable.take_up_to(QuotaResource::Memory, u64::MAX);
        if memory > 0 {
            let memory = QuotaType::Memory(memory);
            self.component.0.tracker.release(memory);
            self.component.on_use(UseChange::Fallen(&[memory]));
        }
    }
}

impl Account for ExecutionAccount {
    /// Asks without counting or reporting a denial, since a caller that is refused waits. A
    /// registry that only observes makes no caller wait, so a refusal of CPU time is recorded here,
    /// once for the time that would have been waited.
    fn peek(&self, quota: QuotaType) -> Result<(), QuotaError> {
        let component = &self.component;
        match component.0.tracker.peek(quota) {
            Err(error) if component.0.shared.enforces() => Err(component.with_clock_lag(error)),
            Err(error) => {
                component.observe_wait(error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn take(&self, quota: QuotaType) -> Result<(), QuotaError> {
        let component = &self.component;
        match component.0.tracker.consume(quota) {
            Ok(()) => {
                self.hold(quota, quota.amount());
                component.on_use(UseChange::Granted(&[quota]));
            }
            Err(error) => {
                component.on_use(UseChange::Fallen(&[quota]));
                component.deny(error)?;
                // Only observed: totals are counted above their limits, rates are not.
                if quota.resource().is_some_and(|resource| !resource.is_rate()) {
                    self.hold(quota, charge_observed(&component.0.tracker, quota));
                }
                component.on_use(UseChange::Counted(&[quota]));
            }
        }
        Ok(())
    }

    fn charge(&self, quota: QuotaType) {
        self.hold(quota, self.component.0.tracker.charge(quota));
        self.component.on_use(UseChange::Counted(&[quota]));
    }

    fn release(&self, quota: QuotaType) {
        let Some(resource) = quota.resource() else { return };
        let units = self.releasable.take_up_to(resource, quota.amount());
        self.component.0.tracker.release(QuotaType::of(resource, units));
        self.component.on_use(UseChange::Fallen(&[quota]));
    }

    fn ended(&self, end: &ExecutionEnd) {
        if !self.component.is_unheard() {
            let component = &self.component.0;
            component.shared.report_end(&component.id, end);
        }
    }
}

impl ComponentHandle {
    /// Records a refusal of CPU time, once for as long as an execution would have waited for it.
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
            // Not an error, since nothing is enforced.
            let _observed = self.deny(error);
        }
    }
}
