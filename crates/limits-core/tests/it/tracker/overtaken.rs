//! Callers that another one overtakes between their two readings of the clock.
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

use core::sync::atomic::{AtomicU64, Ordering};
use limits_core::{Clock, QuotaResource, QuotaTracker, QuotaType, ResourceQuota};
use std::sync::{Arc, OnceLock, Weak};

/// A clock that stands still, and at one of whose readings another caller takes two messages.
#[derive(Debug, Default)]
struct Overtaking {
    tracker: OnceLock<Weak<QuotaTracker>>,
    /// The number of readings until then.
    reads: AtomicU64,
}

impl Overtaking {
    /// Sets the number of the reading at which the other caller takes.
    fn at_read(&self, number: u64) {
        self.reads.store(number, Ordering::Relaxed);
    }
}

impl Clock for Overtaking {
    fn now_ns(&self) -> u64 {
        let left = self.reads.load(Ordering::Relaxed);
        self.reads.store(left.saturating_sub(1), Ordering::Relaxed);
        if left == 1 {
            let tracker = self.tracker.get().and_then(Weak::upgrade).unwrap();
            tracker.consume(QuotaType::MessageRate(2)).unwrap();
        }
        0
    }
}

fn tracked(limit: u64) -> (Arc<QuotaTracker>, Arc<Overtaking>) {
    let clock = Arc::new(Overtaking::default());
    let shown: Arc<dyn Clock> = Arc::<Overtaking>::clone(&clock);
    let quota = ResourceQuota::new().with_message_rate(limit);
    let tracker = Arc::new(QuotaTracker::with_clock(quota, shown));
    clock.tracker.set(Arc::downgrade(&tracker)).unwrap();
    (tracker, clock)
}

// I3
#[test]
fn a_take_of_as_much_as_is_left_takes_the_rest_of_a_faster_caller() {
    for read in 1..=2 {
        let (tracker, clock) = tracked(5);
        clock.at_read(read);
        let part = tracker.reserve_up_to(QuotaType::MessageRate(9)).unwrap();
        assert_eq!(part.amount(QuotaResource::MessageRate), 3, "overtaken at read {read}");
        part.commit();
        assert_eq!(tracker.usage().message_count, 5);
    }
}

#[test]
fn a_caller_that_finds_nothing_left_is_refused_with_its_own_request() {
    for read in 1..=2 {
        let (tracker, clock) = tracked(2);
        clock.at_read(read);
        let refused = tracker.reserve_up_to(QuotaType::MessageRate(9)).unwrap_err();
        assert_eq!((refused.used(), refused.requested()), (2, 9), "overtaken at read {read}");
    }
}
