//! Components that go and come again: who counts what, and who is still served.

use std::sync::Arc;

use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
use quota_enforce::{QuotaRegistry, UsageSnapshot};

use crate::{context, thousand, thousand_of_each};

#[test]
fn storage_is_counted_once_by_the_host_if_it_is_released_before_it_is_seeded_again() {
    let host = Arc::new(QuotaTracker::new(ResourceQuota::new().with_storage(1_500)));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).build();
    let old = registry.register(context("a", thousand_of_each())).unwrap();
    old.consume(QuotaType::Storage(900)).unwrap();
    let gone = registry.unregister("a").unwrap();
    let used: UsageSnapshot = gone.snapshot();
    assert_eq!(gone.release(QuotaType::Storage(used.storage_used)), Ok(900));
    let again = context("a", thousand_of_each()).with_usage(used);
    let new = registry.register(again).unwrap();
    assert_eq!((new.usage().storage_used, host.usage().storage_used), (900, 900));
}

#[test]
fn handles_outlive_their_registry_and_are_still_bounded_and_heard() {
    let notebook = Arc::new(crate::Notebook::default());
    let builder = QuotaRegistry::builder().audit(Arc::<crate::Notebook>::clone(&notebook));
    let (registry, handle, _clock) = thousand(builder);
    drop(registry);
    assert!(handle.is_registered());
    let grant = handle.reserve_all(&[QuotaType::Storage(700)]).unwrap();
    assert!(handle.consume(QuotaType::Storage(301)).is_err());
    drop(handle);
    drop(grant);
    assert_eq!(notebook.take().len(), 2, "registered, denied");
}

#[test]
fn a_snapshot_counts_what_is_in_flight() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let grant = handle.reserve(QuotaType::Storage(400)).unwrap();
    assert_eq!(registry.snapshots()["a"].storage_used, 400);
    drop(grant);
    assert_eq!(registry.snapshots()["a"].storage_used, 0);
}

#[test]
fn a_debt_survives_a_restart_of_its_component_and_old_windows_need_not() {
    let (registry, handle, clock) = thousand(QuotaRegistry::builder());
    handle.charge(QuotaType::CpuTime(5_000));
    handle.consume(QuotaType::Storage(10)).unwrap();
    let used = registry.unregister("a").unwrap().snapshot();
    let again = context("a", thousand_of_each()).with_usage(used);
    let handle = registry.register(again).unwrap();
    clock.advance(core::time::Duration::from_secs(1));
    assert!(handle.consume(QuotaType::CpuTime(1)).is_err(), "four windows are still owed");
    registry.unregister("a").unwrap();
    let old = context("a", thousand_of_each()).with_usage(used.without_rates());
    let handle = registry.register(old).unwrap();
    handle.consume(QuotaType::CpuTime(1)).unwrap();
    assert_eq!(handle.usage().storage_used, 10);
}
