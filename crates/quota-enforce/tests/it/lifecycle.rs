//! Registering, finding, unregistering.

use std::sync::Arc;

use limits_core::{
    Allowance, CapabilitySet, Permission, QuotaTracker, QuotaType, QuotaUsage, ResourceQuota,
};
use quota_enforce::{EnforceError, QuotaRegistry, SecurityContext, UsageSnapshot};

use crate::{account, capabilities, context, thousand, thousand_of_each};

#[test]
fn a_second_registration_is_an_error_and_leaves_the_first_untouched() {
    // Regression: the original design replaced the first one, fresh counters and new capabilities
    // included, and then returned the error.
    let (registry, first, _clock) = thousand(QuotaRegistry::builder());
    first.consume(QuotaType::Storage(700)).unwrap();
    let generous = SecurityContext::with_quota(
        "a",
        CapabilitySet::builder().grant(Permission::FilesystemRead, "**").build().unwrap(),
        ResourceQuota::new(),
    );
    let error = registry.register(generous).unwrap_err();
    assert_eq!(error, EnforceError::AlreadyRegistered { id: Box::from("a") });
    let found = registry.get("a").unwrap();
    assert_eq!(found, first);
    assert_eq!(found.usage().storage_used, 700);
    assert_eq!(found.quota(), thousand_of_each());
    assert!(found.check(Permission::FilesystemRead, "/etc/passwd").is_err());
    assert!(found.is_registered());
}

#[test]
fn an_unregistered_component_gets_nothing_more() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let last = registry.unregister("a").unwrap();
    assert_eq!(last, handle);
    assert!(!handle.is_registered());
    let gone = EnforceError::NotRegistered { id: Box::from("a") };
    let write = Permission::FilesystemWrite;
    let quota = QuotaType::Storage(1);
    assert_eq!(handle.check(write, "/data/x").unwrap_err(), gone);
    assert_eq!(handle.check_with_quota(write, "/data/x", quota).unwrap_err(), gone);
    assert_eq!(handle.authorize(write, "/data/x", quota).unwrap_err(), gone);
    assert_eq!(handle.reserve(quota).unwrap_err(), gone);
    assert_eq!(handle.reserve_all(&[quota]).unwrap_err(), gone);
    assert_eq!(handle.consume(quota).unwrap_err(), gone);
    assert_eq!(registry.unregister("a").unwrap_err(), gone);
    assert_eq!(registry.lookup("a").unwrap_err(), gone);
    assert_eq!(registry.get("a"), None);
}

#[test]
fn grants_that_are_open_at_unregistration_settle_on_their_own_counters() {
    let (registry, old, _clock) = thousand(QuotaRegistry::builder());
    let kept = old.reserve(QuotaType::Storage(600)).unwrap();
    let dropped = old.reserve(QuotaType::Storage(300)).unwrap();
    registry.unregister("a").unwrap();

    let new = registry.register(context("a", thousand_of_each())).unwrap();
    assert_ne!(new, old);
    assert_eq!(new.usage().storage_used, 0, "nothing is inherited");
    kept.commit();
    drop(dropped);
    old.charge(QuotaType::CpuTime(5));
    assert_eq!(old.release(QuotaType::Storage(100)), Ok(100));
    assert_eq!(old.usage().storage_used, 500);
    assert_eq!(new.usage(), QuotaUsage::default(), "nothing is charged to it");
    // An execution that began before goes on to its end.
    let execution = account(&old);
    execution.take(QuotaType::Memory(10)).unwrap();
    assert_eq!(old.usage().memory_used, 10);
}

#[test]
fn calls_in_flight_on_many_threads_survive_that_their_component_comes_and_goes() {
    let registry = QuotaRegistry::new();
    let quota = thousand_of_each().with_storage(100);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut served = 0;
                while served < 2_000 {
                    let Some(handle) = registry.get("a") else {
                        std::thread::yield_now();
                        continue;
                    };
                    if let Ok(grant) = handle.reserve(QuotaType::Storage(1)) {
                        assert!(handle.usage().storage_used <= 100);
                        drop(grant);
                    }
                    served += 1;
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..500 {
                let handle = registry.register(context("a", quota)).unwrap();
                std::thread::yield_now();
                assert_eq!(registry.unregister("a").unwrap(), handle);
            }
            registry.register(context("a", quota)).unwrap();
        });
    });
    assert_eq!(registry.get("a").unwrap().usage().storage_used, 0);
}

#[test]
fn one_of_many_threads_registers_an_id() {
    let registry = QuotaRegistry::new();
    let won = std::thread::scope(|scope| {
        let register = || registry.register(context("a", thousand_of_each())).is_ok();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(register)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(won, 1);
}

#[test]
fn ids_are_checked() {
    let registry = QuotaRegistry::new();
    let register = |id: &str| registry.register(context(id, ResourceQuota::new()));
    for id in ["", "a\nb", "a\u{202e}b", "a\u{200b}b", "a\u{e0041}b", &"x".repeat(257)] {
        assert!(matches!(register(id), Err(EnforceError::InvalidId { .. })), "{id:?}");
    }
    register(&"x".repeat(256)).unwrap();
    let own = CapabilitySet::builder().grant(Permission::StorageRead, "c:<id>:*").build().unwrap();
    let error = registry.register(SecurityContext::new("a:b", own)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "storage pattern `c:<id>:*` refused: the id `a:b` cannot stand for `<id>`: it has the separator `:`"
    );
    assert_eq!(registry.len(), 1);
}

#[test]
fn components_are_listed_by_id() {
    let registry = QuotaRegistry::new();
    assert!(registry.is_empty());
    for id in ["b", "c", "a"] {
        registry.register(context(id, thousand_of_each())).unwrap();
    }
    registry.get("c").unwrap().consume(QuotaType::Storage(3)).unwrap();
    let ids: Vec<_> = registry.list().iter().map(|handle| handle.id().to_owned()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let used: Vec<_> = registry
        .statuses()
        .into_iter()
        .map(|(id, status)| (String::from(id), status.storage.used()))
        .collect();
    assert_eq!(used, [("a", 0), ("b", 0), ("c", 3)].map(|(id, used)| (id.to_owned(), used)));
    assert_eq!(registry.snapshots()["c"].storage_used, 3);
}

#[test]
fn registries_share_nothing() {
    // Regression: the original design had one registry for the whole process.
    let (one, other) = (QuotaRegistry::new(), QuotaRegistry::new());
    let first = one.register(context("a", thousand_of_each())).unwrap();
    let second = other.register(context("a", thousand_of_each())).unwrap();
    assert_ne!(first, second);
    first.consume(QuotaType::Storage(1_000)).unwrap();
    second.consume(QuotaType::Storage(1_000)).unwrap();
    other.unregister("a").unwrap();
    assert!(one.lookup("a").is_ok_and(|handle| handle.is_registered()));
    assert_eq!(other.get("a"), None);
}

#[test]
fn storage_survives_a_restart() {
    // A component that was started again had its whole quota, although its files were there.
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(900)).unwrap();
    handle.consume(QuotaType::Memory(900)).unwrap();
    let written = serde_json::to_string(&registry.snapshots()).unwrap();
    drop((registry, handle));

    let read: std::collections::BTreeMap<Box<str>, UsageSnapshot> =
        serde_json::from_str(&written).unwrap();
    let registry = QuotaRegistry::new();
    let again = context("a", thousand_of_each()).with_usage(read["a"]);
    let handle = registry.register(again).unwrap();
    assert_eq!(handle.usage().storage_used, 900);
    assert_eq!(handle.usage().memory_used, 0, "the stores are gone");
    let refused = handle.consume(QuotaType::Storage(101)).unwrap_err();
    assert_eq!(refused.as_quota().unwrap().used(), 900);
}

#[test]
fn storage_from_before_a_restart_counts_for_the_host_as_well() {
    let host = Arc::new(QuotaTracker::new(ResourceQuota::new().with_storage(1_500)));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).build();
    let stored = UsageSnapshot::from(QuotaUsage { storage_used: 900, ..QuotaUsage::default() });
    registry.register(context("a", thousand_of_each()).with_usage(stored)).unwrap();
    let fresh = registry.register(context("b", thousand_of_each())).unwrap();
    let refused = fresh.consume(QuotaType::Storage(601)).unwrap_err();
    let refused = refused.as_quota().unwrap();
    assert_eq!((refused.depth(), refused.used()), (1, 900));
}

#[test]
fn overwriting_counts_the_difference_and_a_recount_corrects_drift() {
    // Regression: the original design added every write, and nothing took anything off.
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let stored = || handle.usage().storage_used;
    handle.consume(QuotaType::Storage(600)).unwrap();
    // 600 bytes are overwritten by 700, and then by 200: only the difference must fit.
    handle.consume(QuotaType::Storage(700 - 600)).unwrap();
    assert_eq!(handle.release(QuotaType::Storage(700 - 200)), Ok(500));
    assert_eq!(stored(), 200);
    // Another program wrote more than there is room for, and deleted some of it.
    for counted in [1_100_u64, 350] {
        handle.charge(QuotaType::Storage(counted.saturating_sub(stored())));
        handle.release(QuotaType::Storage(stored().saturating_sub(counted))).unwrap();
        assert_eq!(stored(), counted);
    }
    assert!(handle.consume(QuotaType::Storage(651)).is_err());
    handle.consume(QuotaType::Storage(650)).unwrap();
}

#[test]
fn a_ceiling_over_all_components_holds_and_says_that_it_was_the_one() {
    let host = Arc::new(QuotaTracker::new(ResourceQuota::new().with_storage(1_500)));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).build();
    let one = registry.register(context("a", thousand_of_each())).unwrap();
    let other = registry.register(context("b", thousand_of_each())).unwrap();
    one.consume(QuotaType::Storage(1_000)).unwrap();
    let error = other.consume(QuotaType::Storage(501)).unwrap_err();
    let error = error.as_quota().unwrap();
    assert_eq!((error.depth(), error.used(), error.limit()), (1, 1_000, 1_500));
    other.consume(QuotaType::Storage(500)).unwrap();
    assert_eq!(host.usage().storage_used, 1_500);
    // Stored bytes stay counted when their component goes, until the host releases them.
    let gone = registry.unregister("a").unwrap();
    assert_eq!(host.usage().storage_used, 1_500);
    gone.release(QuotaType::Storage(1_000)).unwrap();
    assert_eq!(host.usage().storage_used, 500);
}

#[test]
fn a_quota_changes_while_its_component_runs() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(800)).unwrap();
    registry.set_quota("a", thousand_of_each().with_storage(500)).unwrap();
    assert!(handle.consume(QuotaType::Storage(1)).is_err());
    handle.release(QuotaType::Storage(400)).unwrap();
    handle.consume(QuotaType::Storage(100)).unwrap();
    let period = core::time::Duration::from_secs(2);
    let error = registry.set_quota("a", thousand_of_each().with_reset_period(period)).unwrap_err();
    let EnforceError::PeriodMismatch(fixed) = error else { panic!("{error}") };
    assert_eq!((fixed.current(), fixed.requested()), (period / 2, period));
}

#[test]
fn a_hundred_thousand_components_with_the_same_patterns_share_them() {
    // Regression: the original design built its list of patterns twice for every check. Here they
    // are compiled once, and every component and every decision points at the same ones.
    let registry = QuotaRegistry::new();
    let capabilities = capabilities();
    for index in 0..100_000 {
        let context = SecurityContext::new(format!("c{index}"), capabilities.clone());
        registry.register(context).unwrap();
    }
    assert_eq!(registry.len(), 100_000);
    let rule = |id: &str| {
        let handle = registry.get(id).unwrap();
        let capabilities = handle.capabilities();
        let decision = capabilities.check(Permission::FilesystemWrite, "/data/x");
        core::ptr::from_ref(decision.rule().unwrap())
    };
    assert_eq!(rule("c7"), rule("c99999"));
}

#[test]
fn identity_is_in_the_handle_on_every_thread() {
    // Regression: the original design kept the identity in a thread local, which an async task
    // leaves behind when it moves to another thread, and which a nested call cleared.
    let registry = QuotaRegistry::new();
    let outer = registry.register(context("outer", thousand_of_each())).unwrap();
    let inner = registry.register(context("inner", thousand_of_each())).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks = [outer.clone(), inner.clone()].map(|handle| {
            let nested = inner.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                    account(&nested).peek(QuotaType::Storage(1)).unwrap();
                    handle.consume(QuotaType::Storage(1)).unwrap();
                }
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(outer.usage().storage_used, 100);
    assert_eq!(inner.usage().storage_used, 100);
}

#[test]
fn a_host_quota_is_counted_if_it_bounds_anything_and_costs_nothing_if_not() {
    let none = Allowance::Unlimited;
    let unbounded = ResourceQuota::new()
        .with_storage(none)
        .with_message_rate(none)
        .with_network_bandwidth(none)
        .with_cpu_time(none)
        .with_memory(none);
    let parent = |quota| {
        let registry = QuotaRegistry::builder().host(quota).build();
        registry.parent().map(|parent| parent.quota())
    };
    assert_eq!(parent(unbounded), None);
    for bounded in [
        unbounded.with_storage(0),
        unbounded.with_message_rate(1),
        unbounded.with_network_bandwidth(1),
        unbounded.with_cpu_time(1),
        unbounded.with_memory(u64::MAX),
    ] {
        assert!(parent(bounded).is_some());
    }
}
