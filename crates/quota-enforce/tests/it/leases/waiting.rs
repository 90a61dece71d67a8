//! Callers that wait for a lease.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Barrier;

use limits_core::{QuotaResource, QuotaType};
use quota_enforce::ComponentHandle;
use tokio::time::advance;

use super::{HOST, Lender, MESSAGES, NETWORK, SECOND, messages, only_messages};
use crate::waiting::{Waiter, later};
use crate::{context, thousand_of_each};

const MS: Duration = Duration::from_millis(1);

fn waits(component: &ComponentHandle, number: u64) -> Waiter<'_> {
    Waiter::new(component.reserve_wait(messages(number), later()))
}

// I11
#[tokio::test(start_paused = true)]
async fn a_lease_wakes_its_waiters_as_it_comes() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (_registry, handle) = lender.thousand();
    let mut first = waits(&handle, 3);
    lender.begin("a", MESSAGES, 3);
    first.granted().commit();
    let mut second = waits(&handle, 4);
    lender.extend("a", MESSAGES, 3);
    assert!(!second.is_woken(), "3 are not enough for it");
    lender.extend("a", MESSAGES, 1);
    second.granted().commit();
    assert_eq!(handle.denials().total(), 0);
}

// I11
#[tokio::test(start_paused = true)]
async fn a_raised_limit_and_a_refund_serve_a_waiter_too() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (registry, handle) = lender.thousand();
    lender.begin("a", MESSAGES, 10);
    let grant = handle.reserve(messages(10)).unwrap();
    let mut waiter = waits(&handle, 2);
    drop(grant);
    waiter.granted().commit();
    // A request that can never be granted under a lower limit waits no longer.
    let mut large = waits(&handle, 900);
    registry.set_quota("a", thousand_of_each().with_message_rate(800)).unwrap();
    assert!(large.refused().contains("do not retry"));
}

// I13
#[tokio::test(start_paused = true)]
async fn nothing_but_a_lease_wakes_a_waiter_before_the_fallback() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (_registry, handle) = lender.thousand();
    let mut waiters = [waits(&handle, 1), waits(&handle, 1)];
    for _ in 0..24 {
        advance(MS).await;
        assert!(waiters.iter().all(|waiter| !waiter.is_woken()));
    }
    // A lessor that has forgotten it is asked again, by the first of them.
    assert_eq!(lender.wanted("a", MESSAGES), 1);
    advance(MS).await;
    assert!(waiters[0].is_woken() && !waiters[1].is_woken());
    waiters[0].settle();
    assert_eq!(lender.shortages(), [MESSAGES]);
    assert_eq!(lender.wanted("a", MESSAGES), 2);
}

#[tokio::test(start_paused = true)]
async fn one_lease_serves_all_that_wait_for_it() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (_registry, handle) = lender.thousand();
    let mut waiters: Vec<_> = (1..=20).map(|number| waits(&handle, number)).collect();
    // Each was refused by itself.
    assert_eq!(lender.wanted("a", MESSAGES), 20);
    lender.begin("a", MESSAGES, 1);
    assert_eq!(lender.shortages(), [MESSAGES]);
    assert_eq!(lender.wanted("a", MESSAGES), 209, "the sum of those that are left");
    lender.extend("a", MESSAGES, 209);
    for waiter in &mut waiters {
        waiter.granted().commit();
    }
    assert_eq!(handle.usage().message_count, 210);
    assert_eq!(lender.wanted("a", MESSAGES), 0, "nothing is wanted any more");
}

// I10
#[tokio::test(start_paused = true)]
async fn units_of_a_leased_host_quota_go_to_the_longest_wait_that_they_suffice_for() {
    let lender = Lender::new(&[], &[MESSAGES]);
    let registry = lender.builder().host(only_messages(500)).build();
    let [a, b] = ["a", "b"].map(|id| registry.register(context(id, thousand_of_each())).unwrap());
    let mut large = waits(&a, 30);
    let mut behind = waits(&a, 1);
    let mut small = waits(&b, 10);
    lender.wanted(HOST, MESSAGES);
    lender.begin(HOST, MESSAGES, 12);
    small.granted().commit();
    assert!(!large.is_woken() && !behind.is_woken());
    assert_eq!(lender.wanted(HOST, MESSAGES), 31, "those of all components");
    lender.extend(HOST, MESSAGES, 29);
    drop([large.granted(), behind.granted()]);
}

#[tokio::test(start_paused = true)]
async fn what_components_want_of_their_host_is_not_asked_for_themselves() {
    let lender = Lender::new(&[MESSAGES], &[MESSAGES]);
    let registry = lender.builder().host(only_messages(500)).build();
    let [a, b] = ["a", "b"].map(|id| registry.register(context(id, thousand_of_each())).unwrap());
    lender.begin("a", MESSAGES, 100);
    lender.begin("b", MESSAGES, 100);
    let mut waiters = [waits(&a, 60), waits(&b, 70)];
    for id in ["a", "b", HOST] {
        lender.wanted(id, MESSAGES);
    }
    lender.begin(HOST, MESSAGES, 0);
    assert_eq!(lender.wanted(HOST, MESSAGES), 130);
    assert_eq!((lender.wanted("a", MESSAGES), lender.wanted("b", MESSAGES)), (0, 0));
    lender.extend(HOST, MESSAGES, 130);
    for waiter in &mut waiters {
        waiter.granted().commit();
    }
}

// I10
/// A guest could else keep the units of all components on its host from those on other hosts.
#[tokio::test(start_paused = true)]
async fn a_component_with_many_waiters_makes_its_host_lease_no_more_than_its_own_quota() {
    let lender = Lender::new(&[MESSAGES], &[MESSAGES]);
    let registry = lender.builder().host(only_messages(500)).build();
    let greedy = registry.register(context("greedy", only_messages(100))).unwrap();
    lender.begin("greedy", MESSAGES, 100);
    let _waiters: Vec<_> = (0..20).map(|_| waits(&greedy, 60)).collect();
    lender.wanted(HOST, MESSAGES);
    lender.begin(HOST, MESSAGES, 0);
    assert_eq!(lender.wanted(HOST, MESSAGES), 100);
}

#[tokio::test(start_paused = true)]
async fn components_without_a_host_quota_wait_for_leases_of_their_own() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (registry, a) = lender.thousand();
    let b = registry.register(context("b", thousand_of_each())).unwrap();
    let mut of_a = waits(&a, 1);
    let mut of_b = waits(&b, 1);
    lender.begin("b", MESSAGES, 1);
    assert!(!of_a.is_woken());
    of_b.granted().commit();
    lender.begin("a", MESSAGES, 1);
    of_a.granted().commit();
    // The queues are shared, and one component's totals are still its own.
    a.consume(QuotaType::Storage(1_000)).unwrap();
    let mut full = Waiter::new(a.reserve_wait(QuotaType::Storage(1), later()));
    drop(b.reserve_wait(QuotaType::Storage(1_000), later()).await.unwrap());
    assert!(!full.is_woken());
    a.release(QuotaType::Storage(1)).unwrap();
    drop(full.granted());
}

// I11
#[tokio::test(start_paused = true)]
async fn a_lease_is_of_no_use_while_another_level_is_full() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let registry = lender.builder().host(only_messages(5)).build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    lender.begin("a", MESSAGES, 10);
    handle.consume(messages(5)).unwrap();
    let mut waiter = waits(&handle, 1);
    lender.extend("a", MESSAGES, 10);
    assert!(!waiter.is_woken());
    // The host's window ends, and then the lease comes.
    lender.time.advance(SECOND);
    advance(SECOND).await;
    assert!(waiter.is_woken());
    waiter.settle();
    lender.begin("a", MESSAGES, 1);
    waiter.granted().commit();
}

#[tokio::test(start_paused = true)]
async fn a_part_is_taken_of_what_is_leased() {
    let lender = Lender::new(&[NETWORK], &[]);
    let (_registry, handle) = lender.thousand();
    let amount = QuotaType::NetworkBandwidth(600);
    let mut part = Waiter::new(handle.reserve_up_to_wait(amount, later()));
    lender.begin("a", NETWORK, 70);
    let granted = part.granted();
    assert_eq!(granted.amount(NETWORK), 70);
    granted.commit();
    // A paced stream is not paced by a lease, and is woken by one as well.
    let mut paced = Waiter::new(handle.reserve_paced_wait(NETWORK, 10, 600, later()));
    assert_eq!(lender.wanted("a", NETWORK), 10);
    lender.extend("a", NETWORK, 9);
    assert!(!paced.is_woken());
    lender.extend("a", NETWORK, 31);
    assert_eq!(paced.granted().amount(QuotaResource::NetworkBandwidth), 40);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_waiter_leaves_its_units_to_the_next() {
    // I12
    let lender = Lender::new(&[MESSAGES], &[]);
    let (_registry, handle) = lender.thousand();
    let first = waits(&handle, 5);
    let mut second = waits(&handle, 5);
    lender.begin("a", MESSAGES, 5);
    second.settle();
    assert!(first.is_woken());
    drop(first);
    second.granted().commit();
    assert_eq!(handle.usage().message_count, 5);
}

/// No timer goes off here, so a wake-up that is lost is never made up for.
// I11
#[tokio::test(start_paused = true)]
async fn a_lease_that_comes_while_a_waiter_takes_its_place_serves_it() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (_registry, handle) = lender.thousand();
    lender.begin("a", MESSAGES, 0);
    let start = Barrier::new(2);
    for round in 0..2_000 {
        let mut wait = pin!(handle.reserve_wait(messages(1), later()));
        let mut poll = || wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let early = std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                lender.extend("a", MESSAGES, 1);
            });
            start.wait();
            poll()
        });
        let waited = if early.is_ready() { early } else { poll() };
        match waited {
            Poll::Ready(granted) => granted.unwrap().commit(),
            Poll::Pending => panic!("round {round}: its units are there, and it waits"),
        }
    }
    assert_eq!(
        handle.lease(MESSAGES).map(|lease| (lease.leased, lease.used)),
        Some((2_000, 2_000))
    );
}
