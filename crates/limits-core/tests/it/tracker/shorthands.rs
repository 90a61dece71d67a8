//! The named methods, and the tracker as an account.

use super::tracked;
use limits_core::{Account, QuotaError, QuotaResource, QuotaTracker, QuotaType, ResourceQuota};
use std::sync::Arc;

type Method = fn(&QuotaTracker, u64) -> Result<(), QuotaError>;

const METHODS: [(QuotaResource, Method, Method); 6] = [
    (QuotaResource::Storage, QuotaTracker::check_storage, QuotaTracker::consume_storage),
    (
        QuotaResource::StorageEntries,
        QuotaTracker::check_storage_entries,
        QuotaTracker::consume_storage_entries,
    ),
    (
        QuotaResource::MessageRate,
        QuotaTracker::check_message_rate,
        QuotaTracker::consume_message_rate,
    ),
    (
        QuotaResource::NetworkBandwidth,
        QuotaTracker::check_network_bandwidth,
        QuotaTracker::consume_network_bandwidth,
    ),
    (QuotaResource::CpuTime, QuotaTracker::check_cpu_time, QuotaTracker::consume_cpu_time),
    (QuotaResource::Memory, QuotaTracker::check_memory, QuotaTracker::consume_memory),
];

fn ten_of_each() -> ResourceQuota {
    ResourceQuota::new()
        .with_storage(10)
        .with_storage_entries(10)
        .with_message_rate(10)
        .with_network_bandwidth(10)
        .with_cpu_time(10)
        .with_memory(10)
}

#[test]
fn each_pair_checks_and_consumes_its_own_resource() {
    for (resource, check, consume) in METHODS {
        let (tracker, _clock) = tracked(ten_of_each());
        check(&tracker, 10).unwrap();
        assert_eq!(tracker.status().of(resource).used(), 0, "a check takes nothing");
        consume(&tracker, 8).unwrap();
        assert!(tracker.is_quota_warning() && !tracker.is_quota_critical());
        for (other, status) in tracker.status().iter() {
            assert_eq!(status.is_warning(), other == resource);
        }
        for method in [check, consume] {
            let refused = method(&tracker, 3).unwrap_err();
            assert_eq!(refused.resource(), resource);
        }
        consume(&tracker, 2).unwrap();
        assert!(tracker.is_quota_critical());
    }
}

#[test]
fn totals_are_released_by_name() {
    let (tracker, _clock) = tracked(ten_of_each());
    tracker.consume_storage(4).unwrap();
    tracker.consume_storage_entries(6).unwrap();
    tracker.consume_memory(5).unwrap();
    assert_eq!((tracker.release_storage(3), tracker.release_memory(9)), (3, 5));
    assert_eq!(tracker.release_storage_entries(4), 4);
    let usage = tracker.usage();
    assert_eq!((usage.storage_used, usage.storage_entries_used, usage.memory_used), (1, 2, 0));
}

#[test]
fn a_tracker_is_an_account() {
    let (tracker, _clock) = tracked(ten_of_each());
    let account: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&tracker);
    account.take(QuotaType::Memory(10)).unwrap();
    assert_eq!(account.take(QuotaType::Memory(1)).unwrap_err().used(), 10);
    account.release(QuotaType::Memory(4));
    account.peek(QuotaType::CpuTimeMicros(1)).unwrap();
    account.charge(QuotaType::CpuTimeMicros(10_500));
    assert!(account.peek(QuotaType::CpuTimeMicros(1)).is_err());
    assert_eq!((tracker.usage().memory_used, tracker.usage().cpu_time_used_us), (6, 10_500));
}
