//! Components that wait for the units of a common parent.

use std::sync::Arc;

use limits_core::{Allowance, QuotaTracker, QuotaType, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry};

use super::storage;
use crate::{context, thousand_of_each};

fn parent() -> Arc<QuotaTracker> {
    Arc::new(QuotaTracker::new(ResourceQuota::new().with_storage(1_000)))
}

fn below(parent: &Arc<QuotaTracker>, ids: [&str; 3]) -> (QuotaRegistry, [ComponentHandle; 3]) {
    let registry = QuotaRegistry::builder().parent(Arc::clone(parent)).build();
    let handles =
        ids.map(|id| registry.register(context(id, thousand_of_each())).expect("it is new"));
    (registry, handles)
}

// I11
#[tokio::test(start_paused = true)]
async fn a_component_waits_for_what_another_gives_back() {
    let (_registry, [one, other, _]) = below(&parent(), ["a", "b", "c"]);
    let grant = one.reserve(QuotaType::Storage(1_000)).unwrap();
    let mut waiter = storage(&other, 300);
    drop(grant);
    waiter.granted().commit();
    assert_eq!(other.usage().storage_used, 300);
}

// I10
#[tokio::test(start_paused = true)]
async fn units_go_to_the_longest_wait_that_they_suffice_for() {
    let (_registry, [a, b, c]) = below(&parent(), ["a", "b", "c"]);
    a.consume(QuotaType::Storage(1_000)).unwrap();
    let mut large = storage(&b, 500);
    let mut behind = storage(&b, 1);
    let mut small = storage(&c, 200);
    let mut smaller = storage(&c, 100);
    a.release(QuotaType::Storage(300)).unwrap();
    drop([small.granted(), smaller.granted()]);
    assert!(!large.is_woken() && !behind.is_woken());
    a.release(QuotaType::Storage(201)).unwrap();
    drop([large.granted(), behind.granted()]);
}

// I10
#[tokio::test(start_paused = true)]
async fn a_component_that_waits_for_its_own_quota_holds_up_no_other() {
    let (_registry, [a, b, c]) = below(&parent(), ["a", "b", "c"]);
    a.consume(QuotaType::Storage(400)).unwrap();
    b.consume(QuotaType::Storage(600)).unwrap();
    // Refused by its own limit, then by the parent's, then by none.
    let mut own = storage(&a, 700);
    let mut other = storage(&c, 400);
    b.release(QuotaType::Storage(400)).unwrap();
    assert!(!own.is_woken());
    other.granted().commit();
    a.release(QuotaType::Storage(200)).unwrap();
    assert!(!own.is_woken());
    c.release(QuotaType::Storage(400)).unwrap();
    assert!(!own.is_woken());
    b.release(QuotaType::Storage(100)).unwrap();
    drop(own.granted());
}

// I11
#[tokio::test(start_paused = true)]
async fn a_change_that_the_registry_has_not_made_is_offered_by_the_host() {
    let parent = parent();
    let (registry, [one, ..]) = below(&parent, ["a", "b", "c"]);
    parent.consume(QuotaType::Storage(1_000)).unwrap();
    let mut waiter = storage(&one, 1);
    let unlimited = ResourceQuota::new().with_storage(Allowance::Unlimited);
    parent.set_quota(unlimited).unwrap();
    assert!(!waiter.is_woken());
    registry.offer_to_waiters();
    drop(waiter.granted());
}

// I11
#[tokio::test(start_paused = true)]
async fn a_registration_that_is_not_kept_gives_back_what_others_wait_for() {
    let (registry, [one, ..]) = below(&parent(), ["a", "b", "c"]);
    let registration = registry.prepare(context("d", thousand_of_each())).unwrap();
    registration.handle().charge(QuotaType::Storage(1_000));
    let mut waiter = storage(&one, 1_000);
    drop(registration);
    drop(waiter.granted());
}
