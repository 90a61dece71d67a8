//! Regression tests for defects that `docs/history/design-map.md` lists.

use super::{SECOND, after, tracked};
use core::time::Duration;
use limits_core::{Allowance, QuotaResource, QuotaType, ResourceQuota, Retry};
use std::sync::{Arc, Barrier};
use std::thread;

// I11
#[test]
fn sixteen_threads_never_take_more_than_the_limit_together() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(1_000));
    let all_have_asked = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let (tracker, barrier) = (Arc::clone(&tracker), Arc::clone(&all_have_asked));
            thread::spawn(move || {
                let reserved = tracker.reserve(QuotaType::Storage(600));
                // All other threads have checked before the operation ends.
                barrier.wait();
                reserved.map(limits_core::Reservation::commit).is_ok()
            })
        })
        .collect();
    let granted = threads.into_iter().map(|thread| thread.join().unwrap());
    assert_eq!(granted.filter(|granted| *granted).count(), 1);
    assert_eq!(tracker.usage().storage_used, 600);
}

#[test]
fn a_request_of_u64_max_does_not_wrap() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage_entries(100));
    for &resource in QuotaResource::ALL {
        tracker.consume(QuotaType::of(resource, 10)).unwrap();
        let most = QuotaType::of(resource, u64::MAX);
        for refused in [tracker.peek(most), tracker.consume(most)] {
            let refused = refused.unwrap_err();
            assert_eq!((refused.used(), refused.retry()), (10, Retry::Never));
        }
        tracker.charge(most);
        assert!(tracker.status().of(resource).used() > 10);
        tracker.consume(QuotaType::of(resource, 1)).unwrap_err();
    }
}

#[test]
fn releasing_at_zero_leaves_zero() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(5));
    assert_eq!(tracker.release_storage(1), 0);
    assert_eq!(tracker.usage().storage_used, 0);
    tracker.check_storage(0).unwrap();
    tracker.check_storage(5).unwrap();
    tracker.check_storage(6).unwrap_err();
}

#[test]
fn the_burst_at_the_edge_of_a_window_is_at_most_two_limits() {
    let period = Duration::from_millis(200);
    let quota = ResourceQuota::new().with_message_rate(100).with_reset_period(period);
    let (tracker, clock) = tracked(quota);
    clock.advance(Duration::from_millis(190));
    let mut granted = 0;
    for _ms in 0..200 {
        while tracker.consume_message_rate(1).is_ok() {
            granted += 1;
        }
        clock.advance(Duration::from_millis(1));
    }
    assert_eq!(granted, 200);
}

#[test]
fn monitoring_shows_the_window_of_now() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(10));
    tracker.consume_message_rate(10).unwrap();
    assert!(tracker.is_quota_critical());
    clock.advance(SECOND * 4);
    assert!(!tracker.is_quota_warning());
    assert_eq!(tracker.usage().message_count, 0);
    assert_eq!(tracker.status().message_rate.available(), Allowance::AtMost(10));
}

#[test]
fn a_late_charge_counts_in_the_window_in_which_it_comes() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(10));
    tracker.consume_message_rate(8).unwrap();
    tracker.check_message_rate(2).unwrap();
    clock.advance(SECOND);
    // The check was in the last window; this one has not been read.
    tracker.consume_message_rate(4).unwrap();
    assert_eq!(tracker.usage().message_count, 4);
    clock.advance(SECOND);
    tracker.charge(QuotaType::MessageRate(3));
    assert_eq!(tracker.consume_message_rate(8).unwrap_err().used(), 3);
    tracker.consume_message_rate(7).unwrap();
}

#[test]
fn memory_adds_up() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_memory(256));
    tracker.consume_memory(200).unwrap();
    assert_eq!(tracker.check_memory(200).unwrap_err().used(), 200);
    tracker.consume_memory(56).unwrap();
    assert_eq!(tracker.usage().memory_used, 256);
}

#[test]
fn a_period_of_zero_limits_too() {
    let quota = ResourceQuota::new().with_message_rate(10).with_reset_period(Duration::ZERO);
    let (tracker, _clock) = tracked(quota);
    let granted = (0..100_000).filter(|_| tracker.consume_message_rate(1).is_ok()).count();
    assert_eq!(granted, 10);
    let words = tracker.consume_message_rate(1).unwrap_err().to_string();
    assert_eq!(
        words,
        "message rate quota of 10 messages per 1ms exceeded: 10 used, 1 more requested; retry in 1ms"
    );
}

#[test]
fn a_quota_of_zero_is_critical() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_cpu_time(0));
    assert!(tracker.is_quota_warning() && tracker.is_quota_critical());
    tracker.consume_cpu_time(1).unwrap_err();
}

#[test]
fn a_request_past_the_limit_is_never_granted_and_others_later() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_message_rate(10));
    assert_eq!(tracker.consume_message_rate(11).unwrap_err().retry(), Retry::Never);
    tracker.consume_message_rate(1).unwrap();
    assert_eq!(tracker.consume_message_rate(10).unwrap_err().retry(), after(1_000));
}

#[test]
fn memory_is_released_and_a_failed_send_is_handed_back() {
    let (tracker, _clock) = tracked(ResourceQuota::new());
    tracker.consume_memory(10).unwrap();
    tracker.release_memory(10);
    let send = tracker.reserve(QuotaType::MessageRate(1)).unwrap();
    drop(send);
    assert_eq!((tracker.usage().memory_used, tracker.usage().message_count), (0, 0));
}

#[test]
fn a_refusal_is_typed_and_has_its_numbers() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(10));
    let error: Box<dyn core::error::Error> =
        Box::from(limits_core::WasmError::from(tracker.consume_storage(11).unwrap_err()));
    let error = error.downcast::<limits_core::WasmError>().unwrap();
    let limits_core::WasmError::Quota(refused) = *error else { panic!("{error:?}") };
    assert_eq!(refused.resource(), QuotaResource::Storage);
    assert_eq!((refused.used(), refused.requested(), refused.limit()), (0, 11, 10));
    assert_eq!((refused.retry(), refused.depth()), (Retry::Never, 0));
}

#[test]
fn cpu_time_is_charged_in_microseconds_as_slices_end() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_cpu_time(1));
    for _slice in 0..4 {
        tracker.peek(QuotaType::CpuTimeMicros(1)).unwrap();
        tracker.charge(QuotaType::CpuTimeMicros(270));
    }
    // The overdraw is less than the last slice.
    assert_eq!(tracker.usage().cpu_time_used_us, 1_080);
    tracker.peek(QuotaType::CpuTimeMicros(1)).unwrap_err();
}

#[test]
fn a_shared_tracker_has_no_window_to_set() {
    let (tracker, _clock) = tracked(ResourceQuota::new());
    tracker.set_quota(ResourceQuota::new().with_reset_period(SECOND * 3)).unwrap_err();
    assert_eq!(tracker.quota().reset_period, SECOND);
}
