//! What all runs of a component take from its quotas together.

use core::sync::atomic::{AtomicU64, Ordering};

use limits_core::{
    Account, QuotaError, QuotaResource, QuotaResourceStatus, QuotaTracker, QuotaType, ResourceQuota,
};

/// A [`QuotaTracker`] that remembers the most that was in use, and how often it refused.
#[derive(Debug)]
pub(crate) struct Ledger {
    tracker: QuotaTracker,
    memory: Remembered,
    cpu_time: Remembered,
}

/// What a tracker forgets.
#[derive(Debug, Default)]
struct Remembered {
    most: AtomicU64,
    denied: AtomicU64,
}

/// The use of one quota.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// The most that was in use at one time, or in one period, and the limit.
    pub(crate) most: QuotaResourceStatus,
    pub(crate) denied: u64,
}

impl Ledger {
    pub(crate) fn new(quota: ResourceQuota) -> Self {
        Self {
            tracker: QuotaTracker::new(quota),
            memory: Remembered::default(),
            cpu_time: Remembered::default(),
        }
    }

    /// Returns the most bytes that all live runs had at one time.
    pub(crate) fn memory(&self) -> Usage {
        self.memory.usage(self.tracker.status().memory)
    }

    /// Returns the most microseconds that were counted in one period.
    pub(crate) fn cpu_time(&self) -> Usage {
        self.cpu_time.usage(self.tracker.status().cpu_time)
    }

    fn remembered(&self, quota: QuotaType) -> Option<&Remembered> {
        match quota.resource()? {
            QuotaResource::Memory => Some(&self.memory),
            QuotaResource::CpuTime => Some(&self.cpu_time),
            _ => None,
        }
    }

    /// Remembers what is in use now, if that is the most so far.
    fn look(&self) {
        let usage = self.tracker.usage();
        self.memory.most.fetch_max(usage.memory_used, Ordering::Relaxed);
        self.cpu_time.most.fetch_max(usage.cpu_time_used_us, Ordering::Relaxed);
    }
}

impl Remembered {
    fn usage(&self, now: QuotaResourceStatus) -> Usage {
        let most = self.most.load(Ordering::Relaxed);
        Usage {
            most: QuotaResourceStatus::new(most, now.limit()),
            denied: self.denied.load(Ordering::Relaxed),
        }
    }
}

impl Account for Ledger {
    /// Counts nothing: a run that waits for CPU time asks again, and is not denied it.
    fn peek(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.tracker.peek(quota)
    }

    fn reserve(&self, quota: QuotaType) -> Result<(), QuotaError> {
        match self.tracker.consume(quota) {
            Ok(()) => {
                self.look();
                Ok(())
            }
            Err(refused) => {
                if let Some(remembered) = self.remembered(quota) {
                    remembered.denied.fetch_add(1, Ordering::Relaxed);
                }
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
    use super::Ledger;
    use core::time::Duration;
    use limits_core::{Account as _, Allowance, QuotaType, ResourceQuota};

    fn ledger() -> Ledger {
        let hour = Duration::from_secs(3_600);
        Ledger::new(
            ResourceQuota::new().with_memory(100_u64).with_cpu_time(5_u64).with_reset_period(hour),
        )
    }

    #[test]
    fn the_most_memory_is_remembered_when_it_is_given_back() {
        let ledger = ledger();
        ledger.reserve(QuotaType::Memory(80)).unwrap();
        ledger.release(QuotaType::Memory(80));
        ledger.reserve(QuotaType::Memory(30)).unwrap();
        let memory = ledger.memory();
        assert_eq!((memory.most.used(), memory.most.limit()), (80, Allowance::AtMost(100)));
        assert_eq!(memory.denied, 0);
    }

    #[test]
    fn a_refusal_is_counted_and_takes_nothing() {
        let ledger = ledger();
        ledger.reserve(QuotaType::Memory(80)).unwrap();
        for _ in 0..2 {
            let refused = ledger.reserve(QuotaType::Memory(21)).unwrap_err();
            assert_eq!((refused.limit(), refused.used(), refused.requested()), (100, 80, 21));
        }
        assert_eq!((ledger.memory().denied, ledger.memory().most.used()), (2, 80));
        assert_eq!(ledger.cpu_time().denied, 0);
    }

    #[test]
    fn cpu_time_is_counted_in_microseconds_also_past_the_limit() {
        let ledger = ledger();
        ledger.peek(QuotaType::CpuTimeMicros(1)).unwrap();
        ledger.charge(QuotaType::CpuTimeMicros(5_250));
        ledger.peek(QuotaType::CpuTimeMicros(1)).unwrap_err();
        let cpu_time = ledger.cpu_time();
        assert_eq!((cpu_time.most.used(), cpu_time.denied), (5_250, 0));
        ledger.reserve(QuotaType::CpuTimeMicros(1)).unwrap_err();
        assert_eq!(ledger.cpu_time().denied, 1);
        assert_eq!(cpu_time.most.limit(), Allowance::AtMost(5_000));
    }
}
