//! Waits that fail.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{QuotaResource, QuotaType};
use quota_enforce::QuotaRegistry;
use tokio::time::{Instant, advance};

use super::{Waiter, later, storage};
use crate::{Notebook, thousand, thousand_of_each};

// I14
#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_refuses_at_once_and_grants_what_is_there() {
    let notebook = Arc::new(Notebook::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook));
    let (_registry, handle, _clock) = thousand(builder);
    let now = Instant::now();
    handle.reserve_wait(QuotaType::Storage(600), now).await.unwrap().commit();
    notebook.take();
    let refused = handle.reserve_wait(QuotaType::Storage(600), now).await.unwrap_err();
    let text = "storage quota of 1000 bytes exceeded: 600 used, 600 more requested; \
                retry after a release";
    assert_eq!(refused.to_string(), text);
    assert_eq!(notebook.take(), [format!("a quota_denied {text}")]);
    assert_eq!(handle.denials().by_quota(QuotaResource::Storage), 1);
}

// I14
#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_refuses_with_the_numbers_of_that_time() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    let soon = Instant::now() + Duration::from_secs(5);
    let mut first = Waiter::new(handle.reserve_wait(QuotaType::Storage(400), soon));
    let mut behind = Waiter::new(handle.reserve_wait(QuotaType::Storage(300), soon));
    let mut part = Waiter::new(handle.reserve_up_to_wait(QuotaType::Storage(70), later()));
    handle.release(QuotaType::Storage(350)).unwrap();
    advance(Duration::from_millis(4_999)).await;
    assert!(!first.is_woken() && !behind.is_woken());
    advance(Duration::from_millis(1)).await;
    // It would fit, were it not behind the first: that one's refusal, with its own amount.
    assert_eq!(
        behind.refused(),
        "storage quota of 1000 bytes exceeded: 650 used, 300 more requested; retry after a release"
    );
    assert_eq!(
        first.refused(),
        "storage quota of 1000 bytes exceeded: 650 used, 400 more requested; retry after a release"
    );
    assert_eq!(part.granted().amount(QuotaResource::Storage), 70);
    assert_eq!(handle.denials().by_quota(QuotaResource::Storage), 2);
}

#[tokio::test(start_paused = true)]
async fn units_that_come_back_just_before_the_deadline_are_granted_after_it() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    let soon = Instant::now() + Duration::from_secs(5);
    let mut waiter = Waiter::new(handle.reserve_wait(QuotaType::Storage(1), soon));
    handle.release(QuotaType::Storage(1)).unwrap();
    advance(Duration::from_secs(6)).await;
    drop(waiter.granted());
}

// I14
#[tokio::test(start_paused = true)]
async fn a_request_that_never_fits_is_refused_at_once() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    let never = "storage quota of 1000 bytes exceeded: 1000 used, 1001 more requested; \
                 more than the whole quota, do not retry";
    let refused = handle.reserve_wait(QuotaType::Storage(1_001), later()).await.unwrap_err();
    assert_eq!(refused.to_string(), never);
    let mut first = storage(&handle, 100);
    let refused = handle.reserve_wait(QuotaType::Storage(1_001), later()).await.unwrap_err();
    assert_eq!(refused.to_string(), never);
    // So is one that a lower limit makes such, also behind others.
    let mut large = storage(&handle, 900);
    registry.set_quota("a", thousand_of_each().with_storage(800)).unwrap();
    assert_eq!(
        large.refused(),
        "storage quota of 800 bytes exceeded: 1000 used, 900 more requested; \
         more than the whole quota, do not retry"
    );
    assert_eq!(handle.denials().by_quota(QuotaResource::Storage), 3);
    handle.release(QuotaType::Storage(300)).unwrap();
    drop(first.granted());
}
