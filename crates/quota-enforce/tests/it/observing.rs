//! A registry that only observes.

use std::sync::Arc;

use core::time::Duration;
use limits_core::{
    CapabilitySet, ManualClock, Permission, QuotaResource, QuotaTracker, QuotaType, ResourceQuota,
};
use quota_enforce::{QuotaRegistry, SecurityContext};

use crate::{Notebook, account, context, thousand, thousand_of_each};

#[test]
fn nothing_is_denied_and_every_would_be_denial_is_reported() {
    let notebook = Arc::new(Notebook::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)).observe_only();
    let (_registry, handle, _clock) = thousand(builder);
    notebook.take();
    handle.check(Permission::FilesystemRead, "/etc/passwd").unwrap();
    let grant = handle
        .authorize(Permission::FilesystemWrite, "/data/x", QuotaType::Storage(1_200))
        .unwrap();
    assert_eq!(handle.usage().storage_used, 1_200);
    grant.commit();
    handle.consume(QuotaType::MessageRate(1_001)).unwrap();
    assert_eq!(handle.usage().message_count, 0, "such a message would not have been sent");
    let executions = account(&handle);
    executions.peek(QuotaType::Storage(1)).unwrap();
    executions.take(QuotaType::Memory(1_001)).unwrap();
    assert_eq!(handle.usage().memory_used, 1_001);
    executions.release(QuotaType::Memory(1_001));
    assert_eq!(handle.usage().memory_used, 0);
    let told = notebook.take();
    let denied: Vec<_> = told.iter().filter(|line| !line.contains("threshold")).collect();
    assert_eq!(denied.len(), 4, "{told:?}");
    assert!(denied.iter().all(|line| line.contains("_denied (observed) ")), "{told:?}");
    assert_eq!(handle.denials().total(), 4);
    assert_eq!(handle.denials().by_quota(QuotaResource::Storage), 1);
}

#[test]
fn an_observed_grant_is_handed_back_as_any_other() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder().observe_only());
    drop(handle.reserve(QuotaType::Storage(1_200)).unwrap());
    assert_eq!(handle.usage().storage_used, 0);
    let grant = handle.reserve(QuotaType::Storage(1_200)).unwrap();
    grant.commit_actual(QuotaType::Storage(1_500));
    assert_eq!(handle.usage().storage_used, 1_500);
    let grant = handle.reserve_all(&[QuotaType::Storage(10), QuotaType::CpuTime(1)]).unwrap();
    grant.commit_actual(QuotaType::Storage(4));
    assert_eq!(handle.usage().storage_used, 1_504);
    drop(handle.reserve_all(&[QuotaType::Storage(10)]).unwrap());
    assert_eq!(handle.usage().storage_used, 1_504);
}

#[test]
fn charges_are_counted_and_refusals_of_a_parent_are_let_through() {
    let clock = Arc::new(ManualClock::new());
    let host = ResourceQuota::new().with_storage(500).with_message_rate(500);
    let host = Arc::new(QuotaTracker::with_clock(host, clock));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).observe_only().build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    handle.consume(QuotaType::Storage(600)).unwrap();
    handle.consume(QuotaType::MessageRate(600)).unwrap();
    assert_eq!((host.usage().storage_used, host.usage().message_count), (600, 0));
    assert_eq!((handle.usage().storage_used, handle.usage().message_count), (600, 0));
    assert_eq!(handle.denials().total(), 2);
    handle.charge(QuotaType::MessageRate(1_200));
    assert_eq!((handle.usage().message_count, host.usage().message_count), (1_200, 1_200));
    assert_eq!(handle.denials().total(), 2, "what is charged is never refused");
}

#[test]
fn an_observed_grant_says_all_that_was_asked_for() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder().observe_only());
    let asked = [QuotaType::Storage(700), QuotaType::CpuTime(1_001), QuotaType::Storage(700)];
    let grant = handle.reserve_all(&asked).unwrap();
    assert_eq!(format!("{grant:?}"), "Grant { storage: 1400, cpu_time: 1001000, observed: true }");
    assert_eq!(grant.amount(QuotaResource::CpuTime), 1_001_000);
    assert_eq!((handle.usage().storage_used, handle.usage().cpu_time_used_us), (1_400, 0));
    drop(grant);
    assert_eq!(handle.usage().storage_used, 0);
    let grant = handle.reserve_up_to(QuotaType::NetworkBandwidth(1_001)).unwrap();
    assert_eq!(grant.amount(QuotaResource::NetworkBandwidth), 1_001);
    assert_eq!(handle.denials().by_quota(QuotaResource::NetworkBandwidth), 1);
    // Nothing is counted however it is settled.
    grant.commit_actual(QuotaType::NetworkBandwidth(5_000));
    assert_eq!(handle.usage().network_bandwidth_used, 0);
}

#[test]
fn used_up_cpu_time_is_reported_once_for_as_long_as_the_wait_would_have_been() {
    let notebook = Arc::new(Notebook::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)).observe_only();
    let (_registry, handle, clock) = thousand(builder);
    let moment = QuotaType::CpuTimeMicros(1);
    let executions = account(&handle);
    executions.charge(QuotaType::CpuTime(2_500));
    notebook.take();
    // Two and a half times the limit of a window: a wait of two windows, and half a window of use.
    for _ in 0..100 {
        executions.peek(moment).unwrap();
    }
    assert_eq!(handle.denials().by_quota(QuotaResource::CpuTime), 1);
    let told = notebook.take();
    assert!(told.iter().any(|line| line.contains("quota_denied (observed) ")), "{told:?}");
    clock.advance(Duration::from_secs(2));
    executions.peek(moment).unwrap();
    assert_eq!(handle.denials().total(), 1);
    executions.charge(QuotaType::CpuTime(500));
    executions.peek(moment).unwrap();
    executions.peek(moment).unwrap();
    assert_eq!(handle.denials().by_quota(QuotaResource::CpuTime), 2);
}

#[test]
fn a_component_without_cpu_time_is_reported_once_a_period() {
    let (registry, _handle, clock) = thousand(QuotaRegistry::builder().observe_only());
    let quota = ResourceQuota::new().with_cpu_time(0);
    let none = SecurityContext::with_quota("none", CapabilitySet::new(), quota);
    let none = registry.register(none).unwrap();
    for denials in 1..4 {
        for _ in 0..10 {
            account(&none).peek(QuotaType::CpuTimeMicros(1)).unwrap();
        }
        assert_eq!(none.denials().by_quota(QuotaResource::CpuTime), denials);
        clock.advance(Duration::from_secs(1));
    }
}

#[test]
fn several_resources_are_settled_one_by_one_observed_or_not() {
    for builder in [QuotaRegistry::builder(), QuotaRegistry::builder().observe_only()] {
        let (_registry, handle, _clock) = thousand(builder);
        let three = [QuotaType::Storage(500), QuotaType::Memory(500), QuotaType::MessageRate(1)];
        let mut grant = handle.reserve_all(&three).unwrap();
        grant.settle(QuotaType::Storage(10));
        grant.settle(QuotaType::None);
        assert_eq!(grant.amount(QuotaResource::Storage), 0);
        assert_eq!(grant.amount(QuotaResource::Memory), 500);
        drop(grant);
        assert_eq!((handle.usage().storage_used, handle.usage().memory_used), (10, 0));
    }
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder().observe_only());
    let too_much = [QuotaType::Storage(1_500), QuotaType::Memory(100)];
    let mut grant = handle.reserve_all(&too_much).unwrap();
    grant.settle(QuotaType::Storage(1_200));
    drop(grant);
    assert_eq!((handle.usage().storage_used, handle.usage().memory_used), (1_200, 0));
}
