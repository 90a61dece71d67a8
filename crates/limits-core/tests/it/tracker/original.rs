//! The unit tests that the original design lists for its tracker, under its names. Other files of
//! this folder test the same methods in full.
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

use super::{MS, SECOND, after, tracked};
use core::sync::atomic::{AtomicU64, Ordering};
use limits_core::{
    Allowance, QuotaError, QuotaResource, QuotaTracker, QuotaType, QuotaUsage, ResourceQuota, Retry,
};
use std::thread;

type Method = fn(&QuotaTracker, u64) -> Result<(), QuotaError>;

/// One thousand of each.
fn thousand() -> ResourceQuota {
    ResourceQuota::new()
        .with_storage(1_000)
        .with_message_rate(1_000)
        .with_network_bandwidth(1_000)
        .with_cpu_time(1_000)
        .with_memory(1_000)
}

/// The whole limit fits, also at a second check: a check takes nothing.
fn within_limit(check: Method) {
    let (tracker, _clock) = tracked(thousand());
    for amount in [0, 1, 999, 1_000, 1_000] {
        check(&tracker, amount).unwrap();
    }
    assert_eq!(tracker.usage(), QuotaUsage::default());
}

/// One unit past the whole limit does not fit, nor does one past the units left.
fn exceeds_limit(check: Method, consume: Method, text: &str) {
    let (tracker, _clock) = tracked(thousand());
    assert_eq!(check(&tracker, 1_001).unwrap_err().retry(), Retry::Never);
    consume(&tracker, 900).unwrap();
    check(&tracker, 100).unwrap();
    assert_eq!(check(&tracker, 101).unwrap_err().to_string(), text);
}

/// A full window refuses to its last nanosecond, and the next one is empty.
fn window_reset(consume: Method, resource: QuotaResource) {
    let (tracker, clock) = tracked(thousand());
    consume(&tracker, 1_000).unwrap();
    clock.advance(SECOND - MS);
    assert_eq!(consume(&tracker, 1).unwrap_err().retry(), after(1));
    clock.advance(MS);
    assert_eq!(tracker.status().of(resource).used(), 0);
    consume(&tracker, 1_000).unwrap();
    consume(&tracker, 1).unwrap_err();
}

// Storage.

#[test]
fn test_check_storage_quota_within_limit() {
    within_limit(QuotaTracker::check_storage);
}

#[test]
fn test_check_storage_quota_exceeds_limit() {
    exceeds_limit(
        QuotaTracker::check_storage,
        QuotaTracker::consume_storage,
        "storage quota of 1000 bytes exceeded: 900 used, 101 more requested; \
         retry after a release",
    );
}

#[test]
fn test_consume_storage_quota() {
    let (tracker, clock) = tracked(thousand());
    tracker.consume_storage(400).unwrap();
    clock.advance(SECOND * 3_600);
    assert_eq!(tracker.usage().storage_used, 400);
    tracker.consume_storage(601).unwrap_err();
    assert_eq!(tracker.usage().storage_used, 400);
}

#[test]
fn test_release_storage_quota() {
    let (tracker, _clock) = tracked(thousand());
    tracker.consume_storage(1_000).unwrap();
    assert_eq!(tracker.release_storage(300), 300);
    assert_eq!(tracker.usage().storage_used, 700);
    tracker.consume_storage(300).unwrap();
}

#[test]
fn test_multiple_storage_operations() {
    let (tracker, _clock) = tracked(thousand());
    let mut used = 0;
    for (take, give) in [(300, 0), (500, 250), (450, 1_000), (1_000, 1)] {
        tracker.consume_storage(take).unwrap();
        used += take;
        assert_eq!(tracker.release_storage(give), give.min(used));
        used -= give.min(used);
        assert_eq!(tracker.usage().storage_used, used);
    }
    assert_eq!(used, 999);
}

// Message rate.

#[test]
fn test_check_message_rate_quota_within_limit() {
    within_limit(QuotaTracker::check_message_rate);
}

#[test]
fn test_check_message_rate_quota_exceeds_limit() {
    exceeds_limit(
        QuotaTracker::check_message_rate,
        QuotaTracker::consume_message_rate,
        "message rate quota of 1000 messages per 1s exceeded: 900 used, 101 more requested; \
         retry in 1s",
    );
}

#[test]
fn test_consume_message_rate_quota() {
    let (tracker, _clock) = tracked(thousand());
    for sent in 1..=1_000 {
        tracker.consume_message_rate(1).unwrap();
        assert_eq!(tracker.usage().message_count, sent);
    }
    tracker.consume_message_rate(1).unwrap_err();
    assert_eq!(tracker.usage().message_count, 1_000);
}

#[test]
fn test_message_rate_time_window_reset() {
    window_reset(QuotaTracker::consume_message_rate, QuotaResource::MessageRate);
}

// Network bandwidth.

#[test]
fn test_check_network_bandwidth_quota_within_limit() {
    within_limit(QuotaTracker::check_network_bandwidth);
}

#[test]
fn test_check_network_bandwidth_quota_exceeds_limit() {
    exceeds_limit(
        QuotaTracker::check_network_bandwidth,
        QuotaTracker::consume_network_bandwidth,
        "network bandwidth quota of 1000 bytes per 1s exceeded: 900 used, 101 more requested; \
         retry in 1s",
    );
}

#[test]
fn test_consume_network_bandwidth_quota() {
    let (tracker, _clock) = tracked(thousand());
    tracker.consume_network_bandwidth(600).unwrap();
    tracker.consume_network_bandwidth(401).unwrap_err();
    tracker.consume_network_bandwidth(400).unwrap();
    assert_eq!(tracker.usage().network_bandwidth_used, 1_000);
}

#[test]
fn test_network_bandwidth_time_window_reset() {
    window_reset(QuotaTracker::consume_network_bandwidth, QuotaResource::NetworkBandwidth);
}

// CPU time.

#[test]
fn test_check_cpu_time_quota_within_limit() {
    within_limit(QuotaTracker::check_cpu_time);
}

#[test]
fn test_check_cpu_time_quota_exceeds_limit() {
    exceeds_limit(
        QuotaTracker::check_cpu_time,
        QuotaTracker::consume_cpu_time,
        "CPU time quota of 1000000 µs per 1s exceeded: 900000 used, 101000 more requested; \
         retry in 1s",
    );
}

#[test]
fn test_consume_cpu_time_quota() {
    let (tracker, _clock) = tracked(thousand());
    tracker.consume_cpu_time(600).unwrap();
    tracker.consume_cpu_time(401).unwrap_err();
    tracker.consume_cpu_time(400).unwrap();
    assert_eq!(tracker.usage().cpu_time_used_us, 1_000_000);
}

#[test]
fn test_cpu_time_time_window_reset() {
    window_reset(QuotaTracker::consume_cpu_time, QuotaResource::CpuTime);
}

// Memory.

#[test]
fn test_check_memory_quota_within_limit() {
    within_limit(QuotaTracker::check_memory);
}

#[test]
fn test_check_memory_quota_exceeds_limit() {
    exceeds_limit(
        QuotaTracker::check_memory,
        QuotaTracker::consume_memory,
        "memory quota of 1000 bytes exceeded: 900 used, 101 more requested; \
         retry after a release",
    );
}

/// Regression: the last report replaced the use. The use is the sum of all that is held; the peak
/// of an execution is in its report.
#[test]
fn test_update_memory_usage_peak_tracking() {
    let (tracker, _clock) = tracked(thousand());
    let in_use = || tracker.usage().memory_used;
    tracker.consume_memory(500).unwrap();
    tracker.consume_memory(1).unwrap();
    assert_eq!(in_use(), 501);
    assert_eq!(tracker.release_memory(500), 500);
    assert_eq!(in_use(), 1);
}

// Edge cases.

#[test]
fn test_quota_zero_always_denied() {
    let (tracker, clock) = tracked(
        ResourceQuota::new()
            .with_storage(0)
            .with_storage_entries(0)
            .with_message_rate(0)
            .with_network_bandwidth(0)
            .with_cpu_time(0)
            .with_memory(0),
    );
    for _window in 0..2 {
        for &resource in QuotaResource::ALL {
            let one = QuotaType::of(resource, 1);
            assert_eq!(tracker.peek(one).unwrap_err().retry(), Retry::Never);
            assert_eq!(tracker.consume(one).unwrap_err().retry(), Retry::Never);
            assert_eq!(tracker.status().of(resource).available(), Allowance::AtMost(0));
        }
        clock.advance(SECOND);
    }
}

#[test]
fn test_quota_u64_max_infinite_quota() {
    let (tracker, _clock) = tracked(
        ResourceQuota::new()
            .with_storage(u64::MAX)
            .with_memory(Allowance::Unlimited)
            .with_message_rate(Allowance::Unlimited),
    );
    // The largest limit is a limit, and exact.
    tracker.consume_storage(u64::MAX - 1).unwrap();
    tracker.consume_storage(1).unwrap();
    assert_eq!(tracker.consume_storage(1).unwrap_err().used(), u64::MAX);
    // An unlimited resource refuses only what cannot be counted.
    tracker.consume_memory(u64::MAX).unwrap();
    for _ in 0..3 {
        tracker.consume_message_rate(u64::MAX).unwrap();
    }
}

#[test]
fn test_concurrent_access_thread_safety() {
    let (tracker, _clock) = tracked(thousand());
    let granted = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    if tracker.consume_message_rate(1).is_ok() {
                        granted.fetch_add(1, Ordering::Relaxed);
                    }
                    tracker.consume_storage(2).unwrap();
                    assert_eq!(tracker.release_storage(2), 2);
                }
            });
        }
    });
    assert_eq!(granted.into_inner(), 1_000);
    assert_eq!((tracker.usage().message_count, tracker.usage().storage_used), (1_000, 0));
}

#[test]
fn test_time_window_boundary_conditions() {
    let (tracker, clock) = tracked(thousand());
    let end = 1_000_000_000;
    // The last nanosecond of a window, the first of the next, its last, and one much later.
    clock.set_ns(end - 1);
    tracker.consume_message_rate(600).unwrap();
    tracker.consume_message_rate(401).unwrap_err();
    clock.set_ns(end);
    assert_eq!(tracker.usage().message_count, 0);
    tracker.consume_message_rate(1_000).unwrap();
    assert_eq!(tracker.consume_message_rate(1).unwrap_err().retry(), after(1_000));
    clock.set_ns(end * 2 - 1);
    assert_eq!(tracker.usage().message_count, 1_000);
    tracker.consume_message_rate(1).unwrap_err();
    clock.set_ns(end * 9);
    assert_eq!(tracker.usage().message_count, 0);
    tracker.consume_message_rate(1_000).unwrap();
}
