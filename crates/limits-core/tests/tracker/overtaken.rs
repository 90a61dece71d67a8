//! What a caller gets that another overtakes between the two times that it reads the clock.
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

use core::sync::atomic::{AtomicU64, Ordering};
use limits_core::{Clock, QuotaResource, QuotaTracker, QuotaType, ResourceQuota};
use std::sync::{Arc, OnceLock, Weak};

/// A clock that stands still, and at which another caller takes two messages as it is read for a
/// certain time.
#[derive(Debug, Default)]
struct Overtaking {
    tracker: OnceLock<Weak<QuotaTracker>>,
    /// How often it is read until then.
    reads: AtomicU64,
}

impl Overtaking {
    /// Lets the other caller come at the read of this number.
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
fn as_much_as_there_is_is_what_is_left_after_another_was_faster() {
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
fn a_caller_whom_another_leaves_nothing_is_refused_in_terms_of_what_it_asked_for() {
    for read in 1..=2 {
        let (tracker, clock) = tracked(2);
        clock.at_read(read);
        let refused = tracker.reserve_up_to(QuotaType::MessageRate(9)).unwrap_err();
        assert_eq!((refused.used(), refused.requested()), (2, 9), "overtaken at read {read}");
    }
}
