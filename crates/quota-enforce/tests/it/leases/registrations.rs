//! Registrations, changes and ends of components that a lessor lends to.

use core::time::Duration;

use limits_core::Allowance;
use quota_enforce::{EnforceError, NotShared, QuotaRegistry};

use super::{CPU, HOST, Lender, MESSAGES, NETWORK, messages, only_messages};
use crate::{context, thousand_of_each};

#[test]
fn a_quota_that_cannot_be_shared_is_registered_nowhere() {
    let lender = Lender::new(&[MESSAGES, NETWORK], &[]);
    let registry = lender.builder().build();
    let quota = thousand_of_each();
    for (quota, text) in [
        (
            quota.with_reset_period(Duration::from_millis(99)),
            "a quota that hosts share is counted in periods of 100ms to 60s, not of 99ms",
        ),
        (
            quota.with_reset_period(Duration::from_millis(60_001)),
            "a quota that hosts share is counted in periods of 100ms to 60s, not of 60.001s",
        ),
        (
            quota.with_reset_period(Duration::from_secs(60)).with_network_bandwidth((1 << 40) + 1),
            "a network bandwidth that hosts share is at most 1099511627776 bytes per period, not \
             1099511627777",
        ),
    ] {
        let refused = registry.register(context("a", quota)).unwrap_err();
        assert!(matches!(refused, EnforceError::NotShared(_)));
        assert_eq!(refused.to_string(), text);
        assert!(registry.is_empty());
    }
    let cpu = Lender::new(&[CPU], &[]).builder().build();
    let (most, minute) = ((1 << 40) / 1_000, quota.with_reset_period(Duration::from_secs(60)));
    drop(cpu.prepare(context("a", minute.with_cpu_time(most))).unwrap());
    let refused = cpu.prepare(context("a", minute.with_cpu_time(most + 1))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a CPU time that hosts share is at most 1099511627776 µs per period, not 1099511628000"
    );
    for ms in [100, 60_000] {
        let quota = quota.with_reset_period(Duration::from_millis(ms));
        let context = context("a", quota.with_message_rate(1 << 40));
        drop(registry.prepare(context).unwrap());
    }
    registry.register(context("a", quota)).unwrap();
}

#[test]
fn no_component_is_registered_under_a_host_quota_that_cannot_be_shared() {
    let lender = Lender::new(&[], &[MESSAGES]);
    let quota = only_messages(5).with_reset_period(Duration::from_secs(61));
    let registry = lender.builder().host(quota).build();
    let refused = registry.register(context("a", thousand_of_each())).unwrap_err();
    assert_eq!(
        refused,
        EnforceError::NotShared(NotShared::Period { period: Duration::from_secs(61) })
    );
    assert!(registry.is_empty());
}

#[test]
fn a_change_of_a_quota_reaches_the_lessor() {
    let lender = Lender::new(&[MESSAGES, NETWORK], &[]);
    let (registry, _handle) = lender.thousand();
    let leases = lender.leases("a");
    assert_eq!((leases.limit(MESSAGES), leases.limit(NETWORK)), (1_000, 1_000));
    for (limit, units) in [
        (Allowance::AtMost(500), 500),
        (Allowance::Unlimited, u64::MAX),
        (Allowance::AtMost(700), 700),
    ] {
        lender.wanted("a", MESSAGES);
        registry.set_quota("a", thousand_of_each().with_message_rate(limit)).unwrap();
        assert_eq!((leases.limit(MESSAGES), leases.limit(NETWORK)), (units, 1_000));
        assert_eq!(lender.shortages(), [MESSAGES], "the lessor hears of it");
    }
}

#[test]
fn a_rate_without_a_lease_gets_no_limit() {
    let lender = Lender::new(&[MESSAGES, NETWORK], &[]);
    let registry = lender.builder().build();
    let quota = thousand_of_each().with_message_rate(Allowance::Unlimited);
    let handle = registry.register(context("a", quota)).unwrap();
    let refused = registry.set_quota("a", thousand_of_each()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the message rate had no limit when the component was registered, so hosts do not share \
         it: unregister the component and register it again"
    );
    assert_eq!(handle.quota(), quota, "it keeps the one that it has");
    registry.unregister("a").unwrap();
    registry.register(context("a", thousand_of_each())).unwrap();
    assert!(lender.leases("a").of(MESSAGES).is_some());
    // One that was bounded nowhere.
    let free = quota.with_network_bandwidth(Allowance::Unlimited);
    registry.register(context("b", free)).unwrap();
    assert!(lender.in_use("b").is_empty());
    assert!(matches!(
        registry.set_quota("b", quota),
        Err(EnforceError::NotShared(NotShared::NewRate { resource: NETWORK }))
    ));
    registry.set_quota("b", free.with_storage(7)).unwrap();
}

#[test]
fn a_lower_limit_lets_what_is_leased_be_spent_and_refuses_more_than_itself_for_ever() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (registry, handle) = lender.thousand();
    lender.begin("a", MESSAGES, 10);
    registry.set_quota("a", thousand_of_each().with_message_rate(5)).unwrap();
    handle.consume(messages(10)).unwrap();
    let never = *handle.consume(messages(6)).unwrap_err().as_quota().unwrap();
    assert_eq!(never.retry(), limits_core::Retry::Never);
}

#[test]
fn a_successor_of_an_id_has_a_lease_of_its_own() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (registry, first) = lender.thousand();
    lender.begin("a", MESSAGES, 10);
    registry.unregister("a").unwrap();
    let second = registry.register(context("a", thousand_of_each())).unwrap();
    assert!(second.consume(messages(1)).is_err(), "its predecessor's units are not its own");
    assert_eq!(lender.in_use("a").len(), 2);
    drop(first);
    assert_eq!(lender.in_use("a").len(), 1, "the lessor sees that nothing uses them");
    lender.begin("a", MESSAGES, 1);
    second.consume(messages(1)).unwrap();
}

#[test]
fn leases_end_with_the_last_handle_or_with_a_registration_that_is_not_kept() {
    let lender = Lender::new(&[MESSAGES], &[MESSAGES]);
    let registry = lender.builder().host(only_messages(5)).build();
    let prepared = registry.prepare(context("a", thousand_of_each())).unwrap();
    assert_eq!(lender.in_use("a").len(), 1);
    drop(prepared);
    assert!(lender.in_use("a").is_empty());
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    lender.begin("a", MESSAGES, 1);
    lender.begin(HOST, MESSAGES, 1);
    let grant = handle.reserve(messages(1)).unwrap();
    drop((registry.unregister("a").unwrap(), handle, registry));
    assert_eq!((lender.in_use("a").len(), lender.in_use(HOST).len()), (1, 1));
    drop(grant);
    assert!(lender.in_use("a").is_empty() && lender.in_use(HOST).is_empty());
    assert!(lender.listener().is_none());
}

#[test]
fn a_lessor_is_not_asked_for_an_id_that_is_taken() {
    let lender = Lender::new(&[MESSAGES], &[]);
    let (registry, _handle) = lender.thousand();
    assert!(registry.register(context("a", thousand_of_each())).is_err());
    assert_eq!(super::locked(&lender.lent).len(), 1);
}

#[test]
fn without_a_lessor_nothing_is_leased() {
    let registry = QuotaRegistry::new();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    assert_eq!((handle.lease(MESSAGES), registry.is_store_connected()), (None, None));
}
