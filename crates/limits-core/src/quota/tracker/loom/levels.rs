//! Scenarios of components and their host.

use alloc::sync::Arc;
use core::time::Duration;
use loom::thread;

use super::{SECOND, both, tracked};
use crate::quota::clock::ManualClock;
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::resource_quota::ResourceQuota;
use crate::quota::tracker::QuotaTracker;

// I12 I14
#[test]
fn of_two_components_that_want_their_hosts_last_unit_one_gets_it_and_the_other_keeps_nothing() {
    for quota in [QuotaType::Storage(1), QuotaType::MessageRate(1)] {
        loom::model(move || {
            let limits = ResourceQuota::new().with_storage(1).with_message_rate(1);
            let (host, _clock) = tracked(limits);
            let child =
                || Arc::new(QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&host)));
            let (one, other) = (child(), child());
            let take = |tracker: &Arc<QuotaTracker>| {
                let tracker = Arc::clone(tracker);
                move || tracker.consume(quota).is_ok()
            };
            let granted = both(take(&one), take(&other));
            assert_ne!(granted[0], granted[1]);
            let used = [&one, &other, &host].map(|level| {
                let usage = level.usage();
                usage.storage_used + usage.message_count
            });
            assert_eq!(used, [u64::from(granted[0]), u64::from(granted[1]), 1]);
        });
    }
}

// I14
#[test]
fn a_component_that_releases_while_another_takes_leaves_the_host_with_the_sum() {
    loom::model(|| {
        let (host, _clock) = tracked(ResourceQuota::new().with_memory(2));
        let child = || Arc::new(QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&host)));
        let (one, other) = (child(), child());
        one.consume(QuotaType::Memory(1)).unwrap();
        let (gives, takes) = (Arc::clone(&one), Arc::clone(&other));
        both(
            move || {
                assert_eq!(gives.release(QuotaType::Memory(1)), 1);
            },
            move || takes.consume(QuotaType::Memory(1)).unwrap(),
        );
        let used = [&one, &other, &host].map(|level| level.usage().memory_used);
        assert_eq!(used, [0, 1, 1]);
    });
}

// I7 I15
#[test]
fn a_take_of_two_levels_in_different_windows_is_refunded_into_no_later_one() {
    loom::model(|| {
        let (host, clock) = tracked(ResourceQuota::new().with_message_rate(10));
        let quota = ResourceQuota::new().with_message_rate(2);
        let child = Arc::new(QuotaTracker::with_parent(quota, Arc::clone(&host)));
        clock.set_ns(SECOND - 1);
        let taker = Arc::clone(&child);
        let slow = thread::spawn(move || {
            QuotaTracker::reserve_owned(&taker, &[QuotaType::MessageRate(2)]).unwrap()
        });
        clock.set_ns(SECOND);
        host.consume(QuotaType::MessageRate(1)).unwrap();
        let reserved = slow.join().unwrap();
        let mut granted = 0;
        while child.consume(QuotaType::MessageRate(1)).is_ok() {
            granted += 1;
        }
        drop(reserved);
        let used = [&child, &host].map(|level| level.usage().message_count);
        assert_eq!(used, [granted, granted + 1]);
    });
}

/// A host and its only component, with the same quota.
fn host_and_component(
    quota: ResourceQuota,
) -> (Arc<QuotaTracker>, Arc<QuotaTracker>, Arc<ManualClock>) {
    let (host, clock) = tracked(quota);
    let component = Arc::new(QuotaTracker::with_parent(quota, Arc::clone(&host)));
    (host, component, clock)
}

// I12 I14
#[test]
fn a_component_that_is_overtaken_after_its_host_granted_hands_back_to_the_host() {
    for quota in [QuotaType::Storage(1), QuotaType::MessageRate(1)] {
        loom::model(move || {
            let limits = ResourceQuota::new().with_storage(2).with_message_rate(2);
            let (host, component, _clock) = host_and_component(limits);
            let (takes, charges) = (Arc::clone(&component), Arc::clone(&component));
            both(
                // The charge on one level changes the word that the take was planned with.
                move || takes.consume(quota).unwrap(),
                move || {
                    charges.charge(quota);
                },
            );
            let used = [&component, &host].map(|level| {
                let usage = level.usage();
                usage.storage_used + usage.message_count
            });
            assert_eq!(used, [2, 2]);
        });
    }
}

// I12 I13 I15
#[test]
fn a_dropped_reservation_on_two_levels_leaves_both_with_what_was_kept() {
    loom::model(|| {
        let limits = ResourceQuota::new().with_message_rate(2);
        let (host, component, _clock) = host_and_component(limits);
        let (drops, keeps) = (Arc::clone(&component), Arc::clone(&component));
        both(
            move || drop(drops.reserve(QuotaType::MessageRate(1)).unwrap()),
            move || keeps.consume(QuotaType::MessageRate(1)).unwrap(),
        );
        assert_eq!([&component, &host].map(|level| level.usage().message_count), [1, 1]);
    });
}

// I12
#[test]
fn of_a_planned_and_a_slow_taker_of_the_last_unit_on_two_levels_exactly_one_gets_it() {
    loom::model(|| {
        let limits = ResourceQuota::new().with_message_rate(2);
        let (host, component, clock) = host_and_component(limits);
        clock.set_ns(SECOND);
        component.consume(QuotaType::MessageRate(1)).unwrap();
        let taker = Arc::clone(&component);
        let planned = thread::spawn(move || taker.consume(QuotaType::MessageRate(1)).is_ok());
        // A take at a clock that has stepped back cannot be planned.
        clock.set_ns(0);
        let slow = component.consume(QuotaType::MessageRate(1)).is_ok();
        assert_ne!(planned.join().unwrap(), slow);
        assert_eq!([&component, &host].map(|level| level.usage().message_count), [2, 2]);
    });
}

// I16
#[test]
fn a_hosts_limit_that_falls_under_a_component_admits_no_more_than_before_and_leaves_no_debt() {
    loom::model(|| {
        let limits = |limit: u64| ResourceQuota::new().with_message_rate(limit);
        let (host, component, clock) = host_and_component(limits(3));
        component.consume(QuotaType::MessageRate(1)).unwrap();
        let (taker, setter) = (Arc::clone(&component), Arc::clone(&host));
        let [granted, _] = both(
            move || taker.consume(QuotaType::MessageRate(2)).is_ok(),
            move || setter.set_quota(limits(1)).is_ok(),
        );
        let expected = if granted { 3 } else { 1 };
        assert_eq!([&component, &host].map(|level| level.usage().message_count), [expected; 2]);
        component.consume(QuotaType::MessageRate(1)).unwrap_err();
        clock.advance(Duration::from_secs(1));
        component.consume(QuotaType::MessageRate(1)).unwrap();
        assert_eq!(host.usage().message_count, 1);
    });
}

// I13 I14
#[test]
fn of_two_components_that_fill_their_hosts_counter_each_can_release_what_it_counted() {
    loom::model(|| {
        let (host, _clock) = tracked(ResourceQuota::new());
        let child = || Arc::new(QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&host)));
        let (one, other) = (child(), child());
        let charge = |tracker: &Arc<QuotaTracker>| {
            let tracker = Arc::clone(tracker);
            move || tracker.charge(QuotaType::Memory(u64::MAX - 1))
        };
        let [first, second] = both(charge(&one), charge(&other));
        let used = || [&one, &other, &host].map(|level| level.usage().memory_used);
        assert_eq!(used(), [first, second, u64::MAX]);
        assert_eq!(one.release(QuotaType::Memory(first)), first);
        assert_eq!(used(), [0, second, second]);
    });
}

// I13 I14
#[test]
fn a_charge_that_races_a_release_counts_the_same_on_both_levels() {
    loom::model(|| {
        let (host, component, _clock) = host_and_component(ResourceQuota::new());
        component.consume(QuotaType::Memory(5)).unwrap();
        let (charges, releases) = (Arc::clone(&component), Arc::clone(&component));
        let [counted, released] = both(
            move || charges.charge(QuotaType::Memory(u64::MAX)),
            move || releases.release(QuotaType::Memory(5)),
        );
        assert_eq!(released, 5);
        assert!(counted >= u64::MAX - 5);
        assert_eq!([&component, &host].map(|level| level.usage().memory_used), [counted; 2]);
    });
}

// I12 I13 I14 I20
#[test]
fn two_paced_takers_below_one_host_share_what_is_due_of_it() {
    loom::model(|| {
        // Of three units a second, two are due here.
        let (host, clock) = tracked(ResourceQuota::new().with_network_bandwidth(3));
        clock.set_ns(SECOND * 6 / 10);
        let child = || Arc::new(QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&host)));
        let (one, other) = (child(), child());
        let take = |tracker: &Arc<QuotaTracker>, most| {
            let tracker = Arc::clone(tracker);
            move || paced(&tracker, most)
        };
        let taken = both(take(&one, 1), take(&other, 2));
        assert!((1..=2).contains(&taken.iter().sum::<u64>()));
        let rest = paced(&other, 3);
        let used = [&one, &other, &host].map(|level| level.usage().network_bandwidth_used);
        assert_eq!(used, [taken[0], taken[1] + rest, 2]);
    });
}

// I5 I12 I13
#[test]
fn a_paced_taker_whose_word_another_one_changes_takes_again_and_leaves_nothing_behind() {
    loom::model(|| {
        let (host, clock) = tracked(ResourceQuota::new().with_network_bandwidth(16));
        let child = Arc::new(QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&host)));
        clock.set_ns(SECOND - 1);
        let taker = Arc::clone(&child);
        let slow = thread::spawn(move || {
            let part = taker.reserve_paced(QuotaResource::NetworkBandwidth, 1, 1).unwrap();
            part.commit();
        });
        clock.set_ns(SECOND);
        let units = paced(&child, 1);
        slow.join().unwrap();
        let used = [&child, &host].map(|level| level.usage().network_bandwidth_used);
        assert_eq!(used[0], used[1]);
        // Of the slow one in this window or the last.
        assert!(used[0] == units || used[0] == units + 1);
    });
}

fn paced(tracker: &QuotaTracker, most: u64) -> u64 {
    let resource = QuotaResource::NetworkBandwidth;
    tracker.reserve_paced(resource, 1, most).map_or(0, |part| {
        let units = part.amount(resource);
        part.commit();
        units
    })
}
