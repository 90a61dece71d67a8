//! Messages, bandwidth and CPU time: counted per window.

use super::{MS, SECOND, after, tracked};
use core::time::Duration;
use limits_core::{Allowance, QuotaResource, QuotaType, ResourceQuota, Retry};

const ONE: QuotaType = QuotaType::MessageRate(1);

// I4
#[test]
fn a_refusal_has_the_exact_time_to_retry() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(3));
    clock.advance(MS * 250);
    tracker.consume(QuotaType::MessageRate(3)).unwrap();
    let refused = tracker.consume(ONE).unwrap_err();
    assert_eq!((refused.used(), refused.requested(), refused.limit()), (3, 1, 3));
    assert_eq!((refused.retry(), refused.period()), (after(750), Some(SECOND)));
    clock.advance(MS * 750 - Duration::from_nanos(1));
    let refused = tracker.consume(ONE).unwrap_err();
    assert_eq!(refused.retry(), Retry::After(Duration::from_nanos(1)));
    clock.advance(Duration::from_nanos(1));
    tracker.consume(ONE).unwrap();
}

#[test]
fn periods_from_a_millisecond_to_a_day_are_kept_to_the_nanosecond() {
    for period in [MS, SECOND, Duration::from_secs(86_400), Duration::from_secs(86_400 * 365)] {
        let quota = ResourceQuota::new().with_message_rate(2).with_reset_period(period);
        let (tracker, clock) = tracked(quota);
        for _window in 0..3 {
            tracker.consume(QuotaType::MessageRate(2)).unwrap();
            clock.advance(period - Duration::from_nanos(1));
            let wait = Retry::After(Duration::from_nanos(1));
            assert_eq!(tracker.consume(ONE).unwrap_err().retry(), wait, "{period:?}");
            clock.advance(Duration::from_nanos(1));
        }
        assert_eq!(tracker.quota().reset_period, period);
    }
}

// I5
#[test]
fn a_clock_that_steps_back_grants_nothing_more_and_catches_up() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(3));
    clock.advance(SECOND * 10);
    tracker.consume(QuotaType::MessageRate(3)).unwrap();
    for back in [9_500_000_000, 5_000_000_000, 1, 0] {
        clock.set_ns(back);
        let wait = Duration::from_secs(11) - Duration::from_nanos(back);
        assert_eq!(tracker.consume(ONE).unwrap_err().retry(), Retry::After(wait));
        assert_eq!(tracker.usage().message_count, 3);
    }
    clock.set_ns(11_000_000_000);
    tracker.consume(ONE).unwrap();
}

// I5
#[test]
fn after_a_step_back_several_resources_still_count_in_one_window_and_wait_exactly() {
    let quota = ResourceQuota::new().with_message_rate(3).with_network_bandwidth(10);
    let (tracker, clock) = tracked(quota);
    clock.advance(SECOND * 7);
    tracker.consume(ONE).unwrap();
    clock.set_ns(5_000_000_000);
    let both = [ONE, QuotaType::NetworkBandwidth(10)];
    let reserved = tracker.reserve_all(&both).unwrap();
    // The window is the eighth, and the clock shows the sixth.
    assert_eq!(tracker.reserve_all(&both).unwrap_err().retry(), after(3_000));
    drop(reserved);
    assert_eq!((tracker.usage().message_count, tracker.usage().network_bandwidth_used), (1, 0));
}

#[test]
fn a_clock_before_the_origin_counts_as_the_origin_and_has_to_catch_up() {
    let clock = std::sync::Arc::new(limits_core::ManualClock::new());
    clock.set_ns(5_000_000_000);
    let quota = ResourceQuota::new().with_message_rate(1);
    let shown = std::sync::Arc::<limits_core::ManualClock>::clone(&clock);
    let tracker = limits_core::QuotaTracker::with_clock(quota, shown);
    clock.set_ns(1);
    tracker.consume(ONE).unwrap();
    let wait = Duration::from_nanos(5_999_999_999);
    for refused in [tracker.consume(ONE), tracker.peek(ONE), tracker.peek_all(&[ONE])] {
        assert_eq!(refused.unwrap_err().retry(), Retry::After(wait));
    }
    clock.advance(wait - Duration::from_nanos(1));
    assert!(tracker.peek(ONE).is_err());
    clock.advance(Duration::from_nanos(1));
    tracker.consume(ONE).unwrap();
}

#[test]
fn the_largest_time_does_not_panic() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(2));
    clock.set_ns(u64::MAX);
    tracker.consume(ONE).unwrap();
    tracker.consume(ONE).unwrap();
    assert_eq!(tracker.consume(ONE).unwrap_err().retry(), Retry::Never);
}

// I6
#[test]
fn debt_carries_over_less_one_limit_for_each_window() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_cpu_time(10));
    tracker.charge(QuotaType::CpuTimeMicros(25_000));
    let wait = |tracker: &limits_core::QuotaTracker| {
        tracker.peek(QuotaType::CpuTimeMicros(1)).unwrap_err().retry()
    };
    assert_eq!(wait(&tracker), after(2_000));
    clock.advance(SECOND);
    assert_eq!((tracker.usage().cpu_time_used_us, wait(&tracker)), (15_000, after(1_000)));
    clock.advance(SECOND);
    assert_eq!(tracker.usage().cpu_time_used_us, 5_000);
    tracker.peek(QuotaType::CpuTime(5)).unwrap();
    // Ten windows drain ten limits and not eleven.
    tracker.charge(QuotaType::CpuTimeMicros(105_001));
    clock.advance(SECOND * 10);
    assert_eq!(tracker.usage().cpu_time_used_us, 10_001);
}

#[test]
fn a_request_that_needs_more_room_waits_longer() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(10));
    tracker.charge(QuotaType::MessageRate(15));
    assert_eq!(tracker.peek(QuotaType::MessageRate(5)).unwrap_err().retry(), after(1_000));
    assert_eq!(tracker.peek(QuotaType::MessageRate(6)).unwrap_err().retry(), after(2_000));
    clock.advance(SECOND);
    tracker.peek(QuotaType::MessageRate(5)).unwrap();
    assert_eq!(tracker.peek(QuotaType::MessageRate(6)).unwrap_err().retry(), after(1_000));
}

#[test]
fn under_a_limit_of_zero_debt_stays() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_message_rate(0));
    tracker.charge(QuotaType::MessageRate(3));
    clock.advance(SECOND * 1_000);
    assert_eq!(tracker.usage().message_count, 3);
    assert_eq!(tracker.consume(ONE).unwrap_err().retry(), Retry::Never);
    tracker.consume(QuotaType::MessageRate(0)).unwrap();
}

#[test]
fn an_unlimited_rate_counts_and_leaves_no_debt() {
    let (tracker, clock) =
        tracked(ResourceQuota::new().with_network_bandwidth(Allowance::Unlimited));
    tracker.consume(QuotaType::NetworkBandwidth(1 << 30)).unwrap();
    assert_eq!(tracker.usage().network_bandwidth_used, 1 << 30);
    clock.advance(SECOND);
    assert_eq!(tracker.usage().network_bandwidth_used, 0);
}

// I8
#[test]
fn a_limit_too_large_to_count_is_lowered_to_the_capacity() {
    let (tracker, clock) = tracked(ResourceQuota::new().with_network_bandwidth(u64::MAX));
    let held = tracker.status().network_bandwidth.limit().at_most().unwrap();
    assert!((32_000_000_000..u64::MAX).contains(&held));
    assert_eq!(tracker.quota().max_network_bandwidth, Allowance::AtMost(held));
    tracker.consume(QuotaType::NetworkBandwidth(held)).unwrap();
    let refused = tracker.consume(QuotaType::NetworkBandwidth(1)).unwrap_err();
    assert_eq!((refused.limit(), refused.retry()), (held, after(1_000)));
    let refused = tracker.consume(QuotaType::NetworkBandwidth(held + 1)).unwrap_err();
    assert_eq!(refused.retry(), Retry::Never);
    // A charge past the capacity saturates the count.
    tracker.charge(QuotaType::NetworkBandwidth(u64::MAX));
    assert_eq!(tracker.usage().network_bandwidth_used, held + 1);
    clock.advance(SECOND);
    assert_eq!(tracker.usage().network_bandwidth_used, 1);
}

#[test]
fn cpu_time_goes_in_as_milliseconds_or_microseconds_and_comes_out_as_microseconds() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_cpu_time(2));
    tracker.consume(QuotaType::CpuTime(1)).unwrap();
    tracker.consume(QuotaType::CpuTimeMicros(250)).unwrap();
    let refused = tracker.consume(QuotaType::CpuTime(1)).unwrap_err();
    assert_eq!((refused.used(), refused.requested(), refused.limit()), (1_250, 1_000, 2_000));
    assert_eq!(
        refused.to_string(),
        "CPU time quota of 2000 µs per 1s exceeded: 1250 used, 1000 more requested; retry in 1s"
    );
}

// I1
#[test]
fn the_units_left_are_granted_in_part() {
    let quota = ResourceQuota::new().with_message_rate(10).with_cpu_time(3);
    let (tracker, clock) = tracked(quota);
    let part = tracker.reserve_up_to(QuotaType::MessageRate(7)).unwrap();
    assert_eq!(part.amount(QuotaResource::MessageRate), 7);
    part.commit();
    let part = tracker.reserve_up_to(QuotaType::MessageRate(7)).unwrap();
    assert_eq!(part.amount(QuotaResource::MessageRate), 3);
    part.commit();
    clock.advance(MS);
    let refused = tracker.reserve_up_to(QuotaType::MessageRate(20)).unwrap_err();
    assert_eq!((refused.requested(), refused.used()), (20, 10));
    assert_eq!(refused.retry(), after(999), "one more message fits then");

    tracker.consume(QuotaType::CpuTimeMicros(500)).unwrap();
    let part = tracker.reserve_up_to(QuotaType::CpuTime(9)).unwrap();
    assert_eq!(part.amount(QuotaResource::CpuTime), 2_000, "whole milliseconds");
    part.commit();
    let part = tracker.reserve_up_to(QuotaType::CpuTimeMicros(9_000)).unwrap();
    assert_eq!(part.amount(QuotaResource::CpuTime), 500);
}

// I2
#[test]
fn a_flood_of_refusals_changes_not_one_bit() {
    let (tracker, _clock) = tracked(ResourceQuota::new().with_message_rate(1));
    tracker.consume(ONE).unwrap();
    let before = format!("{tracker:?}");
    for _refusal in 0..1_000 {
        tracker.consume(ONE).unwrap_err();
    }
    assert_eq!(format!("{tracker:?}"), before);
}

#[test]
fn a_rate_is_not_released() {
    let (tracker, _clock) = tracked(ResourceQuota::new());
    tracker.consume(QuotaType::MessageRate(5)).unwrap();
    tracker.consume(QuotaType::CpuTime(5)).unwrap();
    assert_eq!(tracker.release(QuotaType::MessageRate(5)), 0);
    assert_eq!(tracker.release(QuotaType::CpuTime(5)), 0);
    assert_eq!((tracker.usage().message_count, tracker.usage().cpu_time_used_us), (5, 5_000));
}

#[cfg(feature = "std")]
#[test]
fn the_system_clock_rolls_windows_too() {
    let quota = ResourceQuota::new().with_message_rate(1).with_reset_period(MS);
    let tracker = limits_core::QuotaTracker::new(quota);
    let mut granted = 0;
    // Waits as long as each refusal reports, so the test ends on any machine.
    while granted < 3 {
        match tracker.consume(ONE) {
            Ok(()) => granted += 1,
            Err(refused) => match refused.retry() {
                Retry::After(wait) => {
                    assert!(wait <= MS);
                    std::thread::sleep(wait);
                }
                retry => panic!("{retry:?}"),
            },
        }
    }
}
