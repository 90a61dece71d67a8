//! What all runs of a component take from its quotas together.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_core::{
    Account, CpuTimePolicy, QuotaError, QuotaResource, QuotaResourceStatus, QuotaTracker,
    QuotaType, ResourceQuota,
};

use crate::inputs::manifest::Terms;

/// A [`QuotaTracker`] that remembers the most that was in use, and how often it refused; and the
/// same of the host, if there are ceilings over it.
#[derive(Debug)]
pub(crate) struct RunAccount {
    tracker: QuotaTracker,
    component: Records,
    host: Records,
    cpu_time_policy: CpuTimePolicy,
}

/// What a tracker forgets.
#[derive(Debug, Default)]
struct Records {
    memory: Record,
    cpu_time: Record,
}

#[derive(Debug, Default)]
struct Record {
    most: AtomicU64,
    denied: AtomicU64,
}

/// The use of the quotas that the command enforces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountUse {
    /// The most bytes that all live runs had at one time.
    pub(crate) memory: Usage,
    /// The most microseconds that were counted in one period.
    pub(crate) cpu_time: Usage,
    pub(crate) period: Duration,
}

/// The use of one quota.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// The most that was in use at one time, or in one period, and the limit.
    pub(crate) most: QuotaResourceStatus,
    pub(crate) denied: u64,
}

impl RunAccount {
    /// Opens an account for all runs of the component, which is the only one of this host.
    pub(crate) fn new(terms: &Terms) -> Self {
        let host = Some(terms.host).filter(|host| !host.is_empty());
        let host = host.map(|host| host.to_resource_quota());
        Self::with_quotas(terms.effective.quota(), host, terms.effective.cpu_time_policy())
    }

    /// Opens an account with a component's quota, and with that of the host above it, if any.
    fn with_quotas(
        quota: ResourceQuota,
        host: Option<ResourceQuota>,
        cpu_time_policy: CpuTimePolicy,
    ) -> Self {
        let tracker = match host {
            Some(host) => QuotaTracker::with_parent(quota, Arc::new(QuotaTracker::new(host))),
            None => QuotaTracker::new(quota),
        };
        Self { tracker, component: Records::default(), host: Records::default(), cpu_time_policy }
    }

    /// Tells what becomes of a run for which there is no CPU time.
    pub(crate) const fn cpu_time_policy(&self) -> CpuTimePolicy {
        self.cpu_time_policy
    }

    /// Returns what was used of the component's quotas, and how often these refused.
    pub(crate) fn component(&self) -> AccountUse {
        self.component.of(&self.tracker)
    }

    /// Returns what was used of the host's, if there are ceilings over it.
    pub(crate) fn host(&self) -> Option<AccountUse> {
        self.tracker.parent().map(|parent| self.host.of(parent))
    }

    /// Remembers what is in use now, if that is the most so far.
    fn look(&self) {
        self.component.look(&self.tracker);
        if let Some(parent) = self.tracker.parent() {
            self.host.look(parent);
        }
    }

    /// Counts a refusal where it came from.
    fn count(&self, refused: &QuotaError) {
        let records = match refused.depth() {
            0 => &self.component,
            _ => &self.host,
        };
        let record = match refused.resource() {
            QuotaResource::Memory => &records.memory,
            QuotaResource::CpuTime => &records.cpu_time,
            // Nothing else is taken from this account.
            _ => return,
        };
        record.denied.fetch_add(1, Ordering::Relaxed);
    }
}

impl Records {
    fn look(&self, tracker: &QuotaTracker) {
        let usage = tracker.usage();
        self.memory.most.fetch_max(usage.memory_used, Ordering::Relaxed);
        self.cpu_time.most.fetch_max(usage.cpu_time_used_us, Ordering::Relaxed);
    }

    fn of(&self, tracker: &QuotaTracker) -> AccountUse {
        let now = tracker.status();
        AccountUse {
            memory: self.memory.usage(now.memory),
            cpu_time: self.cpu_time.usage(now.cpu_time),
            period: tracker.quota().reset_period,
        }
    }
}

impl Record {
    fn usage(&self, now: QuotaResourceStatus) -> Usage {
        let most = self.most.load(Ordering::Relaxed);
        Usage {
            most: QuotaResourceStatus::new(most, now.limit()),
            denied: self.denied.load(Ordering::Relaxed),
        }
    }
}

impl Account for RunAccount {
    /// Counts nothing: a run that waits for CPU time asks again, and is not denied it.
    fn peek(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.tracker.peek(quota)
    }

    fn take(&self, quota: QuotaType) -> Result<(), QuotaError> {
        match self.tracker.consume(quota) {
            Ok(()) => {
                self.look();
                Ok(())
            }
            Err(refused) => {
                self.count(&refused);
                Err(refused)
            }
        }
    }

    fn charge(&self, quota: QuotaType) {
        self.tracker.charge(quota);
        self.look();
    }

    fn release(&self, quota: QuotaType) {
        self.tracker.release(quota);
    }
}

#[cfg(test)]
mod tests {
    use super::RunAccount;
    use core::time::Duration;
    use limits_core::{Account as _, Allowance, CpuTimePolicy, QuotaType, ResourceQuota};

    const HOUR: Duration = Duration::from_secs(3_600);

    fn quota(memory: u64, cpu_ms: u64) -> ResourceQuota {
        ResourceQuota::new().with_memory(memory).with_cpu_time(cpu_ms).with_reset_period(HOUR)
    }

    fn account(host: Option<ResourceQuota>) -> RunAccount {
        RunAccount::with_quotas(quota(100, 5), host, CpuTimePolicy::Throttle)
    }

    #[test]
    fn the_most_memory_is_remembered_when_it_is_given_back() {
        let account = account(None);
        account.take(QuotaType::Memory(80)).unwrap();
        account.release(QuotaType::Memory(80));
        account.take(QuotaType::Memory(30)).unwrap();
        let memory = account.component().memory;
        assert_eq!((memory.most.used(), memory.most.limit()), (80, Allowance::AtMost(100)));
        assert_eq!(memory.denied, 0);
        assert!(account.host().is_none());
    }

    #[test]
    fn a_refusal_is_counted_and_takes_nothing() {
        let account = account(None);
        account.take(QuotaType::Memory(80)).unwrap();
        for _ in 0..2 {
            let refused = account.take(QuotaType::Memory(21)).unwrap_err();
            assert_eq!((refused.limit(), refused.used(), refused.requested()), (100, 80, 21));
        }
        let used = account.component();
        assert_eq!((used.memory.denied, used.memory.most.used()), (2, 80));
        assert_eq!((used.cpu_time.denied, used.period), (0, HOUR));
    }

    #[test]
    fn cpu_time_is_counted_in_microseconds_also_past_the_limit() {
        let account = account(None);
        account.peek(QuotaType::CpuTimeMicros(1)).unwrap();
        account.charge(QuotaType::CpuTimeMicros(5_250));
        account.peek(QuotaType::CpuTimeMicros(1)).unwrap_err();
        let cpu_time = account.component().cpu_time;
        assert_eq!((cpu_time.most.used(), cpu_time.denied), (5_250, 0));
        account.take(QuotaType::CpuTimeMicros(1)).unwrap_err();
        assert_eq!(account.component().cpu_time.denied, 1);
        assert_eq!(cpu_time.most.limit(), Allowance::AtMost(5_000));
    }

    #[test]
    fn a_refusal_is_counted_where_it_came_from_and_use_on_both_levels() {
        let account = account(Some(quota(60, 3).with_reset_period(HOUR * 2)));
        account.take(QuotaType::Memory(50)).unwrap();
        let refused = account.take(QuotaType::Memory(20)).unwrap_err();
        assert_eq!((refused.depth(), refused.limit(), refused.used()), (1, 60, 50));
        account.charge(QuotaType::CpuTimeMicros(4_000));
        assert_eq!(account.take(QuotaType::CpuTimeMicros(1)).unwrap_err().depth(), 1);
        let (own, host) = (account.component(), account.host().unwrap());
        assert_eq!((own.memory.denied, own.cpu_time.denied, own.period), (0, 0, HOUR));
        assert_eq!((host.memory.denied, host.cpu_time.denied, host.period), (1, 1, HOUR * 2));
        assert_eq!((own.memory.most.used(), host.memory.most.used()), (50, 50));
        assert_eq!((own.cpu_time.most.used(), host.cpu_time.most.used()), (4_000, 4_000));
        let limits = [own.memory, host.memory, own.cpu_time, host.cpu_time];
        assert_eq!(
            limits.map(|usage| usage.most.limit().at_most()),
            [Some(100), Some(60), Some(5_000), Some(3_000)]
        );
    }
}
