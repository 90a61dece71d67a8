//! Components, tenants and hosts: all levels or none.

use super::{SECOND, after, tracked};
use limits_core::{Allowance, QuotaResource, QuotaTracker, QuotaType, ResourceQuota, Retry};
use std::sync::Arc;

fn child(quota: ResourceQuota, parent: &Arc<QuotaTracker>) -> Arc<QuotaTracker> {
    Arc::new(QuotaTracker::with_parent(quota, Arc::clone(parent)))
}

// I12 I14
#[test]
fn a_take_is_counted_on_all_levels_or_none_and_the_one_that_refused_is_named() {
    let (host, _clock) = tracked(ResourceQuota::new().with_storage(100));
    let tenant = child(ResourceQuota::new().with_storage(60), &host);
    let one = child(ResourceQuota::new().with_storage(50), &tenant);
    let other = child(ResourceQuota::new().with_storage(50), &tenant);
    let used = || [&host, &tenant, &one, &other].map(|level| level.usage().storage_used);

    one.consume(QuotaType::Storage(50)).unwrap();
    assert_eq!(used(), [50, 50, 50, 0]);
    assert_eq!(one.consume(QuotaType::Storage(1)).unwrap_err().depth(), 0);
    let refused = other.consume(QuotaType::Storage(20)).unwrap_err();
    assert_eq!((refused.depth(), refused.used(), refused.limit()), (1, 50, 60));
    host.consume(QuotaType::Storage(45)).unwrap();
    let refused = other.reserve(QuotaType::Storage(10)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "storage quota of 100 bytes 2 levels up exceeded: 95 used, 10 more requested; retry after a release"
    );
    assert_eq!(used(), [95, 50, 50, 0]);
    assert_eq!(one.release(QuotaType::Storage(20)), 20);
    assert_eq!(used(), [75, 30, 30, 0]);
}

#[test]
fn of_several_refusing_levels_the_one_with_the_longest_wait_is_named() {
    let (host, _clock) = tracked(ResourceQuota::new().with_message_rate(5));
    let slow = ResourceQuota::new().with_message_rate(3).with_reset_period(SECOND * 10);
    let one = child(slow, &host);
    one.consume(QuotaType::MessageRate(3)).unwrap();
    host.consume(QuotaType::MessageRate(2)).unwrap();
    let refused = one.consume(QuotaType::MessageRate(1)).unwrap_err();
    assert_eq!((refused.depth(), refused.retry()), (0, after(10_000)));
    let tight = child(ResourceQuota::new().with_message_rate(100), &host);
    let refused = tight.consume(QuotaType::MessageRate(6)).unwrap_err();
    assert_eq!((refused.depth(), refused.retry()), (1, Retry::Never));
}

// I12 I14
#[test]
fn a_take_that_cannot_be_planned_is_counted_on_every_level_as_well() {
    let (host, clock) = tracked(ResourceQuota::new());
    let tenant = child(ResourceQuota::new(), &host);
    let one = child(ResourceQuota::new(), &tenant);
    let used = || {
        [&host, &tenant, &one].map(|level| (level.usage().message_count, level.usage().memory_used))
    };
    // A window that begins cannot be planned for.
    clock.advance(SECOND);
    one.consume(QuotaType::MessageRate(3)).unwrap();
    assert_eq!(used(), [(3, 0); 3]);
    clock.advance(SECOND);
    one.reserve_all(&[QuotaType::MessageRate(2), QuotaType::Memory(7)]).unwrap().commit();
    assert_eq!(used(), [(2, 7); 3]);
    // Nor can a clock that has stepped back.
    clock.set_ns(0);
    drop(one.reserve(QuotaType::MessageRate(5)).unwrap());
    one.consume(QuotaType::MessageRate(1)).unwrap();
    assert_eq!(used(), [(3, 7); 3]);
}

// I7 I15
#[test]
fn each_level_is_refunded_in_its_own_window() {
    let (host, clock) = tracked(ResourceQuota::new().with_reset_period(SECOND * 10));
    let one = child(ResourceQuota::new(), &host);
    let both = [QuotaType::MessageRate(4), QuotaType::Memory(100)];
    let reserved = one.reserve_all(&both).unwrap();
    clock.advance(SECOND);
    one.consume(QuotaType::MessageRate(1)).unwrap();
    assert_eq!((one.usage().message_count, host.usage().message_count), (1, 5));
    drop(reserved);
    // The window of the component is over, that of the host is not.
    assert_eq!((one.usage().message_count, host.usage().message_count), (1, 1));
    assert_eq!((one.usage().memory_used, host.usage().memory_used), (0, 0));
}

#[test]
fn charges_and_debt_reach_all_levels() {
    let (host, clock) = tracked(ResourceQuota::new().with_cpu_time(5));
    let one = child(ResourceQuota::new().with_cpu_time(Allowance::Unlimited), &host);
    one.charge(QuotaType::CpuTime(12));
    let refused = one.peek(QuotaType::CpuTimeMicros(1)).unwrap_err();
    assert_eq!((refused.depth(), refused.retry()), (1, after(2_000 + 1_000 - 1_000)));
    clock.advance(SECOND);
    assert_eq!((one.usage().cpu_time_used_us, host.usage().cpu_time_used_us), (0, 7_000));
}

#[test]
fn a_child_releases_for_its_parent_only_what_it_held() {
    let (host, _clock) = tracked(ResourceQuota::new());
    let one = child(ResourceQuota::new(), &host);
    host.consume(QuotaType::Memory(30)).unwrap();
    one.consume(QuotaType::Memory(10)).unwrap();
    assert_eq!(one.release(QuotaType::Memory(25)), 10);
    assert_eq!((one.usage().memory_used, host.usage().memory_used), (0, 30));
}

#[test]
fn a_partial_grant_is_what_every_level_has_left() {
    let (host, _clock) = tracked(ResourceQuota::new().with_storage(10));
    let one = child(ResourceQuota::new().with_storage(Allowance::Unlimited), &host);
    let part = one.reserve_up_to(QuotaType::Storage(25)).unwrap();
    assert_eq!(part.amount(QuotaResource::Storage), 10);
    part.commit();
    let refused = one.reserve_up_to(QuotaType::Storage(25)).unwrap_err();
    assert_eq!((refused.depth(), refused.requested(), refused.retry()), (1, 25, Retry::Now));
}

#[test]
fn a_component_does_not_use_the_quota_of_its_neighbour() {
    let (host, _clock) = tracked(ResourceQuota::new().with_message_rate(Allowance::Unlimited));
    let one = child(ResourceQuota::new().with_message_rate(5), &host);
    let other = child(ResourceQuota::new().with_message_rate(5), &host);
    one.consume(QuotaType::MessageRate(5)).unwrap();
    assert!(one.consume(QuotaType::MessageRate(1)).is_err());
    other.consume(QuotaType::MessageRate(5)).unwrap();
    assert!(one.parent().is_some_and(|parent| Arc::ptr_eq(parent, &host)));
    assert!(host.parent().is_none());
}

#[test]
fn all_levels_read_one_clock_and_tell_which() {
    let (host, clock) = tracked(ResourceQuota::new());
    let one = child(ResourceQuota::new(), &host);
    clock.advance(core::time::Duration::from_nanos(7));
    assert_eq!((one.clock().now_ns(), host.clock().now_ns()), (7, 7));
}
