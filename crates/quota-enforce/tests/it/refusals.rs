//! Refusals: their numbers, and their effects.

use core::time::Duration;

use limits_core::{Denial, Permission, QuotaResource, QuotaType, Retry};
use quota_enforce::{ComponentHandle, EnforceError, QuotaRegistry};

use crate::{thousand, thousand_of_each};

#[test]
fn a_quotas_refusal_differs_from_a_capabilitys_and_has_its_numbers() {
    // Regression: the original design made one text of both.
    let (_registry, handle, clock) = thousand(QuotaRegistry::builder());
    let write = Permission::FilesystemWrite;
    let error = handle.authorize(write, "/etc/x", QuotaType::Storage(1)).unwrap_err();
    let denied = error.as_capability().unwrap();
    assert_eq!(denied.reason(), Denial::NoMatch { patterns: 1 });
    assert_eq!(error.as_quota(), None);

    handle.consume(QuotaType::MessageRate(900)).unwrap();
    clock.advance(Duration::from_millis(300));
    let send = Permission::MessagingSend;
    let error = handle.authorize(send, "t", QuotaType::MessageRate(101)).unwrap_err();
    let refused = error.as_quota().unwrap();
    assert_eq!(refused.resource(), QuotaResource::MessageRate);
    assert_eq!((refused.used(), refused.requested(), refused.limit()), (900, 101, 1_000));
    assert_eq!(refused.retry(), Retry::After(Duration::from_millis(700)));
    assert_eq!(error.as_capability(), None);
}

#[test]
fn a_request_above_the_limit_is_never_and_not_later() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let error = handle.consume(QuotaType::MessageRate(1_001)).unwrap_err();
    assert_eq!(error.as_quota().unwrap().retry(), Retry::Never);
}

#[test]
fn a_request_that_would_wrap_around_is_refused() {
    // The sums of the original wrapped around: asked for the largest number, it had used 9.
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(10)).unwrap();
    assert!(handle.consume(QuotaType::Storage(u64::MAX)).is_err());
    assert_eq!(handle.usage().storage_used, 10);
}

#[test]
fn a_release_returns_no_more_than_is_used() {
    // So did its differences, and a component that gave back too much had used everything.
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(10)).unwrap();
    assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(10));
    assert_eq!(handle.release(QuotaType::Storage(1)), Ok(0));
    assert_eq!(handle.usage().storage_used, 0);
    handle.consume(QuotaType::Storage(1_000)).unwrap();
}

#[test]
fn a_refusal_takes_nothing() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let all = [QuotaType::Storage(5), QuotaType::MessageRate(5), QuotaType::Memory(1_001)];
    assert!(handle.reserve_all(&all).is_err());
    assert_eq!(handle.usage(), limits_core::QuotaUsage::default());
}

#[test]
fn memory_adds_up() {
    // Regression: the original design compared each request with the whole limit.
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Memory(800)).unwrap();
    assert!(handle.consume(QuotaType::Memory(201)).is_err());
    handle.consume(QuotaType::Memory(200)).unwrap();
}

#[test]
fn totals_are_released_and_the_release_of_a_rate_is_an_error() {
    // Regression: the original design ignored the release of everything but storage.
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Memory(800)).unwrap();
    assert_eq!(handle.release(QuotaType::Memory(300)), Ok(300));
    assert_eq!(handle.usage().memory_used, 500);
    assert_eq!(handle.release(QuotaType::None), Ok(0));
    for (quota, resource) in [
        (QuotaType::MessageRate(1), QuotaResource::MessageRate),
        (QuotaType::NetworkBandwidth(1), QuotaResource::NetworkBandwidth),
        (QuotaType::CpuTime(1), QuotaResource::CpuTime),
        (QuotaType::CpuTimeMicros(1), QuotaResource::CpuTime),
    ] {
        assert_eq!(handle.release(quota), Err(EnforceError::NotReleasable { resource }));
    }
}

#[test]
fn denials_are_counted_so_that_a_host_can_stop_a_component() {
    // Regression: the original design's documents promise to end such a component, and nothing
    // counted.
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    for _ in 0..3 {
        assert!(handle.check(Permission::FilesystemRead, "/etc/passwd").is_err());
    }
    for _ in 0..2 {
        assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
    }
    assert!(handle.reserve_all(&[QuotaType::Memory(2_000)]).is_err());
    assert!(
        handle
            .check_with_quota(Permission::MessagingSend, "t", QuotaType::MessageRate(2_000))
            .is_err()
    );
    let denials = handle.denials();
    assert_eq!(denials.by_capability(), 3);
    assert_eq!(denials.by_quota(QuotaResource::Storage), 2);
    assert_eq!(denials.by_quota(QuotaResource::Memory), 1);
    assert_eq!(denials.by_quota(QuotaResource::MessageRate), 1);
    assert_eq!(denials.by_quota(QuotaResource::CpuTime), 0);
    assert_eq!(denials.total(), 7);
}

/// Methods that a handle must not have. They are called only where it has none of that name.
trait Absent {
    fn tracker(&self) -> Option<()> {
        None
    }
    fn reset(&self) -> Option<()> {
        None
    }
    fn reset_usage(&self) -> Option<()> {
        None
    }
    fn restore(&self) -> Option<()> {
        None
    }
}

impl Absent for ComponentHandle {}

#[test]
fn a_handle_cannot_reset_its_component_and_the_registry_can() {
    // Regression: the original design handed out the tracker with its `reset` and its window.
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    let found = [handle.tracker(), handle.reset(), handle.reset_usage(), handle.restore()];
    assert_eq!((found, handle.usage().storage_used), ([None; 4], 1_000));
    let longer = thousand_of_each().with_reset_period(Duration::from_secs(2));
    assert!(matches!(registry.set_quota("a", longer), Err(EnforceError::PeriodMismatch(_))));
    registry.reset_usage("a").unwrap();
    assert_eq!(handle.usage().storage_used, 0);
    assert!(registry.reset_usage("b").is_err());
}

#[test]
fn a_check_is_a_question_and_takes_nothing() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    for _ in 0..3 {
        let quota = QuotaType::Storage(1_000);
        handle.check_with_quota(Permission::FilesystemWrite, "/data/x", quota).unwrap();
    }
    assert_eq!(handle.usage().storage_used, 0);
    handle.check_with_quota(Permission::FilesystemWrite, "/data/x", QuotaType::None).unwrap();
}

#[test]
fn a_capability_is_checked_in_the_domain_of_its_permission_alone() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    assert!(handle.check(Permission::StorageWrite, "/data/x").is_err());
    assert!(handle.check(Permission::FilesystemWrite, "/data/x").is_ok());
}
