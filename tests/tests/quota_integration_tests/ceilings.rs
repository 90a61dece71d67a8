//! One ceiling over all components of a host.

use std::sync::Arc;

use integration_tests::{Host, SHOP, block_on};
use limits_config::{ComponentConfig, Policy};
use limits_core::{
    Allowance, Clock, ManualClock, QuotaResource, QuotaTracker, QuotaType, ResourceQuota, WasmError,
};
use quota_enforce::QuotaRegistry;

use crate::host::{Answer, Told};
use crate::{World, done, execute, instantiate, refused};

/// A world, and what all of its components may use together.
fn under(ceiling: ResourceQuota) -> (World, Arc<QuotaTracker>) {
    let clock = Arc::new(ManualClock::new());
    let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let host = Arc::new(QuotaTracker::with_clock(ceiling, time));
    (World::with(clock, QuotaRegistry::builder().parent(Arc::clone(&host))), host)
}

#[test]
fn guests_of_all_components_are_held_to_it_together() {
    let ceiling = ResourceQuota::new().with_storage(1_000).with_message_rate(5);
    let (world, host) = under(ceiling);
    let own = || ResourceQuota::new().with_storage(800).with_message_rate(4);
    let (a, b) = (world.register("a", own()), world.register("b", own()));
    assert_eq!(world.write(&a, 100, 9), refused(8, 800, 800, None));
    let full = Answer::HostFull { retry_ms: None };
    assert_eq!(world.write(&b, 100, 9), Told { calls: 2, answer: full });
    assert_eq!((host.usage().storage_used, world.written()), (1_000, 1_000));
    let error = b.consume(QuotaType::Storage(1)).unwrap_err();
    let error = error.as_quota().unwrap();
    assert_eq!((error.depth(), error.used(), error.limit()), (1, 1_000, 1_000));
    // Bytes that one releases the other may take.
    a.release(QuotaType::Storage(300)).unwrap();
    assert_eq!(world.write(&b, 100, 3), done(3));

    assert_eq!(world.send(&a, 4), done(4));
    let told = world.send(&b, 4);
    // It does not learn how much the others have used.
    let answer = Answer::HostFull { retry_ms: Some(1_000) };
    assert_eq!((told, world.sent()), (Told { calls: 1, answer }, 5));
    world.advance(1_000);
    assert_eq!(world.send(&b, 4), done(4));
}

#[test]
fn the_policys_file_sets_it_and_each_components_quota_below_it() {
    let policy = Policy::from_toml(
        "[host]\nstorage = 1_000\nmessage_rate = 10\nnetwork_bandwidth = \"2KB/s\"\n\
         period = \"500ms\"\n[ceiling.quota]\nstorage = 800\nmessage_rate = 4\n",
    )
    .unwrap();
    let asks = ComponentConfig::from_toml(
        "[component]\nname = \"asks\"\nversion = \"1.0.0\"\n\
         [resources.memory]\nmax_bytes = \"1MiB\"\n",
    )
    .unwrap();
    let (world, host) = under(policy.host().to_resource_quota());
    let register = |id: &str| {
        let effective = policy.apply(&asks, &id.parse().unwrap(), None);
        world.register(id, effective.quota())
    };
    let (a, b) = (register("a"), register("b"));
    let full = |calls, retry_ms| Told { calls, answer: Answer::HostFull { retry_ms } };
    assert_eq!(world.write(&a, 100, 9), refused(8, 800, 800, None));
    assert_eq!(world.write(&b, 100, 9), full(2, None));
    // Four a second each, and five in half a second together.
    assert_eq!(world.send(&a, 9), refused(4, 4, 4, Some(1_000)));
    assert_eq!(world.send(&b, 9), full(1, Some(500)));
    assert_eq!(world.transfer(&a, 600, 9), full(1, Some(500)));
    assert_eq!(world.transfer(&b, 400, 1), done(1));
    world.advance(500);
    assert_eq!(world.send(&b, 9), refused(3, 4, 4, Some(500)));
    assert_eq!((world.sent(), host.usage().message_count), (8, 3));
    assert_eq!(world.transferred(), 1_000);
}

#[test]
fn cpu_time_of_all_executions_is_bounded_together() {
    let (world, host) = under(ResourceQuota::new().with_cpu_time(200));
    let own = || ResourceQuota::new().with_cpu_time(Allowance::Unlimited);
    let (a, b) = (world.register("a", own()), world.register("b", own()));
    let guest = Host::new();
    for (component, entered) in [(&a, true), (&b, false)] {
        let failure = execute(&guest, component, "spin").unwrap_err();
        let WasmError::Quota(error) = failure.error() else { panic!("{failure}") };
        assert_eq!((error.resource(), error.depth()), (QuotaResource::CpuTime, 1));
        assert_eq!(failure.report().slices > 0, entered);
    }
    assert_eq!(host.usage().cpu_time_used_us, a.usage().cpu_time_used_us);
    world.advance(1_000);
    assert!(execute(&guest, &b, "idle").is_ok());
}

/// The host runs its guests under the policy's file: this one would wait for the
/// next second of a clock that stands still.
#[test]
fn the_policys_file_ends_a_guest_that_has_no_cpu_time() {
    let policy = Policy::from_toml("ceiling.quota.cpu_time_policy = \"deny\"").unwrap();
    let config = ComponentConfig::from_toml(SHOP).unwrap();
    let effective = policy.apply(&config, &config.component.name, None);
    let world = World::new();
    let shop = world.register("shop", effective.quota());
    shop.charge(QuotaType::CpuTime(500));
    let run = world.guarded.run(&shop, effective.cpu_time_policy(), "send", ("orders.new", 1_u32));
    let failure = block_on(run).unwrap_err();
    let WasmError::Quota(error) = failure.error() else { panic!("{failure}") };
    assert_eq!((error.resource(), error.used()), (QuotaResource::CpuTime, 500_000));
    assert_eq!((failure.report().slices, world.sent()), (0, 0));
}

#[test]
fn memory_of_all_live_stores_is_bounded_together() {
    let (world, host) = under(ResourceQuota::new().with_memory(100_000));
    let (a, b) =
        (world.register("a", ResourceQuota::new()), world.register("b", ResourceQuota::new()));
    let guest = Host::new();
    let first = instantiate(&guest, &a).unwrap();
    let failure = instantiate(&guest, &b).unwrap_err();
    let WasmError::Quota(error) = failure.error() else { panic!("{failure}") };
    assert_eq!((error.resource(), error.depth(), error.used()), (QuotaResource::Memory, 1, 65_536));
    drop(first);
    assert_eq!(host.usage().memory_used, 0);
    let second = instantiate(&guest, &b).unwrap();
    assert_eq!((host.usage().memory_used, b.usage().memory_used), (65_536, 65_536));
    drop(second);
}
