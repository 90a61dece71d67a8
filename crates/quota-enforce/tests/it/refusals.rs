//! What a refusal says, and what it changes.

use core::time::Duration;

use limits_core::{Denial, Permission, QuotaResource, QuotaType, Retry};
use quota_enforce::{EnforceError, QuotaRegistry};

use crate::thousand;

#[test]
fn a_refusal_by_a_quota_is_told_from_one_by_a_capability_and_has_its_numbers() {
    // Q15: the original made one text of both.
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
    // Q10
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let error = handle.consume(QuotaType::MessageRate(1_001)).unwrap_err();
    assert_eq!(error.as_quota().unwrap().retry(), Retry::Never);
}

#[test]
fn a_refusal_takes_nothing() {
    // Q2, Q3: the sums and differences of the original wrapped around.
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(10)).unwrap();
    assert!(handle.consume(QuotaType::Storage(u64::MAX)).is_err());
    assert_eq!(handle.usage().storage_used, 10);
    assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(10));
    assert_eq!(handle.release(QuotaType::Storage(1)), Ok(0));
    assert_eq!(handle.usage().storage_used, 0);

    let all = [QuotaType::Storage(5), QuotaType::MessageRate(5), QuotaType::Memory(1_001)];
    assert!(handle.reserve_all(&all).is_err());
    assert_eq!(handle.usage(), limits_core::QuotaUsage::default());
}

#[test]
fn memory_adds_up() {
    // Q7: the original compared each request with the whole limit.
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Memory(800)).unwrap();
    assert!(handle.consume(QuotaType::Memory(201)).is_err());
    handle.consume(QuotaType::Memory(200)).unwrap();
}

#[test]
fn what_can_be_released_is_released_and_what_cannot_is_an_error() {
    // Q14: the original ignored the release of everything but storage.
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
fn denials_are_counted_so_that_a_host_can_end_a_component_that_does_not_stop() {
    // Q21: the original's documents promise to end such a component, and nothing counted.
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

#[test]
fn who_holds_a_handle_cannot_reset_it_and_the_registry_can() {
    // Q22: the original handed out the tracker with its `reset` and its window.
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(1_000)).unwrap();
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
