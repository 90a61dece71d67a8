//! Memory that components and checks take, measured by an allocator that counts.

use allocation_counter::measure;
use limits_core::{CapabilitySet, Permission, QuotaType, ResourceQuota};
use quota_enforce::{EnforceError, QuotaRegistry, SecurityContext, with_quota};

fn capabilities() -> CapabilitySet {
    CapabilitySet::builder()
        .grant(Permission::FilesystemRead, "/etc/app/**")
        .grant(Permission::FilesystemWrite, "/data/**")
        .grant(Permission::NetworkConnect, "*.example.com:443")
        .build()
        .expect("good patterns")
}

fn quota() -> ResourceQuota {
    ResourceQuota::new().with_storage(1_000).with_message_rate(10)
}

#[test]
fn a_hundred_thousand_components_take_less_than_600_bytes_each_and_free_it() {
    const COUNT: i64 = 100_000;
    let registry = QuotaRegistry::new();
    let capabilities = capabilities();
    let ids: Vec<_> = (0..COUNT).map(|number| format!("component-{number}")).collect();
    let each = |work: &dyn Fn(&str)| {
        let allocated = measure(|| ids.iter().for_each(|id| work(id)));
        allocated.bytes_current / COUNT
    };
    let registered = each(&|id| {
        let context = SecurityContext::with_quota(id, capabilities.clone(), quota());
        registry.register(context).unwrap();
    });
    // The tracker is 256 of them. The original allowed 1 024 for the quotas alone.
    assert!((256..600).contains(&registered), "{registered} bytes");
    let gone = each(&|id| drop(registry.unregister(id).unwrap()));
    // The rest is room in the map for later components.
    assert!((0..64).contains(&(registered + gone)), "{registered} bytes, {gone} back");
}

#[test]
fn a_check_allocates_nothing() {
    // Regression: the original design built its list of patterns twice for every check, allocated a
    // dozen texts and compiled each pattern anew.
    let registry = QuotaRegistry::new();
    let context = SecurityContext::with_quota("a", capabilities(), quota());
    let handle = registry.register(context).unwrap();
    let (write, connect) = (Permission::FilesystemWrite, Permission::NetworkConnect);
    let guarded = || -> Result<(), EnforceError> {
        with_quota!(&handle, "/data/x", "write", QuotaType::Storage(1) => { Ok(()) })
    };
    // A thread's first check of all allocates its slot of `arc-swap`.
    handle.check(write, "/data/x").unwrap();
    let operations: [(&str, &dyn Fn()); 7] = [
        // Only one with dots in it is written anew, once, to be compared as it is meant.
        ("a path", &|| handle.check(write, "/data/x/y").unwrap()),
        ("a host", &|| handle.check(connect, "api.example.com:443").unwrap()),
        ("a take", &|| handle.consume(QuotaType::Storage(1)).unwrap()),
        ("a refusal", &|| assert!(handle.consume(QuotaType::Storage(2_000)).is_err())),
        ("a guard", &|| guarded().unwrap()),
        ("a look-up", &|| assert_eq!(registry.get("a").as_ref(), Some(&handle))),
        ("a status", &|| assert!(!handle.is_quota_critical())),
    ];
    for (name, operation) in operations {
        assert_eq!(measure(operation).count_total, 0, "{name}");
    }
}

#[cfg(feature = "wait")]
#[test]
fn a_wait_that_is_granted_at_once_allocates_nothing() {
    use core::pin::pin;
    use core::task::{Context, Waker};

    let registry = QuotaRegistry::new();
    let context = SecurityContext::with_quota("a", capabilities(), quota());
    let handle = registry.register(context).unwrap();
    let allocated = measure(|| {
        let mut wait = pin!(handle.reserve_wait(QuotaType::Storage(1), std::time::Instant::now()));
        assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    });
    assert_eq!(allocated.count_total, 0);
}
