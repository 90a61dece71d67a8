//! Changes of quota, restored use, and resets.

use super::{MS, SECOND, after, tracked};
use limits_core::{Allowance, QuotaResource, QuotaTracker, QuotaType, QuotaUsage, ResourceQuota};
use std::sync::Arc;

// I16
#[test]
fn a_limit_below_use_refuses_until_the_window_is_over_and_makes_no_debt() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(100));
    tracker.consume(QuotaType::MessageRate(80)).unwrap();
    tracker.set_quota(ResourceQuota::new().with_message_rate(50)).unwrap();
    let refused = tracker.consume(QuotaType::MessageRate(1)).unwrap_err();
    assert_eq!((refused.used(), refused.limit(), refused.retry()), (80, 50, after(1_000)));
    clock.advance(SECOND);
    assert_eq!(tracker.usage().message_count, 0);
    tracker.consume(QuotaType::MessageRate(50)).unwrap();
    tracker.consume(QuotaType::MessageRate(1)).unwrap_err();
}

// I16
#[test]
fn debt_from_before_a_change_is_still_owed_and_drains_at_the_limit_of_its_time() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(100));
    tracker.charge(QuotaType::MessageRate(460));
    clock.advance(SECOND * 2);
    // Two windows have drained 100 each; the third drains the higher limit that it has seen.
    tracker.set_quota(ResourceQuota::new().with_message_rate(10)).unwrap();
    assert_eq!(tracker.usage().message_count, 260);
    assert_eq!(tracker.peek(QuotaType::MessageRate(1)).unwrap_err().retry(), after(17_000));
    clock.advance(SECOND);
    assert_eq!(tracker.usage().message_count, 160);
    clock.advance(SECOND * 15);
    assert_eq!(tracker.usage().message_count, 10);
    clock.advance(SECOND);
    tracker.consume(QuotaType::MessageRate(10)).unwrap();
}

// I16
#[test]
fn an_idle_component_owes_nothing_after_a_limit_has_fallen() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(100));
    tracker.consume(QuotaType::MessageRate(80)).unwrap();
    clock.advance(SECOND * 7);
    tracker.set_quota(ResourceQuota::new().with_message_rate(0)).unwrap();
    assert_eq!(tracker.usage().message_count, 0);
    tracker.set_quota(ResourceQuota::new().with_message_rate(3)).unwrap();
    tracker.consume(QuotaType::MessageRate(3)).unwrap();
}

// I16
#[test]
fn two_falls_in_one_window_forgive_up_to_the_highest_limit() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(Allowance::Unlimited));
    tracker.consume(QuotaType::MessageRate(80)).unwrap();
    tracker.set_quota(ResourceQuota::new().with_message_rate(50)).unwrap();
    tracker.set_quota(ResourceQuota::new().with_message_rate(20)).unwrap();
    assert_eq!(tracker.usage().message_count, 80);
    clock.advance(SECOND);
    assert_eq!(tracker.usage().message_count, 0);
}

// I16
#[test]
fn a_total_below_use_refuses_until_enough_is_released() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_storage(100));
    tracker.consume(QuotaType::Storage(80)).unwrap();
    tracker.set_quota(ResourceQuota::new().with_storage(50)).unwrap();
    assert_eq!(tracker.status().storage.available(), Allowance::AtMost(0));
    for (resource, status) in tracker.status().iter() {
        assert_eq!(tracker.status_of(resource), status);
    }
    tracker.release(QuotaType::Storage(30));
    tracker.consume(QuotaType::Storage(1)).unwrap_err();
    tracker.release(QuotaType::Storage(1));
    tracker.consume(QuotaType::Storage(1)).unwrap();
}

#[test]
fn a_higher_limit_holds_at_once() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_message_rate(1));
    tracker.consume(QuotaType::MessageRate(1)).unwrap();
    tracker.set_quota(ResourceQuota::new().with_message_rate(3)).unwrap();
    tracker.consume(QuotaType::MessageRate(2)).unwrap();
    tracker.set_quota(ResourceQuota::new().with_message_rate(Allowance::Unlimited)).unwrap();
    tracker.consume(QuotaType::MessageRate(1_000)).unwrap();
}

#[test]
fn every_limit_changes_and_reads_back_and_the_period_does_not_change() {
    let (tracker, _clock) = tracked(ResourceQuota::new());
    let other = ResourceQuota::new()
        .with_storage(1)
        .with_storage_entries(2)
        .with_message_rate(Allowance::Unlimited)
        .with_network_bandwidth(3)
        .with_cpu_time(4)
        .with_memory(5);
    tracker.set_quota(other).unwrap();
    assert_eq!(tracker.quota(), other);
    let error = tracker.set_quota(ResourceQuota::new().with_reset_period(SECOND * 2)).unwrap_err();
    assert_eq!((error.current(), error.requested()), (SECOND, SECOND * 2));
    assert_eq!(error.to_string(), "the period of a tracker is fixed: it counts per 1s, not per 2s");
    assert_eq!(tracker.quota(), other);
}

#[test]
fn storage_survives_a_restart_on_all_levels() {
    let (before, _clock) = tracked(ResourceQuota::new());
    for quota in [
        QuotaType::Storage(70),
        QuotaType::StorageEntries(8),
        QuotaType::MessageRate(2),
        QuotaType::NetworkBandwidth(3),
        QuotaType::CpuTimeMicros(4),
        QuotaType::Memory(50),
    ] {
        before.consume(quota).unwrap();
    }
    let kept = before.usage().without_memory();
    let expected = QuotaUsage {
        storage_used: 70,
        storage_entries_used: 8,
        message_count: 2,
        network_bandwidth_used: 3,
        cpu_time_used_us: 4,
        memory_used: 0,
    };
    assert_eq!(kept, expected);

    let (host, _clock) = tracked(ResourceQuota::new());
    let quota = ResourceQuota::new().with_storage(100);
    let after = QuotaTracker::with_parent(quota, Arc::clone(&host));
    after.restore(&kept);
    assert_eq!((after.usage(), host.usage()), (kept, kept));
    assert_eq!(after.consume(QuotaType::Storage(31)).unwrap_err().used(), 70);
    for &resource in QuotaResource::ALL {
        assert_eq!(after.status().of(resource).used(), kept.of(resource));
    }
}

#[test]
fn a_reset_forgets_use_and_debt_and_gives_totals_back_to_the_parent() {
    let (host, clock) = tracked(ResourceQuota::new());
    host.consume(QuotaType::Storage(5)).unwrap();
    let one = QuotaTracker::with_parent(ResourceQuota::new().with_cpu_time(1), host.clone());
    one.charge(QuotaType::CpuTime(9));
    one.consume(QuotaType::Storage(7)).unwrap();
    clock.advance(MS);
    one.reset();
    assert_eq!(one.usage(), QuotaUsage::default());
    assert_eq!((host.usage().storage_used, host.usage().cpu_time_used_us), (5, 9_000));
    one.consume(QuotaType::CpuTime(1)).unwrap();
    clock.advance(SECOND);
    assert_eq!(one.usage().cpu_time_used_us, 0);
}

// I5
#[test]
fn a_reset_opens_no_window_that_a_step_back_of_the_clock_could_use_twice() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(3));
    clock.advance(SECOND * 10);
    tracker.reset();
    clock.set_ns(5_000_000_000);
    tracker.consume(QuotaType::MessageRate(3)).unwrap();
    clock.set_ns(10_000_000_000);
    tracker.consume(QuotaType::MessageRate(1)).unwrap_err();
}
