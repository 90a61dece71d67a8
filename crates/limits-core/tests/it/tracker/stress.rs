//! Grants counted from many threads while the clock runs and limits change.

use super::{MS, tracked};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

const THREADS: u64 = 4;
const FOR: Duration = Duration::from_millis(250);

/// Runs `work` on all threads until time is up, with the number of each.
fn race(work: impl Fn(u64) + Sync) {
    let end = Instant::now() + FOR;
    thread::scope(|scope| {
        for number in 0..THREADS {
            let work = &work;
            scope.spawn(move || {
                while Instant::now() < end {
                    work(number);
                }
            });
        }
    });
}

// I1 I3 I11
#[test]
fn every_window_grants_its_limit_and_not_one_more() {
    const LIMIT: u64 = 1_000;
    let quota = ResourceQuota::new().with_message_rate(LIMIT).with_reset_period(MS);
    let (tracker, clock) = tracked(quota);
    let end = Instant::now() + FOR;
    let (mut windows, mut total) = (0_u64, 0_u64);
    while Instant::now() < end {
        let granted = AtomicU64::new(0);
        thread::scope(|scope| {
            for size in 1..=THREADS {
                let (tracker, granted) = (&tracker, &granted);
                scope.spawn(move || {
                    // Down to single messages, so that none is left in the end.
                    for size in [size, 1] {
                        while tracker.consume_message_rate(size).is_ok() {
                            granted.fetch_add(size, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        total += granted.into_inner();
        windows += 1;
        clock.advance(MS);
    }
    assert!(windows > 0);
    assert_eq!(total, windows * LIMIT);
}

// I13
#[test]
fn the_use_is_the_grants_less_the_releases() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(100));
    let kept = AtomicU64::new(0);
    race(|number| {
        let Ok(reserved) = tracker.reserve(QuotaType::Storage(10 + number)) else { return };
        assert!(tracker.usage().storage_used <= 100);
        match number {
            0 => drop(reserved),
            1 => {
                reserved.commit_actual(QuotaType::Storage(3));
                assert_eq!(tracker.release_storage(3), 3);
            }
            2 => {
                reserved.commit();
                assert_eq!(tracker.release_storage(12), 12);
            }
            _ => {
                if kept.load(Ordering::Relaxed) < 26 {
                    kept.fetch_add(13, Ordering::Relaxed);
                    reserved.commit();
                }
            }
        }
    });
    assert_eq!(tracker.usage().storage_used, kept.into_inner());
}

// I12 I14
#[test]
fn levels_agree_when_all_is_quiet() {
    let (host, _clock) = tracked(ResourceQuota::new().with_memory(50));
    let children: Vec<_> = (0..THREADS)
        .map(|_| QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&host)))
        .collect();
    let both = [QuotaType::Memory(20), QuotaType::Storage(1)];
    let granted = AtomicU64::new(0);
    race(|number| {
        let child = &children[usize::try_from(number).unwrap()];
        if let Ok(reserved) = child.reserve_all(&both) {
            assert!(host.usage().memory_used <= 50);
            granted.fetch_add(1, Ordering::Relaxed);
            drop(reserved);
        }
    });
    assert!(granted.into_inner() > 0);
    assert_eq!(host.usage(), limits_core::QuotaUsage::default());
    for child in children {
        assert_eq!(child.usage(), limits_core::QuotaUsage::default());
    }
}

// I12 I14
#[test]
fn a_take_that_loses_a_race_below_hands_back_what_it_has_above() {
    let (host, _clock) = tracked(ResourceQuota::new());
    let component = QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&host));
    let both = [QuotaType::Storage(1), QuotaType::Memory(1)];
    race(|number| {
        if number % 2 == 0 {
            drop(component.reserve_all(&both).unwrap());
        } else {
            // Of the last resource, so that the others are taken when its race is lost.
            component.charge(QuotaType::Memory(1));
            assert_eq!(component.release_memory(1), 1);
        }
    });
    for level in [&component, &*host] {
        assert_eq!(level.usage(), limits_core::QuotaUsage::default());
    }
}

// I16
#[test]
fn a_limit_that_goes_up_and_down_never_lets_more_through_than_the_higher_one() {
    let quota = |limit: u64| ResourceQuota::new().with_message_rate(limit).with_reset_period(MS);
    let (tracker, clock) = tracked(quota(100));
    let over = AtomicBool::new(false);
    race(|number| match number {
        0 => {
            tracker.set_quota(quota(40)).unwrap();
            tracker.set_quota(quota(100)).unwrap();
        }
        1 => clock.advance(MS / 8),
        size => {
            let _ = tracker.consume_message_rate(size);
            if tracker.usage().message_count > 100 {
                over.store(true, Ordering::Relaxed);
            }
        }
    });
    assert!(!over.into_inner());
}
