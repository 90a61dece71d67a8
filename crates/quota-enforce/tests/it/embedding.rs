//! Threads, lifetimes and the places where the macro fits.

use core::error::Error;
use limits_core::QuotaType;
use quota_enforce::{
    ComponentHandle, Denials, EnforceError, Grant, JsonLinesSink, QuotaRegistry,
    QuotaRegistryBuilder, SecurityContext, TracingSink, UsageLevel, UsageSnapshot, with_quota,
};

use crate::thousand;

#[test]
fn everything_can_be_shared_between_threads_and_kept() {
    const fn shared<T: Send + Sync + 'static>() {}
    const fn error<T: Error + Send + Sync + 'static>() {}
    shared::<QuotaRegistry>();
    shared::<QuotaRegistryBuilder>();
    shared::<ComponentHandle>();
    shared::<SecurityContext>();
    shared::<UsageSnapshot>();
    shared::<Denials>();
    shared::<UsageLevel>();
    shared::<Grant>();
    shared::<JsonLinesSink>();
    shared::<TracingSink>();
    #[cfg(feature = "metrics")]
    shared::<quota_enforce::MetricsExporter>();
    error::<EnforceError>();
}

#[tokio::test]
async fn a_guarded_future_that_owns_everything_says_its_error_and_can_be_spawned() {
    async fn send(handle: ComponentHandle, message: Vec<u8>) -> Result<usize, Box<dyn Error>> {
        let task = tokio::spawn(with_quota!(handle, "t", "send", QuotaType::MessageRate(1)
        => async move -> Result<usize, EnforceError> {
            tokio::task::yield_now().await;
            Ok(message.len())
        }));
        Ok(task.await??)
    }
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    assert_eq!(send(handle.clone(), vec![0; 3]).await.unwrap(), 3);
    assert_eq!(handle.usage().message_count, 1);
}

#[tokio::test]
async fn a_task_that_is_aborted_in_its_operation_hands_back() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let (started, has_started) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(with_quota!(handle.clone(), "/data/x", "write", QuotaType::Storage(9)
    => async move -> Result<(), EnforceError> {
        let _ = started.send(());
        core::future::pending::<()>().await;
        Ok(())
    }));
    has_started.await.unwrap();
    assert_eq!(handle.usage().storage_used, 9);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(handle.usage().storage_used, 0);
}

#[test]
fn a_guard_within_a_guard_of_the_same_component_is_counted_by_itself() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let inner = || -> Result<(), EnforceError> {
        with_quota!(&handle, "/data/y", "write", QuotaType::Storage(500) => { Ok(()) })
    };
    let outer: Result<(), EnforceError> =
        with_quota!(&handle, "/data/x", "write", QuotaType::Storage(600) => { inner() });
    let refused = outer.unwrap_err();
    assert_eq!(refused.as_quota().map(|refused| refused.used()), Some(600));
    assert_eq!(handle.usage().storage_used, 0);
}

#[test]
fn a_grant_that_is_forgotten_keeps_what_it_took() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    core::mem::forget(handle.reserve(QuotaType::Storage(10)).unwrap());
    assert_eq!(handle.usage().storage_used, 10);
}
