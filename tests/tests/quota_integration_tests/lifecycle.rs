//! Components that start again, run side by side, or do not stop.

use std::sync::Arc;

use integration_tests::block_on;
use limits_core::{CpuTimePolicy, ResourceQuota};
use quota_enforce::SecurityContext;

use crate::host::{Answer, Told};
use crate::{World, capabilities, done, refused};

/// Regression: the original design counted in memory only: a component that was started again had
/// all of its quota, although its files were still there.
#[test]
fn a_guests_storage_survives_a_restart_of_its_host() {
    let quota = ResourceQuota::new().with_storage(1_000).with_message_rate(3);
    let kept = {
        let world = World::new();
        let shop = world.register("shop", quota);
        assert_eq!(world.write(&shop, 350, 2), done(2));
        world.registry.snapshots()
    };
    let world = World::new();
    let again = SecurityContext::with_quota("shop", capabilities(), quota).with_usage(kept["shop"]);
    let shop = world.registry.register(again).unwrap();
    assert_eq!(world.write(&shop, 100, 5), refused(3, 1_000, 1_000, None));
    // The stores that held memory are gone with the process.
    assert_eq!(shop.usage().memory_used, 0);
    assert_eq!(world.send(&shop, 3), done(3));
}

/// Regression: the original design kept the identity in a thread local: a guest that waited left it
/// to the next one on its thread, or found itself on another thread without it.
#[test]
fn guests_that_take_turns_on_one_thread_each_pay_for_themselves() {
    let world = World::new();
    let quota = || ResourceQuota::new().with_network_bandwidth(1_000);
    let (a, b) = (world.register("a", quota()), world.register("b", quota()));
    let to = "api.example.com:443";
    let policy = CpuTimePolicy::Throttle;
    let told = block_on(async {
        tokio::join!(
            world.guarded.run(&a, policy, "transfer", (to, 100_u64, 20_u32)),
            world.guarded.run(&b, policy, "transfer", (to, 250_u64, 20_u32)),
        )
    });
    assert_eq!(told.0.unwrap(), refused(10, 1_000, 1_000, Some(1_000)));
    assert_eq!(told.1.unwrap(), refused(4, 1_000, 1_000, Some(1_000)));
}

#[test]
fn guests_that_move_between_threads_each_pay_for_themselves() {
    const GUESTS: u64 = 8;
    let world = Arc::new(World::new());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let guests = (1..=GUESTS).map(|number| {
        let world = Arc::clone(&world);
        let quota = ResourceQuota::new().with_network_bandwidth(number * 100);
        let component = world.register(&format!("c{number}"), quota);
        runtime.spawn(async move {
            let params = ("api.example.com:443", 10_u64, 1_000_u32);
            let policy = CpuTimePolicy::Throttle;
            let told = world.guarded.run(&component, policy, "transfer", params).await.unwrap();
            (number, told, component.usage().network_bandwidth_used)
        })
    });
    let guests: Vec<_> = guests.collect();
    for guest in guests {
        let (number, told, used) = runtime.block_on(guest).unwrap();
        assert_eq!((u64::from(told.calls), used), (number * 10, number * 100));
    }
}

/// A refusal costs a component nothing, so the host must see when to stop it.
#[test]
fn a_host_stops_a_component_that_does_not_end() {
    let world = World::new();
    let quota = || ResourceQuota::new().with_message_rate(3);
    let (pest, neighbour) = (world.register("pest", quota()), world.register("shop", quota()));
    let mut runs = 0;
    while pest.is_registered() {
        world.send(&pest, 10);
        runs += 1;
        if pest.denials().total() >= 50 {
            world.registry.unregister("pest").unwrap();
        }
    }
    assert_eq!((runs, world.sent()), (50, 3));
    world.advance(1_000);
    assert_eq!(world.send(&pest, 1), Told { calls: 0, answer: Answer::Failed });
    assert_eq!(world.send(&neighbour, 3), done(3));
}
