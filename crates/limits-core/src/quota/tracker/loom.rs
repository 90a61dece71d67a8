//! Every interleaving of small scenarios, with every value that the atomics allow each thread to
//! read.
//!
//! `cargo xtask loom` runs these; the ordinary test run leaves them out.

mod leases;
mod levels;

use alloc::sync::Arc;
use core::time::Duration;
use loom::thread;
use std::vec::Vec;

use crate::quota::clock::{Clock, ManualClock};
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::rate::Rate;
use crate::quota::reservation::Reservation;
use crate::quota::resource_quota::ResourceQuota;
use crate::quota::sync::{AtomicU64, Ordering};
use crate::quota::total::Total;
use crate::quota::tracker::QuotaTracker;
use crate::quota::window::Windows;

const SECOND: u64 = 1_000_000_000;
const ONE: u64 = 1;
const TWO: u64 = 2;

fn seconds() -> Windows {
    Windows::new(Duration::from_secs(1))
}

fn tracked(quota: ResourceQuota) -> (Arc<QuotaTracker>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    (Arc::new(QuotaTracker::with_clock(quota, shown)), clock)
}

/// Runs two closures in two threads and returns both results.
fn both<T: 'static>(
    one: impl FnOnce() -> T + 'static,
    other: impl FnOnce() -> T + 'static,
) -> [T; 2] {
    let one = thread::spawn(one);
    let other = other();
    [one.join().expect("a thread that ends"), other]
}

// I11
#[test]
fn of_two_takers_of_the_last_unit_exactly_one_gets_it() {
    loom::model(|| {
        let total = Arc::new(Total::new());
        let take = |total: &Arc<Total>| {
            let total = Arc::clone(total);
            move || total.take(1, ONE).is_ok()
        };
        let granted = both(take(&total), take(&total));
        assert_ne!(granted[0], granted[1]);
        assert_eq!(total.used(), 1);
    });
}

// I1 I3 I11
#[test]
fn three_takers_of_a_rate_take_all_of_it_and_no_more() {
    loom::model(|| {
        let rate = Arc::new(Rate::new());
        let take = |n| {
            let rate = Arc::clone(&rate);
            move || rate.take(seconds(), 0, n, 3).map_or(0, |_| n)
        };
        let third = thread::spawn(take(1));
        let taken = both(take(2), take(2)).into_iter().sum::<u64>() + third.join().unwrap();
        assert_eq!(taken, 3);
        assert_eq!(rate.read(seconds(), 0, TWO), (0, 3));
    });
}

// I1 I5 I13
#[test]
fn a_window_that_rolls_under_a_slow_taker_counts_each_grant_where_it_says() {
    loom::model(|| {
        let rate = Arc::new(Rate::new());
        rate.take(seconds(), 0, 1, TWO).unwrap();
        // The slow ones have read the clock before the window's end.
        let take = |now, n| {
            let rate = Arc::clone(&rate);
            move || rate.take(seconds(), now, n, TWO).map(|window| (window, n))
        };
        let slow = thread::spawn(take(SECOND - 1, 1));
        let others = both(take(SECOND, 1), take(SECOND - 1, 1));
        let mut grants: Vec<_> = others.into_iter().flatten().collect();
        grants.extend(slow.join().unwrap());
        let in_window = |number: u64| {
            grants.iter().filter(|(window, _)| *window == number).map(|(_, n)| n).sum::<u64>()
        };
        assert!(in_window(0) <= 1 && in_window(1) <= 2);
        assert_eq!(rate.read(seconds(), 0, TWO), (1, in_window(1)));
    });
}

// I7
#[test]
fn a_refund_across_a_roll_never_reaches_the_later_window() {
    loom::model(|| {
        let rate = Arc::new(Rate::new());
        let window = rate.take(seconds(), 0, 2, TWO).unwrap();
        let refund = Arc::clone(&rate);
        let take = Arc::clone(&rate);
        both(
            move || refund.refund(seconds(), seconds().start(window), 2),
            move || {
                take.take(seconds(), SECOND, 2, TWO).unwrap();
            },
        );
        assert_eq!(rate.read(seconds(), SECOND, TWO), (1, 2));
    });
}

// I6 I13
#[test]
fn no_charge_and_no_debt_is_lost_when_a_window_rolls() {
    const FIVE: u64 = 5;
    loom::model(|| {
        let rate = Arc::new(Rate::new());
        rate.charge(seconds(), 0, 9, FIVE);
        let charge = |now| {
            let rate = Arc::clone(&rate);
            move || rate.charge(seconds(), now, 7, FIVE)
        };
        both(charge(SECOND), charge(SECOND - 1));
        // 9 + 7 + 7, less one limit.
        assert_eq!(rate.read(seconds(), SECOND, FIVE), (1, 18));
    });
}

// I16
#[test]
fn a_limit_that_falls_under_a_taker_admits_no_more_than_before_and_leaves_no_debt() {
    loom::model(|| {
        let quota = |limit: u64| ResourceQuota::new().with_message_rate(limit);
        let (tracker, clock) = tracked(quota(3));
        tracker.consume(QuotaType::MessageRate(1)).unwrap();
        let (taker, setter) = (Arc::clone(&tracker), Arc::clone(&tracker));
        both(
            move || {
                let _ = taker.consume(QuotaType::MessageRate(2));
            },
            move || setter.set_quota(quota(1)).unwrap(),
        );
        assert!(tracker.usage().message_count <= 3);
        tracker.consume(QuotaType::MessageRate(1)).unwrap_err();
        clock.advance(Duration::from_secs(1));
        assert_eq!(tracker.usage().message_count, 0);
        tracker.consume(QuotaType::MessageRate(1)).unwrap();
    });
}

// I13 I15
#[test]
fn one_reservation_dropped_and_one_committed_leave_the_committed_one() {
    loom::model(|| {
        let (tracker, _clock) = tracked(ResourceQuota::new().with_message_rate(1));
        let (drops, commits) = (Arc::clone(&tracker), Arc::clone(&tracker));
        let [_, kept] = both(
            move || drops.reserve(QuotaType::MessageRate(1)).is_ok(),
            move || {
                let reserved = commits.reserve(QuotaType::MessageRate(1));
                reserved.map(Reservation::commit).is_ok()
            },
        );
        assert_eq!(tracker.usage().message_count, u64::from(kept));
    });
}

// I15
#[test]
fn a_settled_reservation_hands_back_the_rest_and_a_partial_one_takes_what_is_left() {
    loom::model(|| {
        let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(3));
        let (settles, parts) = (Arc::clone(&tracker), Arc::clone(&tracker));
        let [one, other] = both(
            move || {
                let reserved = settles.reserve(QuotaType::Storage(3));
                let settled = reserved.map(|it| it.commit_actual(QuotaType::Storage(1)));
                settled.map_or(0, |()| 1)
            },
            move || {
                let part = parts.reserve_up_to(QuotaType::Storage(2));
                part.map_or(0, |part| {
                    let amount = part.amount(QuotaResource::Storage);
                    part.commit();
                    amount
                })
            },
        );
        assert_eq!(tracker.usage().storage_used, one + other);
    });
}

// I3 I11
#[test]
fn a_taker_of_as_much_as_there_is_gets_what_a_faster_one_leaves() {
    for quota in [QuotaType::Storage(3), QuotaType::MessageRate(3)] {
        loom::model(move || {
            let limits = ResourceQuota::new().with_storage(2).with_message_rate(2);
            let (tracker, _clock) = tracked(limits);
            let (parts, takes) = (Arc::clone(&tracker), Arc::clone(&tracker));
            let resource = quota.resource().expect("one that has a cost");
            let [part, one] = both(
                move || {
                    let part = parts.reserve_up_to(quota).expect("at least one is left");
                    let amount = part.amount(resource);
                    part.commit();
                    amount
                },
                move || u64::from(takes.consume(QuotaType::of(resource, 1)).is_ok()),
            );
            assert_eq!(part + one, 2);
        });
    }
}

// I12
#[test]
fn of_two_takers_of_the_same_two_resources_exactly_one_gets_both() {
    loom::model(|| {
        let quota = ResourceQuota::new().with_storage(1).with_memory(1);
        let (tracker, _clock) = tracked(quota);
        let take = |quotas: [QuotaType; 2]| {
            let tracker = Arc::clone(&tracker);
            move || tracker.reserve_all(&quotas).map(Reservation::commit).is_ok()
        };
        let [one, other] = both(
            take([QuotaType::Storage(1), QuotaType::Memory(1)]),
            take([QuotaType::Memory(1), QuotaType::Storage(1)]),
        );
        assert_ne!(one, other);
        assert_eq!((tracker.usage().storage_used, tracker.usage().memory_used), (1, 1));
    });
}

// I12 I13
#[test]
fn a_take_of_two_that_is_overtaken_on_the_second_hands_back_the_first() {
    loom::model(|| {
        let quota = ResourceQuota::new().with_message_rate(2).with_network_bandwidth(1);
        let (tracker, _clock) = tracked(quota);
        let (two, one) = (Arc::clone(&tracker), Arc::clone(&tracker));
        let [two, one] = both(
            move || {
                let quotas = [QuotaType::MessageRate(1), QuotaType::NetworkBandwidth(1)];
                two.reserve_all(&quotas).map(Reservation::commit).is_ok()
            },
            move || one.consume(QuotaType::NetworkBandwidth(1)).is_ok(),
        );
        assert_ne!(two, one);
        let usage = tracker.usage();
        assert_eq!((usage.message_count, usage.network_bandwidth_used), (u64::from(two), 1));
    });
}

// I12 I13
#[test]
fn a_take_of_three_rates_that_is_overtaken_on_the_last_hands_back_the_others() {
    loom::model(|| {
        let (tracker, _clock) = tracked(ResourceQuota::new().with_cpu_time(1));
        let (three, one) = (Arc::clone(&tracker), Arc::clone(&tracker));
        let [three, one] = both(
            move || {
                let quotas = [
                    QuotaType::MessageRate(1),
                    QuotaType::NetworkBandwidth(1),
                    QuotaType::CpuTime(1),
                ];
                three.reserve_all(&quotas).map(Reservation::commit).is_ok()
            },
            move || one.consume(QuotaType::CpuTime(1)).is_ok(),
        );
        assert_ne!(three, one);
        let usage = tracker.usage();
        let used = (usage.message_count, usage.network_bandwidth_used, usage.cpu_time_used_us);
        assert_eq!(used, (u64::from(three), u64::from(three), 1_000));
    });
}

// I7 I15
#[test]
fn a_take_of_two_rates_in_different_windows_is_refunded_into_no_later_one() {
    loom::model(|| {
        let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(2));
        clock.set_ns(SECOND - 1);
        let taker = Arc::clone(&tracker);
        let slow = thread::spawn(move || {
            let both = [QuotaType::MessageRate(2), QuotaType::NetworkBandwidth(2)];
            QuotaTracker::reserve_owned(&taker, &both).unwrap()
        });
        tracker.consume(QuotaType::NetworkBandwidth(1)).unwrap();
        clock.set_ns(SECOND);
        tracker.consume(QuotaType::NetworkBandwidth(1)).unwrap();
        let reserved = slow.join().unwrap();
        let mut granted = 0;
        while tracker.consume(QuotaType::MessageRate(1)).is_ok() {
            granted += 1;
        }
        drop(reserved);
        let usage = tracker.usage();
        assert_eq!((usage.message_count, usage.network_bandwidth_used), (granted, 1));
    });
}

// I16
#[test]
fn a_thread_that_sees_a_lower_limit_sees_the_one_before() {
    loom::model(|| {
        let quota = |limit: u64| ResourceQuota::new().with_message_rate(limit);
        let (tracker, clock) = tracked(quota(3));
        tracker.consume(QuotaType::MessageRate(3)).unwrap();
        let (setter, later) = (Arc::clone(&tracker), Arc::clone(&clock));
        both(
            // The grants of the window that is over are no debt, under either limit.
            move || {
                if clock.now_ns() == SECOND {
                    tracker.consume(QuotaType::MessageRate(1)).unwrap();
                }
            },
            move || {
                setter.set_quota(quota(1)).unwrap();
                later.set_ns(SECOND);
            },
        );
    });
}

// I18
#[test]
fn a_caller_that_waits_is_seen_by_the_release_that_it_missed() {
    for (quota, is_above) in [
        (QuotaType::Storage(1), false),
        (QuotaType::Storage(1), true),
        (QuotaType::MessageRate(1), false),
        (QuotaType::MessageRate(1), true),
    ] {
        loom::model(move || {
            let one = ResourceQuota::new().with_storage(1).with_message_rate(1);
            let (host, _clock) = tracked(if is_above { one } else { ResourceQuota::new() });
            let own = if is_above { ResourceQuota::new() } else { one };
            let child = Arc::new(QuotaTracker::with_parent(own, host));
            let resource = quota.resource().expect("it has one");
            let held = child.reserve_owned(&[quota]).expect("all is left");
            let flag = Arc::new(AtomicU64::new(0));
            let (waiter, seen) = (Arc::clone(&child), Arc::clone(&flag));
            let [is_refused, is_seen] = both(
                move || {
                    flag.store(1, Ordering::Relaxed);
                    waiter.publish_wait(resource);
                    waiter.peek(quota).is_err()
                },
                move || {
                    drop(held);
                    seen.load(Ordering::Relaxed) == 1
                },
            );
            assert!(!is_refused || is_seen);
        });
    }
}
