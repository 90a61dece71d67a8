//! The original design's lists of tests of integration, where they concern this crate.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{CapabilitySet, Permission, QuotaType, ResourceQuota, Retry};
use quota_enforce::{EnforceError, QuotaRegistry, SecurityContext, with_quota};

use crate::{context, thousand, thousand_of_each};

#[test]
fn register_component_with_default_quota() {
    let registry = QuotaRegistry::new();
    let handle = registry.register(SecurityContext::new("a", CapabilitySet::new())).unwrap();
    assert_eq!(handle.quota(), ResourceQuota::default());
    assert_eq!(handle.status().storage.available().at_most(), Some(100 * 1024 * 1024));
}

#[test]
fn register_component_with_custom_quota() {
    let registry = QuotaRegistry::new();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    assert_eq!(handle.quota(), thousand_of_each());
}

#[test]
fn filesystem_write_with_storage_quota() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let write = |path: &str, bytes: u64| -> Result<(), EnforceError> {
        with_quota!(&handle, path, "write", QuotaType::Storage(bytes) => { Ok(()) })
    };
    write("/data/a", 600).unwrap();
    assert!(write("/data/b", 600).is_err());
    assert!(write("/etc/a", 1).is_err());
    assert_eq!(handle.usage().storage_used, 600);
}

#[test]
fn message_send_with_rate_limit_quota() {
    let (_registry, handle, clock) = thousand(QuotaRegistry::builder());
    let send = || -> Result<(), EnforceError> {
        with_quota!(&handle, "orders.new", "send", QuotaType::MessageRate(1) => { Ok(()) })
    };
    for _ in 0..1_000 {
        send().unwrap();
    }
    assert!(send().is_err());
    clock.advance(Duration::from_secs(1));
    send().unwrap();
}

#[test]
fn network_transfer_with_bandwidth_quota() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let transfer = |bytes| -> Result<(), EnforceError> {
        let quota = QuotaType::NetworkBandwidth(bytes);
        with_quota!(&handle, "example.com:443", "connect", quota => { Ok(()) })
    };
    transfer(1_000).unwrap();
    assert!(transfer(1).is_err());
}

#[test]
fn storage_exhaustion_gradual() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    for used in (0..1_000).step_by(100) {
        assert_eq!(handle.usage().storage_used, used);
        handle.consume(QuotaType::Storage(100)).unwrap();
    }
    assert!(handle.consume(QuotaType::Storage(1)).is_err());
}

#[test]
fn message_rate_spike_burst() {
    // Q4, Q6: at most twice the limit in any second, and every count in its own window.
    let (_registry, handle, clock) = thousand(QuotaRegistry::builder());
    let mut sent = 0;
    clock.advance(Duration::from_millis(999));
    for _ in 0..2 {
        sent += (0..5_000).filter(|_| handle.consume(QuotaType::MessageRate(1)).is_ok()).count();
        assert_eq!(handle.usage().message_count, 1_000);
        clock.advance(Duration::from_millis(1));
    }
    assert_eq!(sent, 2_000);
    assert!(handle.consume(QuotaType::MessageRate(1)).is_err());
}

#[test]
fn network_bandwidth_burst() {
    let (_registry, handle, clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::NetworkBandwidth(1_000)).unwrap();
    let error = handle.consume(QuotaType::NetworkBandwidth(1)).unwrap_err();
    let Retry::After(wait) = error.as_quota().unwrap().retry() else { panic!("{error}") };
    clock.advance(wait);
    handle.consume(QuotaType::NetworkBandwidth(1)).unwrap();
}

#[test]
fn get_quota_status_usage_remaining() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(250)).unwrap();
    let storage = handle.status().storage;
    assert_eq!((storage.used(), storage.available().at_most()), (250, Some(750)));
    assert!((storage.percentage() - 25.0).abs() < 1e-9);
}

#[test]
fn warning_threshold_detection() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(799)).unwrap();
    assert!(!handle.is_quota_warning());
    handle.consume(QuotaType::Storage(1)).unwrap();
    assert!(handle.is_quota_warning() && !handle.is_quota_critical());
}

#[test]
fn critical_threshold_detection() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::Storage(949)).unwrap();
    assert!(!handle.is_quota_critical());
    handle.consume(QuotaType::Storage(1)).unwrap();
    assert!(handle.is_quota_critical());
}

#[test]
fn component_a_exceeds_quota_component_b_unaffected() {
    let registry = QuotaRegistry::new();
    let [a, b] = ["a", "b"].map(|id| registry.register(context(id, thousand_of_each())).unwrap());
    a.consume(QuotaType::Storage(1_000)).unwrap();
    assert!(a.consume(QuotaType::Storage(1)).is_err());
    b.consume(QuotaType::Storage(1_000)).unwrap();
}

#[test]
fn independent_quota_tracking_per_component() {
    let registry = Arc::new(QuotaRegistry::new());
    let threads: Vec<_> = (0..4_u64)
        .map(|index| {
            let registry = Arc::clone(&registry);
            std::thread::spawn(move || {
                let id = format!("c{index}");
                let handle = registry.register(context(&id, thousand_of_each())).unwrap();
                for _ in 0..=index {
                    handle.consume(QuotaType::Storage(100)).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let used: Vec<_> = registry.snapshots().values().map(|usage| usage.storage_used).collect();
    assert_eq!(used, [100, 200, 300, 400]);
}

#[test]
fn check_and_consume_with_capability_of_the_right_domain_only() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    assert!(handle.check(Permission::StorageWrite, "/data/x").is_err());
    assert!(handle.check(Permission::FilesystemWrite, "/data/x").is_ok());
}
