//! Registering in two steps.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_core::{
    CapabilitySet, ExecutionEnd, ExecutionOutcome, Permission, QuotaTracker, QuotaType, QuotaUsage,
    ResourceQuota,
};
use quota_enforce::{AuditEvent, AuditSink, EnforceError, QuotaRegistry, UsageSnapshot};

use crate::{Notebook, account, context, thousand_of_each};

/// Counts the executions that have ended.
#[derive(Debug, Default)]
struct Ends(AtomicU64);

impl AuditSink for Ends {
    fn record(&self, _event: &AuditEvent<'_>) {}

    fn execution_ended(&self, _component: &str, _end: &ExecutionEnd) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

const ENDED: ExecutionEnd = ExecutionEnd::new(ExecutionOutcome::Timeout);

#[test]
fn a_registration_that_is_not_kept_leaves_nothing() {
    let notebook = Arc::new(Notebook::default());
    let ends = Arc::new(Ends::default());
    let host = Arc::new(QuotaTracker::new(ResourceQuota::new()));
    let registry = QuotaRegistry::builder()
        .audit(Arc::<Notebook>::clone(&notebook))
        .audit(Arc::<Ends>::clone(&ends))
        .parent(Arc::clone(&host))
        .build();
    let used = QuotaUsage { storage_used: 900, message_count: 3, ..QuotaUsage::default() };
    let context = || context("a", thousand_of_each()).with_usage(UsageSnapshot::from(used));
    let registration = registry.prepare(context()).unwrap();
    let taken = registry.register(context()).unwrap_err();
    assert_eq!(taken, EnforceError::AlreadyRegistered { id: Box::from("a") });
    assert!(registry.prepare(context()).is_err());
    assert_eq!((registry.len(), registry.get("a")), (0, None));
    assert!(registry.is_empty() && registry.list().is_empty() && registry.snapshots().is_empty());
    let handle = registration.handle().clone();
    // An instantiation that is a part of loading.
    let execution = account(&handle);
    execution.take(QuotaType::Memory(1_001)).unwrap_err();
    execution.take(QuotaType::Memory(10)).unwrap();
    execution.ended(&ENDED);
    execution.release(QuotaType::Memory(10));
    handle.charge(QuotaType::Storage(50));
    handle.charge(QuotaType::Memory(60));
    assert_eq!((host.usage().storage_used, host.usage().memory_used), (50, 60));
    drop(registration);
    execution.ended(&ENDED);
    assert_eq!(notebook.take(), [""; 0]);
    assert_eq!(ends.0.load(Ordering::Relaxed), 0);
    assert_eq!(host.usage(), QuotaUsage::default());
    assert!(handle.consume(QuotaType::Storage(1)).is_err());
    // The id is free again.
    let kept = registry.register(context()).unwrap();
    account(&kept).ended(&ENDED);
    assert_eq!(ends.0.load(Ordering::Relaxed), 1);
    assert_ne!(kept, handle);
    assert_eq!(kept.usage().storage_used, 900);
    assert_eq!(host.usage().storage_used, 900);
}

#[test]
fn a_registration_that_is_kept_is_heard_of_once_and_its_handle_works_from_then_on() {
    let notebook = Arc::new(Notebook::default());
    let registry = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)).build();
    let registration = registry.prepare(context("a", thousand_of_each())).unwrap();
    let early = registration.handle().clone();
    let gone = EnforceError::NotRegistered { id: Box::from("a") };
    assert_eq!(early.check(Permission::FilesystemWrite, "/data/x").unwrap_err(), gone);
    assert_eq!(early.reserve(QuotaType::Storage(1)).unwrap_err(), gone);
    // An instantiation that is a part of loading.
    let store = account(&early);
    store.take(QuotaType::Memory(10)).unwrap();
    let kept = registration.keep();
    assert_eq!((&kept, kept.usage().memory_used), (&early, 10));
    early.consume(QuotaType::Storage(1)).unwrap();
    assert_eq!(registry.get("a"), Some(kept));
    assert_eq!(notebook.take(), ["a registered"]);
}

#[test]
fn a_revocation_and_a_new_quota_reach_a_prepared_component() {
    let registry = QuotaRegistry::new();
    let registration = registry.prepare(context("a", thousand_of_each())).unwrap();
    registry.set_capabilities("a", &CapabilitySet::new()).unwrap();
    registry.set_quota("a", thousand_of_each().with_storage(10)).unwrap();
    let other_period = thousand_of_each().with_reset_period(Duration::from_secs(7));
    assert!(registry.set_quota("a", other_period).is_err());
    let kept = registration.keep();
    assert!(kept.check(Permission::FilesystemWrite, "/data/x").is_err());
    assert!(kept.consume(QuotaType::Storage(11)).is_err());
    kept.consume(QuotaType::Storage(10)).unwrap();
}

#[test]
fn a_prepared_component_can_be_unregistered_and_its_registration_then_registers_nothing() {
    let notebook = Arc::new(Notebook::default());
    let host = Arc::new(QuotaTracker::new(ResourceQuota::new()));
    let registry = QuotaRegistry::builder()
        .audit(Arc::<Notebook>::clone(&notebook))
        .parent(Arc::clone(&host))
        .build();
    let context = || {
        let used = UsageSnapshot::from(QuotaUsage { storage_used: 900, ..QuotaUsage::default() });
        context("a", thousand_of_each()).with_usage(used)
    };
    // A registration that is forgotten does not keep the id for ever.
    core::mem::forget(registry.prepare(context()).unwrap());
    let forgotten = registry.unregister("a").unwrap();
    assert!(!forgotten.is_registered() && registry.unregister("a").is_err());
    // One that is alive registers nothing, neither before its id is taken again nor after that.
    let first = registry.prepare(context()).unwrap();
    registry.unregister("a").unwrap();
    let late = first.keep();
    assert!(!late.is_registered() && registry.is_empty());
    let first = registry.prepare(context()).unwrap();
    registry.unregister("a").unwrap();
    let successor = registry.register(context()).unwrap();
    let late = first.keep();
    assert_eq!(registry.get("a").as_ref(), Some(&successor));
    assert!(late != successor && late.consume(QuotaType::Storage(1)).is_err());
    assert_eq!((host.usage().storage_used, late.usage().storage_used), (900, 0));
    assert_eq!(notebook.take(), ["a registered", "a threshold storage normal -> warning at 900"]);
}

#[test]
fn storage_of_an_account_that_outlives_a_dropped_registration_is_left_to_the_handle() {
    let host = Arc::new(QuotaTracker::new(ResourceQuota::new()));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).build();
    let registration = registry.prepare(context("a", thousand_of_each())).unwrap();
    let handle = registration.handle().clone();
    let execution = account(&handle);
    execution.take(QuotaType::Storage(10)).unwrap();
    execution.take(QuotaType::Memory(20)).unwrap();
    drop(registration);
    drop(execution);
    assert_eq!((host.usage().storage_used, host.usage().memory_used), (10, 0));
    assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(10));
    assert_eq!(host.usage().storage_used, 0);
}
