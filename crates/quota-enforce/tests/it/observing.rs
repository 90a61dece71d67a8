//! A registry that only observes.

use std::sync::Arc;

use limits_core::{Account, Permission, QuotaResource, QuotaType};
use quota_enforce::QuotaRegistry;

use crate::{Notebook, thousand};

#[test]
fn nothing_is_denied_and_everything_that_would_have_been_is_told() {
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
    Account::peek(&handle, QuotaType::Storage(1)).unwrap();
    Account::reserve(&handle, QuotaType::Memory(1_001)).unwrap();
    assert_eq!(handle.usage().memory_used, 1_001);
    Account::release(&handle, QuotaType::Memory(1_001));
    assert_eq!(handle.usage().memory_used, 0);
    let told = notebook.take();
    let denied: Vec<_> = told.iter().filter(|line| !line.contains("threshold")).collect();
    assert_eq!(denied.len(), 4, "{told:?}");
    assert!(denied.iter().all(|line| line.contains("_denied (observed) ")), "{told:?}");
    assert_eq!(handle.denials().total(), 4);
    assert_eq!(handle.denials().by_quota(QuotaResource::Storage), 1);
}

#[test]
fn what_was_only_observed_goes_back_like_anything_else() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder().observe_only());
    drop(handle.reserve(QuotaType::Storage(1_200)).unwrap());
    assert_eq!(handle.usage().storage_used, 0);
    let grant = handle.reserve(QuotaType::Storage(1_200)).unwrap();
    grant.commit_actual(QuotaType::Storage(1_500));
    assert_eq!(handle.usage().storage_used, 1_500);
    let grant = handle.reserve_all(&[QuotaType::Storage(10), QuotaType::CpuTime(1)]).unwrap();
    grant.commit_actual(QuotaType::Storage(4));
    assert_eq!(handle.usage().storage_used, 1_504);
    drop(handle.reserve_owned(&[QuotaType::Storage(10)]).unwrap());
    assert_eq!(handle.usage().storage_used, 1_504);
}
