//! No host function releases what grants and executions hold.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
use quota_enforce::QuotaRegistry;

use crate::{account, context, thousand, thousand_of_each};

#[test]
fn a_release_of_everything_leaves_open_grants_and_live_stores_counted() {
    // I8
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let store = account(&handle);
    store.take(QuotaType::Memory(600)).unwrap();
    let grant = handle.reserve(QuotaType::Memory(100)).unwrap();
    handle.consume(QuotaType::Memory(50)).unwrap();
    assert_eq!(handle.clone().release(QuotaType::Memory(u64::MAX)), Ok(50));
    assert_eq!(handle.release(QuotaType::Memory(u64::MAX)), Ok(0));
    assert_eq!(handle.usage().memory_used, 700);
    // Nor does another account, which a host function could make.
    account(&handle).release(QuotaType::Memory(u64::MAX));
    assert_eq!(handle.usage().memory_used, 700);
    assert!(handle.consume(QuotaType::Memory(301)).is_err());
    store.release(QuotaType::Memory(u64::MAX));
    drop(grant);
    assert_eq!(handle.usage().memory_used, 0);
}

#[test]
fn a_seeded_use_can_be_released_once() {
    // I8
    let registry = QuotaRegistry::new();
    let mut before = quota_enforce::UsageSnapshot::default();
    (before.storage_used, before.memory_used) = (900, 900);
    let handle = registry.register(context("a", thousand_of_each()).with_usage(before)).unwrap();
    assert_eq!(handle.release(QuotaType::Memory(u64::MAX)), Ok(0), "its stores are gone");
    assert_eq!(handle.release(QuotaType::Storage(400)), Ok(400));
    assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(500));
    assert_eq!(handle.release(QuotaType::Storage(1)), Ok(0));
}

#[test]
fn an_account_that_is_dropped_releases_its_memory_and_leaves_what_it_stored_to_the_handles() {
    // I8
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let (store, other) = (account(&handle), account(&handle));
    other.take(QuotaType::Memory(100)).unwrap();
    store.take(QuotaType::Memory(500)).unwrap();
    store.charge(QuotaType::Memory(70));
    store.take(QuotaType::Storage(300)).unwrap();
    store.release(QuotaType::Memory(20));
    let clone = Arc::clone(&store);
    drop(store);
    assert_eq!(handle.usage().memory_used, 650, "it is still in use");
    drop(clone);
    assert_eq!((handle.usage().memory_used, handle.usage().storage_used), (100, 300));
    assert_eq!(handle.release(QuotaType::Memory(u64::MAX)), Ok(0));
    assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(300));
    drop(other);
    assert_eq!(handle.usage().memory_used, 0);
}

#[test]
fn a_forgotten_grant_stays_counted_until_a_reset() {
    // I8
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    core::mem::forget(handle.reserve(QuotaType::Storage(900)).unwrap());
    assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(0));
    assert_eq!(handle.usage().storage_used, 900);
    registry.reset_usage("a").unwrap();
    assert_eq!(handle.usage().storage_used, 0);
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(1_000));
}

#[test]
fn a_reset_leaves_nothing_to_release() {
    // I8
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(900)).unwrap();
    registry.reset_usage("a").unwrap();
    handle
        .reserve(QuotaType::Storage(300))
        .unwrap()
        .run(|| {
            assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(0));
            Ok::<_, ()>(())
        })
        .unwrap();
    assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(300));
}

#[test]
fn memory_of_live_stores_stays_counted_while_other_threads_release_everything() {
    // I8
    let host = Arc::new(QuotaTracker::new(ResourceQuota::new()));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).build();
    let quota = ResourceQuota::new().with_memory(1_000_000).with_storage(1_000_000);
    let handle = registry.register(context("a", quota)).unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            // A host function that zeroes whatever it can.
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    handle.release(QuotaType::Memory(u64::MAX)).unwrap();
                    account(&handle).release(QuotaType::Memory(u64::MAX));
                    std::thread::yield_now();
                }
            });
        }
        let executions = [3_u64, 5].map(|bytes| {
            let handle = &handle;
            scope.spawn(move || {
                for _ in 0..20_000 {
                    let store = account(handle);
                    store.take(QuotaType::Memory(bytes)).unwrap();
                    handle.consume(QuotaType::Memory(1)).unwrap();
                    let used = handle.usage().memory_used;
                    assert!(used >= bytes, "{used} of at least {bytes} bytes are counted");
                    store.release(QuotaType::Memory(bytes));
                }
            })
        });
        executions.into_iter().for_each(|execution| execution.join().unwrap());
        is_done.store(true, Ordering::Relaxed);
    });
    handle.release(QuotaType::Memory(u64::MAX)).unwrap();
    assert_eq!((handle.usage().memory_used, host.usage().memory_used), (0, 0));
}
