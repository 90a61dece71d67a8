//! Paced takes: a rate that is handed out through its window.

use super::{MS, SECOND, after, tracked};
use core::time::Duration;
use limits_core::{Allowance, Retry};
use limits_core::{ManualClock, QuotaError, QuotaResource, QuotaTracker, QuotaType, ResourceQuota};
use std::sync::Arc;
use std::thread;

const NETWORK: QuotaResource = QuotaResource::NetworkBandwidth;

fn network(limit: u64) -> ResourceQuota {
    ResourceQuota::new().with_network_bandwidth(limit)
}

/// Takes what is due, up to `most`, keeps it and returns how much.
fn take(tracker: &QuotaTracker, most: u64) -> Result<u64, QuotaError> {
    let part = tracker.reserve_paced(NETWORK, 1, most)?;
    let units = part.amount(NETWORK);
    part.commit();
    Ok(units)
}

fn used(tracker: &QuotaTracker) -> u64 {
    tracker.usage().network_bandwidth_used
}

/// Takes in steps of time for a number of windows, and returns the units of each window.
fn drain(takers: &[&QuotaTracker], clock: &ManualClock, step: Duration, windows: u32) -> Vec<u64> {
    let mut sums = Vec::new();
    for _ in 0..windows {
        let (mut sum, mut into) = (0, Duration::ZERO);
        while into < SECOND {
            for taker in takers {
                while let Ok(units) = take(taker, 16_384) {
                    sum += units;
                }
            }
            into += step;
            clock.advance(step);
        }
        sums.push(sum);
    }
    sums
}

// I1 I20 I21
#[test]
fn under_demand_each_window_grants_its_limit_to_the_unit() {
    for limit in [1, 7, 1_000, 999_983, 10_485_760] {
        let (tracker, clock) = tracked(network(limit));
        for step in [MS, MS * 4, MS * 125] {
            assert_eq!(drain(&[&tracker], &clock, step, 10), [limit; 10], "{limit}, {step:?}");
        }
    }
}

// I14 I20
#[test]
fn two_components_share_their_hosts_windows_through_their_whole_length() {
    let (host, clock) = tracked(network(1_000));
    // One may use more than the host has, the other less.
    let child = |limit| QuotaTracker::with_parent(network(limit), Arc::clone(&host));
    let (wide, narrow) = (child(5_000), child(100));
    let mut silence = [0, 0];
    for ms in 0..3_000 {
        if ms % 1_000 == 0 {
            assert_eq!(used(&host), 0);
        }
        for (taker, silent) in [&narrow, &wide].into_iter().zip(&mut silence) {
            *silent = if take(taker, 10).is_ok() { 0 } else { *silent + 1 };
            assert!(*silent <= 126, "{silent} ms at {ms} ms");
        }
        let due = (1_000 * (ms % 1_000 + 125) / 1_000).min(1_000);
        assert!(used(&host) <= due, "{} of {due} at {ms} ms", used(&host));
        assert_eq!(used(&host), used(&wide) + used(&narrow));
        clock.advance(MS);
    }
    let sums = drain(&[&narrow, &wide], &clock, MS, 10);
    assert_eq!(sums, [1_000; 10]);
}

// I4
#[test]
fn a_refusal_of_the_level_that_waits_longest_has_the_exact_time() {
    let (host, clock) = tracked(network(100));
    let quota = network(8_000).with_reset_period(SECOND * 4);
    let child = QuotaTracker::with_parent(quota, Arc::clone(&host));
    assert_eq!(take(&child, 50).unwrap(), 12);
    let refused = child.reserve_paced(NETWORK, 5, 9).unwrap_err();
    let said = "the parent's network bandwidth quota of 100 bytes per 1s exceeded: 12 used, \
                9 more requested; retry in 45ms";
    assert_eq!(refused.to_string(), said);
    assert_eq!(child.peek_paced(NETWORK, 5).unwrap_err().retry(), refused.retry());
    clock.advance(MS * 45 - Duration::from_nanos(1));
    assert!(child.reserve_paced(NETWORK, 5, 9).is_err());
    clock.advance(Duration::from_nanos(1));
    assert_eq!(child.peek_paced(NETWORK, 5), Ok(()));
    assert_eq!(child.reserve_paced(NETWORK, 5, 9).unwrap().amount(NETWORK), 5);
}

// I4
#[test]
fn a_least_above_the_limit_is_never_due_and_a_limit_of_zero_allows_only_nothing() {
    let (tracker, _clock) = tracked(network(100));
    let refused = tracker.reserve_paced(NETWORK, 101, 200).unwrap_err();
    assert_eq!((refused.retry(), refused.requested()), (Retry::Never, 200));
    let (nothing, _clock) = tracked(network(0));
    assert_eq!(take(&nothing, 1).unwrap_err().retry(), Retry::Never);
    assert_eq!(take(&nothing, 0), Ok(0));
    let (all, _clock) = tracked(ResourceQuota::new().with_network_bandwidth(Allowance::Unlimited));
    assert_eq!(take(&all, u64::MAX), Ok(u64::MAX));
}

// I6 I20
#[test]
fn a_charge_past_the_limit_is_drained_before_anything_is_due() {
    let (tracker, clock) = tracked(network(1_000));
    tracker.charge(QuotaType::NetworkBandwidth(2_100));
    assert_eq!(take(&tracker, 10).unwrap_err().retry(), after(2_000));
    clock.advance(SECOND * 2);
    assert_eq!((used(&tracker), take(&tracker, 10_000)), (100, Ok(25)));
}

// I16 I20
#[test]
fn a_changed_limit_is_paced_from_then_on() {
    let (tracker, clock) = tracked(network(1_000));
    clock.advance(MS * 375);
    assert_eq!(take(&tracker, 10_000), Ok(500));
    tracker.set_quota(network(600)).unwrap();
    // 501 of 600 are due at 835 ms, less the eighth of a second ahead.
    assert_eq!(take(&tracker, 10).unwrap_err().retry(), after(335));
    tracker.set_quota(network(400)).unwrap();
    assert_eq!(take(&tracker, 10).unwrap_err().retry(), after(625));
    clock.advance(MS * 625);
    assert_eq!((used(&tracker), take(&tracker, 10_000)), (0, Ok(50)), "it has no debt");
    tracker.set_quota(network(4_000)).unwrap();
    assert_eq!(take(&tracker, 10_000), Ok(450));
}

#[test]
fn takes_that_are_not_paced_use_the_same_window() {
    let (tracker, clock) = tracked(network(1_000));
    tracker.consume(QuotaType::NetworkBandwidth(900)).unwrap();
    assert_eq!(take(&tracker, 10).unwrap_err().retry(), after(776));
    clock.advance(MS * 800);
    assert_eq!(take(&tracker, 1_000), Ok(25));
    tracker.consume(QuotaType::NetworkBandwidth(75)).unwrap();
    assert_eq!(take(&tracker, 1).unwrap_err().retry(), after(200));
}

// I5
#[test]
fn a_clock_that_steps_back_makes_nothing_more_due() {
    let (tracker, clock) = tracked(network(1_000));
    clock.advance(SECOND * 10);
    assert_eq!(take(&tracker, 1_000), Ok(125));
    for back in [9_500, 1, 0] {
        clock.set_ns(back * 1_000_000);
        assert_eq!(take(&tracker, 1).unwrap_err().retry(), after(10_001 - back));
    }
    let held = tracker.reserve_paced(QuotaResource::Memory, 1, 5).unwrap();
    assert!(held.is_current());
}

// I7 I15
#[test]
fn a_part_is_refunded_into_its_own_window_and_current_for_as_long() {
    let (host, clock) = tracked(network(1_000));
    let quota = network(8_000).with_reset_period(SECOND * 4);
    let child = QuotaTracker::with_parent(quota, Arc::clone(&host));
    let part = child.reserve_paced(NETWORK, 1, 50).unwrap();
    clock.advance(SECOND - Duration::from_nanos(1));
    assert!(part.is_current());
    drop(part);
    assert_eq!((used(&host), used(&child)), (0, 0));
    let late = child.reserve_paced(NETWORK, 1, 50).unwrap();
    clock.advance(Duration::from_nanos(1));
    assert!(!late.is_current(), "the host's window is over");
    assert_eq!(take(&child, 30), Ok(30));
    assert!(!late.is_current());
    drop(late);
    assert_eq!((used(&host), used(&child)), (30, 30));
    clock.set_ns(0);
    let early = child.reserve_paced(NETWORK, 1, 1).unwrap();
    assert!(early.is_current(), "it was taken in the window that the tracker knows");
}

#[test]
fn of_a_total_all_that_is_left_is_due() {
    let (host, _clock) = tracked(ResourceQuota::new().with_memory(100));
    let child = QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&host));
    let part = child.reserve_paced(QuotaResource::Memory, 1, 70).unwrap();
    let rest = child.reserve_paced(QuotaResource::Memory, 30, 70).unwrap();
    assert_eq!((part.amount(QuotaResource::Memory), rest.amount(QuotaResource::Memory)), (70, 30));
    let refused = child.reserve_paced(QuotaResource::Memory, 1, 5).unwrap_err();
    assert_eq!((refused.retry(), refused.depth(), refused.requested()), (Retry::Now, 1, 5));
    drop((part, rest));
    assert_eq!(host.usage().memory_used, 0);
}

// I12 I20
#[test]
fn threads_of_two_components_take_what_is_due_and_not_a_unit_more() {
    let (host, clock) = tracked(network(80_000));
    clock.advance(MS * 375);
    let children = [0, 1].map(|_| QuotaTracker::with_parent(network(60_000), Arc::clone(&host)));
    let take_all =
        |child: &QuotaTracker, most| core::iter::from_fn(|| take(child, most).ok()).sum::<u64>();
    let taken: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (1..=4)
            .map(|most| {
                scope.spawn({
                    let child = &children[most % 2];
                    move || take_all(child, u64::try_from(most).unwrap())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // A part that was undone may have refused the last takers.
    let rest: u64 = children.iter().map(|child| take_all(child, 7)).sum();
    assert_eq!(taken + rest, 40_000);
    assert_eq!(used(&host), 40_000);
    assert_eq!(children.iter().map(used).sum::<u64>(), 40_000);
}
