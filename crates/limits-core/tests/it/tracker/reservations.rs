//! Reservations: handed back, kept, settled.

use super::{SECOND, after, tracked};
use core::panic::AssertUnwindSafe;
use limits_core::{QuotaResource, QuotaType, ResourceQuota, Retry};
use std::panic::catch_unwind;
use std::sync::Arc;

// I15
#[test]
fn a_dropped_reservation_hands_back_and_a_committed_one_keeps() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(10));
    let reserved = tracker.reserve(QuotaType::Storage(6)).unwrap();
    assert_eq!(tracker.usage().storage_used, 6);
    assert_eq!(reserved.amount(QuotaResource::Storage), 6);
    drop(reserved);
    assert_eq!(tracker.usage().storage_used, 0);
    tracker.reserve(QuotaType::Storage(6)).unwrap().commit();
    assert_eq!(tracker.usage().storage_used, 6);
}

// I15
#[test]
fn a_panic_hands_back_and_a_forgotten_reservation_is_kept() {
    let (tracker, _clock) = tracked(ResourceQuota::new());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _reserved = tracker.reserve(QuotaType::MessageRate(6)).unwrap();
        panic!("in the middle");
    }));
    assert!(panicked.is_err());
    assert_eq!(tracker.usage().message_count, 0);
    core::mem::forget(tracker.reserve(QuotaType::MessageRate(6)).unwrap());
    assert_eq!(tracker.usage().message_count, 6);
}

// I7
#[test]
fn a_take_of_a_window_that_is_over_is_not_refunded_into_a_later_one() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(10));
    let old = tracker.reserve(QuotaType::MessageRate(4)).unwrap();
    clock.advance(SECOND);
    tracker.consume(QuotaType::MessageRate(10)).unwrap();
    drop(old);
    assert_eq!(tracker.usage().message_count, 10);
    assert_eq!(tracker.consume(QuotaType::MessageRate(1)).unwrap_err().retry(), after(1_000));
}

// I7 I15
#[test]
fn a_take_whose_condition_fails_is_refunded_into_its_window() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(10).with_storage(10));
    for quota in [QuotaType::MessageRate(6), QuotaType::Storage(6)] {
        let used = || tracker.usage().message_count + tracker.usage().storage_used;
        let before = used();
        // The condition is called after the take.
        let asked = tracker.consume_if(quota, || {
            assert_eq!(used(), before + 6);
            false
        });
        assert_eq!((asked, used()), (Ok(false), before));
        assert_eq!(tracker.consume_if(quota, || true), Ok(true));
        assert_eq!(used(), before + 6);
        // A refusal does not call the condition.
        tracker.consume_if(quota, || panic!("nothing was taken")).unwrap_err();
    }
    // The window ends during the call: the next one is not refunded.
    let asked = tracker.consume_if(QuotaType::MessageRate(4), || {
        clock.advance(SECOND);
        tracker.consume(QuotaType::MessageRate(10)).unwrap();
        false
    });
    assert_eq!((asked, tracker.usage().message_count), (Ok(false), 10));
}

// I5 I7
#[test]
fn a_take_after_a_step_back_of_the_clock_is_refunded() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(10));
    clock.advance(SECOND * 7);
    tracker.consume(QuotaType::MessageRate(1)).unwrap();
    clock.set_ns(5_000_000_000);
    drop(tracker.reserve(QuotaType::MessageRate(9)).unwrap());
    assert_eq!(tracker.usage().message_count, 1);
    tracker.reserve(QuotaType::MessageRate(9)).unwrap().commit_actual(QuotaType::MessageRate(2));
    assert_eq!(tracker.usage().message_count, 3);
}

#[test]
fn less_than_reserved_is_handed_back_and_more_is_charged() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_network_bandwidth(100));
    let reserved = tracker.reserve(QuotaType::NetworkBandwidth(80)).unwrap();
    reserved.commit_actual(QuotaType::NetworkBandwidth(30));
    assert_eq!(tracker.usage().network_bandwidth_used, 30);
    let reserved = tracker.reserve(QuotaType::NetworkBandwidth(50)).unwrap();
    reserved.commit_actual(QuotaType::NetworkBandwidth(130));
    assert_eq!(tracker.usage().network_bandwidth_used, 160);
    clock.advance(SECOND);
    assert_eq!(tracker.usage().network_bandwidth_used, 60);
}

#[test]
fn settling_one_resource_keeps_the_others() {
    let (tracker, _clock) = tracked(ResourceQuota::new());
    let both = [QuotaType::Storage(10), QuotaType::MessageRate(2)];
    tracker.reserve_all(&both).unwrap().commit_actual(QuotaType::Storage(4));
    assert_eq!((tracker.usage().storage_used, tracker.usage().message_count), (4, 2));
    tracker.reserve_all(&both).unwrap().commit_actual(QuotaType::None);
    assert_eq!((tracker.usage().storage_used, tracker.usage().message_count), (14, 4));
    // A resource that was not reserved is charged.
    tracker.reserve_all(&both).unwrap().commit_actual(QuotaType::CpuTime(1));
    assert_eq!((tracker.usage().storage_used, tracker.usage().cpu_time_used_us), (24, 1_000));
}

// I12
#[test]
fn several_resources_are_taken_together_or_not_at_all() {
    let quota = ResourceQuota::new().with_storage(100).with_message_rate(2);
    let (tracker, _clock) = tracked(quota);
    let ask = |storage, messages| {
        tracker
            .reserve_all(&[QuotaType::MessageRate(messages), QuotaType::Storage(storage)])
            .map(limits_core::Reservation::commit)
    };
    ask(60, 1).unwrap();
    let before = tracker.usage();
    let refused = ask(10, 2).unwrap_err();
    assert_eq!((refused.resource(), refused.retry()), (QuotaResource::MessageRate, after(1_000)));
    // Of two refusals, the one with the longer wait is returned.
    assert_eq!(ask(60, 2).unwrap_err().resource(), QuotaResource::MessageRate);
    assert_eq!(ask(101, 2).unwrap_err().retry(), Retry::Never);
    assert_eq!(tracker.usage(), before);
    ask(40, 1).unwrap();
}

// I12
#[test]
fn amounts_of_one_resource_are_added_up() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(10));
    let twice = [QuotaType::Storage(6), QuotaType::Storage(6)];
    let refused = tracker.peek_all(&twice).unwrap_err();
    assert_eq!((refused.requested(), refused.retry()), (12, Retry::Never));
    assert!(tracker.reserve_all(&twice).is_err());
    let most = [QuotaType::Storage(u64::MAX), QuotaType::Storage(6)];
    assert_eq!(tracker.reserve_all(&most).unwrap_err().requested(), u64::MAX);
    assert_eq!(tracker.usage().storage_used, 0);
}

// I15
#[test]
fn an_owned_reservation_outlives_every_other_reference() {
    let (tracker, _clock) = tracked(ResourceQuota::new());
    let weak = Arc::downgrade(&tracker);
    let reserved = tracker.reserve_owned(&[QuotaType::Memory(7)]).unwrap();
    drop(tracker);
    let other = std::thread::spawn(move || {
        assert_eq!(weak.upgrade().unwrap().usage().memory_used, 7);
        drop(reserved);
        assert!(weak.upgrade().is_none());
    });
    other.join().unwrap();
}

#[test]
fn a_reservation_shows_what_it_holds() {
    let (tracker, _clock) = tracked(ResourceQuota::new());
    let both = [QuotaType::CpuTime(1), QuotaType::Storage(4)];
    let reserved = tracker.reserve_all(&both).unwrap();
    assert_eq!(format!("{reserved:?}"), "Reservation { storage: 4, cpu_time: 1000 }");
}

// I15
#[test]
fn settled_units_are_kept_and_the_rest_of_the_reservation_is_handed_back() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(100));
    let three =
        [QuotaType::Storage(50), QuotaType::NetworkBandwidth(50), QuotaType::MessageRate(1)];
    let mut reserved = tracker.reserve_all(&three).unwrap();
    reserved.settle(QuotaType::Storage(10));
    reserved.settle(QuotaType::NetworkBandwidth(80));
    reserved.settle(QuotaType::None);
    assert_eq!(reserved.amount(QuotaResource::Storage), 0);
    assert_eq!(reserved.amount(QuotaResource::MessageRate), 1);
    drop(reserved);
    let usage = tracker.usage();
    assert_eq!((usage.storage_used, usage.network_bandwidth_used), (10, 80));
    assert_eq!(usage.message_count, 0);
}
