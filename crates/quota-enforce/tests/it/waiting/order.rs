//! The order of one component's waiters.

use limits_core::{QuotaResource, QuotaType};
use quota_enforce::QuotaRegistry;

use super::{Waiter, later, storage};
use crate::thousand;

// I10
#[tokio::test(start_paused = true)]
async fn a_small_request_never_overtakes_a_large_one() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    let mut large = storage(&handle, 800);
    let mut small = storage(&handle, 10);
    let mut part = Waiter::new(handle.reserve_up_to_wait(QuotaType::Storage(500), later()));
    handle.release(QuotaType::Storage(300)).unwrap();
    assert!(!large.is_woken() && !small.is_woken() && !part.is_woken());
    // One that begins to wait while units for it are there waits as well.
    let mut last = storage(&handle, 1);
    handle.release(QuotaType::Storage(510)).unwrap();
    let grants = [large.granted(), small.granted()];
    assert_eq!(handle.usage().storage_used, 1_000);
    assert!(!part.is_woken() && !last.is_woken());
    drop(grants);
    assert_eq!(part.granted().amount(QuotaResource::Storage), 500);
    drop(last.granted());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_wait_takes_what_is_there() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(900)).unwrap();
    let mut waiter = storage(&handle, 200);
    handle.consume(QuotaType::Storage(100)).unwrap();
    handle.release(QuotaType::Storage(199)).unwrap();
    assert!(!waiter.is_woken());
    handle.release(QuotaType::Storage(1)).unwrap();
    drop(waiter.granted());
}

// I10
#[tokio::test(start_paused = true)]
async fn each_resource_has_a_queue_of_its_own() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    let waiter = storage(&handle, 1);
    let memory = handle.reserve_wait(QuotaType::Memory(1_000), later()).await.unwrap();
    drop(memory);
    // A request of nothing waits for nothing.
    drop(handle.reserve_wait(QuotaType::Storage(0), later()).await.unwrap());
    drop(handle.reserve_wait(QuotaType::None, later()).await.unwrap());
    assert!(!waiter.is_woken());
}

// I10 I12
#[tokio::test(start_paused = true)]
async fn the_next_is_served_when_the_first_is_dropped_while_its_request_does_not_fit() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(500)).unwrap();
    let first = storage(&handle, 600);
    let mut middle = storage(&handle, 400);
    let mut last = storage(&handle, 100);
    drop(first);
    let (one, other) = (middle.granted(), last.granted());
    assert_eq!(handle.usage().storage_used, 1_000);
    drop((one, other));
}

// I10
#[tokio::test(start_paused = true)]
async fn one_that_was_granted_and_is_not_polled_holds_up_no_other() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    let mut idle = storage(&handle, 500);
    let mut next = storage(&handle, 500);
    handle.release(QuotaType::Storage(1_000)).unwrap();
    next.granted().commit();
    idle.granted().commit();
    assert_eq!(handle.usage().storage_used, 1_000);
}
