//! Amounts that no counter has room for: a guest may choose them, and a usage file may hold them.

use std::fs;
use std::sync::Arc;

use limits_core::{Allowance, QuotaResource, QuotaTracker, QuotaType, ResourceQuota};
use quota_enforce::{
    ComponentHandle, EnforceError, QuotaRegistry, QuotaRegistryBuilder, UsageFile, guard,
};

use crate::{account, context, thousand_of_each};

const ALL: QuotaType = QuotaType::Storage(u64::MAX);
const ALL_MEMORY: QuotaType = QuotaType::Memory(u64::MAX);

/// Returns two components of a host, with 900 and 800 bytes stored, and the host's tracker.
fn two(builder: QuotaRegistryBuilder) -> (QuotaRegistry, [ComponentHandle; 2], Arc<QuotaTracker>) {
    let host = ResourceQuota::new().with_storage(10_000).with_memory(10_000);
    let host = Arc::new(QuotaTracker::new(host));
    let registry = builder.parent(Arc::clone(&host)).build();
    let [one, other] =
        ["a", "b"].map(|id| registry.register(context(id, thousand_of_each())).expect("it is new"));
    one.consume(QuotaType::Storage(900)).expect("it fits");
    other.consume(QuotaType::Storage(800)).expect("it fits");
    (registry, [one, other], host)
}

/// Returns the bytes that both components and the host have stored.
fn stored([one, other]: &[ComponentHandle; 2], host: &QuotaTracker) -> [u64; 3] {
    [one.usage(), other.usage(), host.usage()].map(|usage| usage.storage_used)
}

#[test]
fn an_observed_grant_that_is_dropped_leaves_the_use_of_all_as_it_was() {
    // I8
    let (_registry, both, host) = two(QuotaRegistry::builder().observe_only());
    drop(both[0].reserve(ALL).unwrap());
    assert_eq!(stored(&both, &host), [900, 800, 1_700]);
    drop(both[0].reserve_all(&[ALL, ALL, ALL_MEMORY]).unwrap());
    assert_eq!(stored(&both, &host), [900, 800, 1_700]);
    let failed = guard(&both[0], "k", "storage.write", ALL, |_| {
        Err::<(), _>(EnforceError::NotRegistered { id: Box::from("disk full") })
    });
    assert!(failed.is_err());
    assert_eq!(stored(&both, &host), [900, 800, 1_700]);
    let grant = both[0].reserve_up_to(ALL).unwrap();
    grant.commit_actual(QuotaType::Storage(10));
    assert_eq!(stored(&both, &host), [910, 800, 1_710]);
    assert_eq!(both[0].release(ALL), Ok(910));
    assert_eq!(stored(&both, &host), [0, 800, 800]);
}

#[test]
fn an_observed_grant_leaves_room_to_count_the_use_of_others() {
    let (_registry, both, host) = two(QuotaRegistry::builder().observe_only());
    let grants: Vec<_> = (0..100).map(|_| both[0].reserve(ALL).unwrap()).collect();
    assert_eq!(grants[0].amount(QuotaResource::Storage), 1 << 50);
    let store = account(&both[0]);
    store.take(ALL_MEMORY).unwrap();
    both[1].consume(QuotaType::Storage(100)).unwrap();
    both[1].consume(QuotaType::Memory(700)).unwrap();
    drop(grants);
    store.release(ALL_MEMORY);
    assert_eq!(stored(&both, &host), [900, 900, 1_800]);
    assert_eq!((both[0].usage().memory_used, host.usage().memory_used), (0, 700));
}

#[test]
fn an_observed_commit_is_released_once_and_by_its_component_alone() {
    // I8
    let (_registry, both, host) = two(QuotaRegistry::builder().observe_only());
    let store = account(&both[1]);
    store.take(QuotaType::Memory(500)).unwrap();
    both[0].consume(ALL).unwrap();
    let mut grant = both[0].reserve(QuotaType::Storage(2_000)).unwrap();
    grant.settle(ALL);
    drop(grant);
    let [kept, _, total] = stored(&both, &host);
    assert_eq!((kept, total), (u64::MAX - 800, u64::MAX));
    assert_eq!(both[0].release(ALL), Ok(u64::MAX - 800));
    assert_eq!(both[0].release(ALL), Ok(0));
    assert_eq!(stored(&both, &host), [0, 800, 800]);
    assert_eq!(host.usage().memory_used, 500);
}

#[test]
fn a_charge_is_released_as_far_as_it_was_counted() {
    // I8
    let (_registry, both, host) = two(QuotaRegistry::builder());
    let store = account(&both[0]);
    store.take(QuotaType::Memory(500)).unwrap();
    both[0].charge(ALL_MEMORY);
    assert_eq!(both[0].release(ALL_MEMORY), Ok(u64::MAX - 500));
    assert_eq!((both[0].usage().memory_used, host.usage().memory_used), (500, 500));
    // Nor does an account release more, whichever component fills the counter.
    both[1].charge(ALL_MEMORY);
    store.charge(ALL_MEMORY);
    store.release(ALL_MEMORY);
    assert_eq!((both[0].usage().memory_used, host.usage().memory_used), (0, u64::MAX - 500));
    let mut grant = both[0].reserve(QuotaType::Storage(100)).unwrap();
    grant.settle(ALL);
    assert_eq!(both[0].release(ALL), Ok(u64::MAX - 800));
    assert_eq!(stored(&both, &host), [0, 800, 800]);
}

#[test]
fn a_usage_file_with_too_large_a_number_frees_nothing_of_others() {
    // I8
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.json");
    let rest =
        r#""message_count":0,"network_bandwidth_used":0,"cpu_time_used_us":0,"memory_used":0"#;
    let usage = format!(r#"{{"storage_used":{},{rest}}}"#, u64::MAX);
    let component = format!(r#"{{"time_ms":0,"period_ns":1000000000,"usage":{usage}}}"#);
    fs::write(&path, format!(r#"{{"version":1,"components":{{"huge":{component}}}}}"#)).unwrap();
    let file = UsageFile::read(&path).unwrap().unwrap();
    let host = ResourceQuota::new().with_storage(1_000).with_message_rate(Allowance::Unlimited);
    let host = Arc::new(QuotaTracker::new(host));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).usage(file).build();
    let other = registry.register(context("b", thousand_of_each())).unwrap();
    other.consume(QuotaType::Storage(900)).unwrap();
    let huge = registry.register(context("huge", thousand_of_each())).unwrap();
    assert_eq!(huge.release(ALL), Ok(u64::MAX - 900));
    assert_eq!((huge.usage().storage_used, host.usage().storage_used), (0, 900));
    let late = registry.register(context("c", thousand_of_each())).unwrap();
    assert!(late.consume(QuotaType::Storage(101)).is_err(), "1 000 are all the host has");
}
