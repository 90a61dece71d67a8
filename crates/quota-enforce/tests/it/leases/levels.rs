//! Component and host, each leased or not.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{QuotaResource, QuotaTracker, QuotaType};
use quota_enforce::QuotaRegistry;

use super::{HOST, Lender, MESSAGES, NETWORK, SECOND, messages, only_messages};
use crate::{context, thousand_of_each};

#[test]
fn a_component_uses_no_more_than_was_leased_for_it() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (_registry, handle) = lender.thousand();
    let refused = handle.consume(messages(1)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "message rate quota of 1000 messages per 1s for all hosts: 0 used on this one, 1 more \
         requested and not leased; retry in 1ms"
    );
    lender.begin("a", MESSAGES, 10);
    handle.consume(messages(10)).unwrap();
    assert!(handle.consume(messages(1)).is_err());
    lender.extend("a", MESSAGES, 5);
    handle.consume(messages(5)).unwrap();
    assert!(handle.consume(messages(1)).is_err());
    lender.time.advance(SECOND);
    assert!(handle.consume(messages(1)).is_err(), "its window is over");
}

#[test]
fn resources_that_are_not_leased_are_bounded_on_each_host() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (_registry, handle) = lender.thousand();
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    handle.consume(QuotaType::Memory(1_000)).unwrap();
    handle.consume(QuotaType::NetworkBandwidth(1_000)).unwrap();
    let refused = handle.consume(QuotaType::NetworkBandwidth(1)).unwrap_err();
    assert!(!refused.as_quota().unwrap().is_leased());
}

#[test]
fn a_take_needs_units_of_each_level_whichever_of_them_are_leased() {
    for (components, host) in [(true, false), (false, true), (true, true)] {
        let of = |leased: bool| if leased { &[MESSAGES][..] } else { &[] };
        let lender = Lender::new(of(components), of(host));
        let registry = lender.builder().host(only_messages(100)).build();
        let [a, b] =
            ["a", "b"].map(|id| registry.register(context(id, only_messages(60))).unwrap());
        if components {
            lender.begin("a", MESSAGES, 60);
            lender.begin("b", MESSAGES, 60);
        }
        if host {
            lender.begin(HOST, MESSAGES, 100);
        }
        a.consume(messages(60)).unwrap();
        let own = *a.consume(messages(1)).unwrap_err().as_quota().unwrap();
        assert_eq!((own.depth(), own.is_leased()), (0, components));
        b.consume(messages(40)).unwrap();
        let above = *b.consume(messages(1)).unwrap_err().as_quota().unwrap();
        assert_eq!((above.depth(), above.is_leased()), (1, host));
        assert_eq!((above.used(), above.limit()), (100, 100));
        let used = registry.parent().map(|host| host.usage().message_count);
        assert_eq!((used, b.usage().message_count), (Some(100), 40), "a refusal takes nothing");
    }
}

#[test]
fn a_take_of_several_resources_takes_all_or_nothing() {
    let lender = Lender::new(&[MESSAGES, NETWORK], &[]);
    let (_registry, handle) = lender.thousand();
    lender.begin("a", MESSAGES, 5);
    lender.begin("a", NETWORK, 99);
    let all = [messages(1), QuotaType::NetworkBandwidth(100), QuotaType::Storage(1)];
    assert!(handle.reserve_all(&all).is_err());
    assert_eq!((handle.usage().message_count, handle.usage().storage_used), (0, 0));
    lender.extend("a", NETWORK, 1);
    drop(handle.reserve_all(&all).unwrap());
    assert_eq!(handle.lease(MESSAGES).map(|lease| (lease.leased, lease.used)), Some((5, 0)));
}

#[test]
fn all_trackers_count_by_the_lessors_clock_in_whatever_order_a_registry_is_built() {
    let lender = Lender::new(&[], &[]);
    let hosts = [
        lender.builder().host(only_messages(1)).build(),
        QuotaRegistry::builder()
            .host(only_messages(1))
            .lessor(Arc::<Lender>::clone(&lender))
            .clock(Arc::new(limits_core::SystemClock::new()))
            .build(),
    ];
    for registry in hosts {
        assert!(Arc::ptr_eq(registry.parent().unwrap().clock(), &lender.clock));
        let handle = registry.register(context("a", thousand_of_each())).unwrap();
        handle.consume(messages(1)).unwrap();
        assert!(handle.consume(messages(1)).is_err());
        lender.time.advance(SECOND);
        handle.consume(messages(1)).unwrap();
    }
    // Without a host's quota, also where the host has chosen a clock.
    let registry = lender.builder().clock(Arc::new(limits_core::SystemClock::new())).build();
    let quota = thousand_of_each().with_reset_period(Duration::from_secs(600));
    let handle = registry.register(context("a", quota)).unwrap();
    handle.consume(messages(1_000)).unwrap();
    lender.time.advance(Duration::from_secs(600));
    handle.consume(messages(1_000)).unwrap();
}

#[test]
fn a_parent_of_the_hosts_own_counts_by_the_lessors_clock_or_nothing_is_registered() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let other = Arc::new(QuotaTracker::new(only_messages(1_000)));
    let registry = lender.builder().parent(other).build();
    let refused = registry.register(context("a", thousand_of_each())).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the registry's parent counts by another clock than its lessor: make it with \
         `Lessor::clock`, or use `host`"
    );
    assert!(registry.is_empty() && lender.in_use("a").is_empty());
    let own = QuotaTracker::with_clock(only_messages(1_000), Arc::clone(&lender.clock));
    let registry = lender.builder().parent(Arc::new(own)).build();
    registry.register(context("a", thousand_of_each())).unwrap();
}

#[test]
fn a_grant_that_outlives_its_lease_hands_back_to_no_later_one() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (_registry, handle) = lender.thousand();
    lender.begin("a", MESSAGES, 10);
    let [dropped, mut settled, early] = [4, 3, 2].map(|n| handle.reserve(messages(n)).unwrap());
    drop(early);
    assert_eq!(handle.usage().message_count, 7, "a part of its own lease");
    assert!(dropped.is_current());
    lender.begin("a", MESSAGES, 10);
    handle.consume(messages(9)).unwrap();
    assert!(!dropped.is_current());
    drop(dropped);
    settled.settle(messages(1));
    settled.commit();
    assert_eq!(handle.usage().message_count, 9);
    handle.consume(messages(1)).unwrap();
    assert!(handle.consume(messages(1)).is_err());
    assert_eq!(handle.lease(QuotaResource::Storage), None);
}
