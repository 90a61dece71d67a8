//! Registering in two steps.

use std::sync::Arc;

use limits_core::{Permission, QuotaTracker, QuotaType, QuotaUsage, ResourceQuota};
use quota_enforce::{EnforceError, QuotaRegistry, UsageSnapshot};

use crate::{Notebook, account, context, thousand_of_each};

#[test]
fn a_registration_that_is_not_kept_leaves_nothing() {
    let notebook = Arc::new(Notebook::default());
    let host = Arc::new(QuotaTracker::new(ResourceQuota::new()));
    let registry = QuotaRegistry::builder()
        .audit(Arc::<Notebook>::clone(&notebook))
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
    assert!(
        registry.unregister("a").is_err() && registry.set_quota("a", thousand_of_each()).is_err()
    );
    let handle = registration.handle().clone();
    drop(registration);
    assert_eq!(notebook.take(), [""; 0]);
    assert_eq!(host.usage(), QuotaUsage::default());
    assert!(handle.consume(QuotaType::Storage(1)).is_err());
    // The id is free again.
    let kept = registry.register(context()).unwrap();
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
    account(&early).take(QuotaType::Memory(10)).unwrap();
    let kept = registration.keep();
    assert_eq!((&kept, kept.usage().memory_used), (&early, 10));
    early.consume(QuotaType::Storage(1)).unwrap();
    assert_eq!(registry.get("a"), Some(kept));
    assert_eq!(notebook.take(), ["a registered"]);
}
