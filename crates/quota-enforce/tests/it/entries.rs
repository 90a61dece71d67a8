//! Entries of storage: a total beside its bytes.

use std::sync::Arc;

use limits_core::{Allowance, QuotaTracker, QuotaType, ResourceQuota};
use quota_enforce::{AuditSink, QuotaRegistry};

use crate::{Notebook, account, context};

const FILE: [QuotaType; 2] = [QuotaType::Storage(100), QuotaType::StorageEntries(1)];

fn ten_entries() -> ResourceQuota {
    ResourceQuota::new().with_storage_entries(10)
}

#[test]
fn a_file_takes_bytes_and_an_entry_or_neither() {
    let book = Arc::new(Notebook::default());
    let sink: Arc<dyn AuditSink> = Arc::<Notebook>::clone(&book);
    let registry = QuotaRegistry::builder().audit(sink).build();
    let handle = registry.register(context("a", ten_entries())).unwrap();
    book.take();
    for _ in 0..10 {
        handle.reserve_all(&FILE).unwrap().commit();
    }
    let refused = handle.reserve_all(&FILE).unwrap_err();
    let text = "storage entries quota of 10 entries exceeded: 10 used, 1 more requested; \
                retry after a release";
    assert!(refused.to_string().ends_with(text), "{refused}");
    assert_eq!((handle.usage().storage_used, handle.usage().storage_entries_used), (1_000, 10));
    assert_eq!(
        book.take(),
        [
            String::from("a threshold storage_entries normal -> warning at 8"),
            String::from("a threshold storage_entries warning -> critical at 10"),
            format!("a quota_denied {text}"),
        ]
    );
    // I8
    assert_eq!(handle.release(QuotaType::StorageEntries(u64::MAX)), Ok(10));
    assert_eq!(handle.release(QuotaType::StorageEntries(1)), Ok(0));
    assert_eq!(book.take(), ["a threshold storage_entries critical -> normal at 0"]);
    assert_eq!(handle.usage().storage_used, 1_000, "bytes are another total");
}

#[test]
fn entries_are_handed_back_by_a_grant_and_left_to_the_handle_by_an_account() {
    // I8
    for builder in [QuotaRegistry::builder(), QuotaRegistry::builder().observe_only()] {
        let registry = builder.build();
        let handle = registry.register(context("a", ten_entries())).unwrap();
        drop(handle.reserve_all(&FILE).unwrap());
        let mut grant = handle.reserve(QuotaType::StorageEntries(9)).unwrap();
        grant.settle(QuotaType::StorageEntries(3));
        drop(grant);
        let execution = account(&handle);
        execution.take(QuotaType::StorageEntries(4)).unwrap();
        assert_eq!(handle.release(QuotaType::StorageEntries(u64::MAX)), Ok(3));
        drop(execution);
        assert_eq!(handle.usage().storage_entries_used, 4);
        assert_eq!(handle.release(QuotaType::StorageEntries(u64::MAX)), Ok(4));
    }
}

#[test]
fn the_hosts_ceiling_bounds_the_entries_of_all_and_a_dropped_registration_returns_its_own() {
    let unlimited = ResourceQuota::new();
    let host = Arc::new(QuotaTracker::new(unlimited.with_storage_entries(3)));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).build();
    let registration = registry.prepare(context("a", unlimited)).unwrap();
    registration.handle().charge(QuotaType::StorageEntries(2));
    let other = registry.register(context("b", unlimited)).unwrap();
    let refused = other.consume(QuotaType::StorageEntries(2)).unwrap_err();
    assert_eq!(refused.as_quota().map(|refused| refused.depth()), Some(1));
    drop(registration);
    assert_eq!(host.usage().storage_entries_used, 0);
    other.consume(QuotaType::StorageEntries(3)).unwrap();

    // A quota of entries alone makes a ceiling.
    let only = unlimited
        .with_storage(Allowance::Unlimited)
        .with_message_rate(Allowance::Unlimited)
        .with_network_bandwidth(Allowance::Unlimited)
        .with_cpu_time(Allowance::Unlimited)
        .with_memory(Allowance::Unlimited);
    assert!(QuotaRegistry::builder().host(only).build().parent().is_none());
    let registry = QuotaRegistry::builder().host(only.with_storage_entries(3)).build();
    assert!(registry.parent().is_some());
}
