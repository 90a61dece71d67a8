//! Storage and memory: taken, held, released.

use super::{SECOND, tracked};
use limits_core::{Allowance, QuotaResource, QuotaType, ResourceQuota, Retry};

#[test]
fn a_total_counts_until_it_is_released_at_any_time() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_memory(100));
    tracker.consume(QuotaType::Memory(70)).unwrap();
    clock.advance(SECOND * 100);
    let refused = tracker.consume(QuotaType::Memory(40)).unwrap_err();
    assert_eq!((refused.resource(), refused.depth()), (QuotaResource::Memory, 0));
    assert_eq!((refused.used(), refused.requested(), refused.limit()), (70, 40, 100));
    assert_eq!((refused.retry(), refused.period()), (Retry::Now, None));
    assert_eq!(tracker.release(QuotaType::Memory(30)), 30);
    tracker.consume(QuotaType::Memory(60)).unwrap();
    assert_eq!(tracker.usage().memory_used, 100);
}

#[test]
fn unlimited_storage_still_counts() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(Allowance::Unlimited));
    tracker.consume(QuotaType::Storage(u64::MAX)).unwrap();
    tracker.charge(QuotaType::Storage(5));
    assert_eq!(tracker.usage().storage_used, u64::MAX);
    assert_eq!(tracker.quota().max_storage_bytes, Allowance::Unlimited);
    assert!(!tracker.is_quota_warning());
}

#[test]
fn undoing_a_take_that_cannot_be_counted_keeps_the_rest() {
    let (tracker, clock) = tracked(
        ResourceQuota::new()
            .with_storage(Allowance::Unlimited)
            .with_message_rate(Allowance::Unlimited),
    );
    tracker.consume(QuotaType::Storage(500)).unwrap();
    let refused = tracker.reserve(QuotaType::Storage(u64::MAX)).unwrap_err();
    assert_eq!((refused.used(), refused.limit()), (500, u64::MAX));
    assert_eq!(tracker.usage().storage_used, 500);
    // An unlimited rate is never refused; its count saturates until the window is over.
    tracker.consume(QuotaType::MessageRate(500)).unwrap();
    drop(tracker.reserve(QuotaType::MessageRate(u64::MAX)).unwrap());
    assert!(tracker.usage().message_count > 32_000_000_000);
    clock.advance(SECOND);
    assert_eq!(tracker.usage().message_count, 0);
}

#[test]
fn the_largest_limit_is_a_limit() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(u64::MAX));
    tracker.consume(QuotaType::Storage(u64::MAX)).unwrap();
    let refused = tracker.consume(QuotaType::Storage(1)).unwrap_err();
    assert_eq!((refused.used(), refused.retry()), (u64::MAX, Retry::Now));
}

#[test]
fn a_limit_of_zero_allows_only_a_request_of_nothing() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(0));
    tracker.consume(QuotaType::Storage(0)).unwrap();
    let refused = tracker.consume(QuotaType::Storage(1)).unwrap_err();
    assert_eq!(refused.retry(), Retry::Never);
    assert!(tracker.is_quota_critical());
}

#[test]
fn a_charge_passes_the_limit() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(10));
    tracker.charge(QuotaType::Storage(25));
    assert_eq!(tracker.usage().storage_used, 25);
    tracker.consume(QuotaType::Storage(0)).unwrap();
    tracker.peek(QuotaType::Storage(0)).unwrap();
    assert_eq!(tracker.peek(QuotaType::Storage(1)).unwrap_err().retry(), Retry::Now);
    tracker.release(QuotaType::Storage(16));
    tracker.peek(QuotaType::Storage(1)).unwrap();
}

#[test]
fn operations_without_a_cost_are_free() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(0));
    tracker.consume(QuotaType::None).unwrap();
    tracker.charge(QuotaType::None);
    tracker.reserve_up_to(QuotaType::None).unwrap().commit();
    assert_eq!(tracker.release(QuotaType::None), 0);
}

#[test]
fn a_quota_of_entries_refuses_the_first_past_it_and_entries_are_unlimited_without_one() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage_entries(3));
    let file = [QuotaType::Storage(4_096), QuotaType::StorageEntries(1)];
    for _ in 0..3 {
        tracker.reserve_all(&file).unwrap().commit();
    }
    let refused = tracker.reserve_all(&file).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "storage entries quota of 3 entries exceeded: 3 used, 1 more requested; \
         retry after a release"
    );
    assert_eq!(tracker.usage().storage_used, 3 * 4_096, "all or nothing");
    tracker.set_quota(ResourceQuota::new()).unwrap();
    tracker.consume(QuotaType::StorageEntries(u64::MAX - 3)).unwrap();
}
