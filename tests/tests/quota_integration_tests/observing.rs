//! A registry that only observes: what a host turns on first.

use std::sync::Arc;

use integration_tests::Host;
use limits_core::{ManualClock, QuotaResource, ResourceQuota};
use quota_enforce::QuotaRegistry;

use crate::{World, done, execute, instantiate};

#[test]
fn guests_are_refused_nothing_and_would_be_denials_are_counted_and_reported() {
    let clock = Arc::new(ManualClock::new());
    let world = World::with(clock, QuotaRegistry::builder().observe_only());
    let quota =
        ResourceQuota::new().with_storage(250).with_message_rate(2).with_network_bandwidth(0);
    let shop = world.register("shop", quota);
    assert_eq!(world.write(&shop, 100, 4), done(4));
    assert_eq!(world.send(&shop, 3), done(3));
    assert_eq!(world.transfer(&shop, 5, 1), done(1));
    assert_eq!(world.run(&shop, "write", ("/etc/passwd", 1_u32, 1_u32)), done(1));
    assert_eq!((world.written(), world.sent(), world.transferred()), (401, 3, 5));

    let denials = shop.denials();
    assert_eq!(denials.by_capability(), 1);
    let denied = |resource| denials.by_quota(resource);
    assert_eq!(denied(QuotaResource::Storage), 3);
    assert_eq!(denied(QuotaResource::MessageRate), 1);
    assert_eq!(denied(QuotaResource::NetworkBandwidth), 1);
    assert_eq!(denials.total(), 6);
    // Stored bytes stay stored. A message that would not have been sent is not one of two.
    let usage = shop.usage();
    assert_eq!((usage.storage_used, usage.message_count), (401, 2));

    let seen = world.seen.0.lock().unwrap();
    let told: Vec<_> = seen.iter().filter(|line| line.contains("denied")).collect();
    assert_eq!(
        told,
        [
            "shop quota_denied storage (observed)",
            "shop quota_denied storage (observed)",
            "shop quota_denied message_rate (observed)",
            "shop quota_denied network_bandwidth (observed)",
            "shop capability_denied filesystem.write (observed)",
            "shop quota_denied storage (observed)",
        ]
    );
}

#[test]
fn executions_get_memory_and_cpu_time_that_the_quotas_do_not_have() {
    let clock = Arc::new(ManualClock::new());
    let world = World::with(clock, QuotaRegistry::builder().observe_only());
    let quota = ResourceQuota::new().with_memory(100_000).with_cpu_time(0);
    let shop = world.register("shop", quota);
    let guest = Host::new();
    let live = [instantiate(&guest, &shop).unwrap(), instantiate(&guest, &shop).unwrap()];
    assert_eq!(shop.usage().memory_used, 2 * 65_536);
    assert_eq!(shop.denials().by_quota(QuotaResource::Memory), 1);
    assert!(execute(&guest, &shop, "idle").is_ok());
    assert!(shop.usage().cpu_time_used_us > 0);
    // Once for all slices until it would have been asked again; the clock stands still.
    assert_eq!(shop.denials().by_quota(QuotaResource::CpuTime), 1);
    drop(live);
    assert_eq!(shop.usage().memory_used, 0);
}
