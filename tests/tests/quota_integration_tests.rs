//! Quotas: real guests call guarded host functions until they are refused, and read why.

#[path = "../examples/guarded/host.rs"]
mod host;

mod quota_integration_tests {
    mod cancelled;
    mod ceilings;
    mod lifecycle;
    mod observing;
    mod pooled;
    pub(crate) mod world;
}

use std::sync::Arc;

use integration_tests::{Host, PLENTY_MS, SHOP, block_on, limits};
use limits_config::ComponentConfig;
use limits_core::{
    Account, Allowance, CapabilitySet, CpuTimePolicy, Permission, QuotaResource, QuotaType,
    ResourceQuota, Retry, WasmError,
};
use limits_wasmtime::{
    ExecutionFailure, ExecutionReport, ExecutionResult, LimitState, LiveComponent,
};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};

use crate::host::{Answer, Told};
use crate::quota_integration_tests::world::{World, capabilities, done, refused};

// Component registration with a quota.

#[test]
fn test_register_component_with_default_quota() {
    let registry = QuotaRegistry::new();
    let shop = registry.register(SecurityContext::new("shop", CapabilitySet::new())).unwrap();
    assert_eq!(shop.quota(), ResourceQuota::default());
    assert_eq!(shop.status().storage.limit(), Allowance::AtMost(100 * 1024 * 1024));
    assert_eq!(shop.status().message_rate.limit(), Allowance::AtMost(1_000));
    assert_eq!(shop.status().network_bandwidth.limit(), Allowance::AtMost(10 * 1024 * 1024));
    assert_eq!(shop.status().cpu_time.limit(), Allowance::AtMost(1_000_000));
    assert_eq!(shop.status().memory.limit(), Allowance::AtMost(256 * 1024 * 1024));
}

#[test]
fn test_register_component_with_custom_quota() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_storage(250));
    assert_eq!(world.write(&shop, 100, 5), refused(2, 200, 250, None));
    let again = SecurityContext::new("shop", CapabilitySet::new());
    assert_eq!(
        world.registry.register(again).unwrap_err().to_string(),
        "component `shop` is already registered: unregister it first, or use its handle (`lookup`)"
    );
    assert_eq!(world.registry.lookup("shop").unwrap(), shop);
}

#[test]
fn test_parse_quota_from_component_toml() {
    let config = ComponentConfig::from_toml(SHOP).unwrap().effective();
    let expected = ResourceQuota::new()
        .with_storage(10_240)
        .with_message_rate(20)
        .with_network_bandwidth(5_242_880)
        .with_cpu_time(500)
        .with_memory(128 * 1024 * 1024_u64);
    assert_eq!(config.quota(), expected);

    let world = World::new();
    let capabilities = config.capabilities().clone();
    let context = SecurityContext::with_quota(config.id().as_str(), capabilities, config.quota());
    let shop = world.registry.register(context).unwrap();
    assert_eq!(world.write(&shop, 5_120, 10), refused(2, 10_240, 10_240, None));
    assert_eq!(world.send(&shop, 30), refused(20, 20, 20, Some(1_000)));
    assert_eq!(world.transfer(&shop, 5_242_880, 2), refused(1, 5_242_880, 5_242_880, Some(1_000)));
    // A resource that the file does not list is not allowed.
    let elsewhere = world.run(&shop, "transfer", ("example.com:443", 1_u64, 1_u32));
    assert_eq!(elsewhere, Told { calls: 0, answer: Answer::Denied });
}

// Host functions.

#[test]
fn test_filesystem_write_with_storage_quota() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_storage(1_000));
    assert_eq!(world.write(&shop, 300, 3), done(3));
    assert_eq!(world.write(&shop, 300, 1), refused(0, 900, 1_000, None));
    assert_eq!((world.written(), shop.usage().storage_used), (900, 900));
    // The rest still fits, and released bytes fit again.
    assert_eq!(world.write(&shop, 100, 1), done(1));
    assert_eq!(shop.release(QuotaType::Storage(500)), Ok(500));
    assert_eq!(world.write(&shop, 500, 1), done(1));
}

#[test]
fn test_message_send_with_rate_limit_quota() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_message_rate(5));
    assert_eq!(world.send(&shop, 5), done(5));
    world.advance(400);
    assert_eq!(world.send(&shop, 5), refused(0, 5, 5, Some(600)));
    // The guest got the exact wait.
    world.advance(599);
    assert_eq!(world.send(&shop, 5), refused(0, 5, 5, Some(1)));
    world.advance(1);
    assert_eq!(world.send(&shop, 6), refused(5, 5, 5, Some(1_000)));
    assert_eq!(world.sent(), 10);
}

#[test]
fn test_network_transfer_with_bandwidth_quota() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_network_bandwidth(10_000));
    assert_eq!(world.transfer(&shop, 4_000, 9), refused(2, 8_000, 10_000, Some(1_000)));
    assert_eq!(world.transfer(&shop, 2_000, 1), done(1));
    assert_eq!(world.transferred(), 10_000);
    // More than a window has is not a question of time.
    world.advance(1_000);
    assert_eq!(world.transfer(&shop, 10_001, 1), refused(0, 0, 10_000, None));
}

#[test]
fn a_guest_without_the_capability_is_denied_and_pays_nothing() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new());
    let denied = Told { calls: 0, answer: Answer::Denied };
    for path in ["/etc/passwd", "/data/other/log", "/data/shop/../other/log"] {
        assert_eq!(world.run(&shop, "write", (path, 1_u32, 1_u32)), denied, "{path}");
    }
    assert_eq!(world.run(&shop, "send", ("invoices.new", 1_u32)), denied);
    assert_eq!(world.run(&shop, "transfer", ("api.example.com:80", 1_u64, 1_u32)), denied);
    assert_eq!((world.written(), world.sent(), world.transferred()), (0, 0, 0));
    let usage = shop.usage();
    assert_eq!((usage.storage_used, usage.message_count, usage.network_bandwidth_used), (0, 0, 0));
    assert_eq!((shop.denials().by_capability(), shop.denials().total()), (5, 5));
}

/// There is no text to parse.
#[test]
fn the_embedder_gets_the_typed_error_back() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_storage(250));
    let run = |path: &str| {
        let params = (path, 100_u32, 5_u32);
        let policy = CpuTimePolicy::Throttle;
        block_on(world.guarded.run(&shop, policy, "write-or-end", params)).unwrap_err()
    };
    let failure = run("/data/shop/log");
    let WasmError::Quota(error) = failure.error() else { panic!("{failure}") };
    assert_eq!((error.resource(), error.retry()), (QuotaResource::Storage, Retry::Now));
    assert_eq!((error.used(), error.requested(), error.limit()), (200, 100, 250));
    let failure = run("/etc/passwd");
    let WasmError::Denied(error) = failure.error() else { panic!("{failure}") };
    assert_eq!(error.permission(), Permission::FilesystemWrite);
    assert!(failure.error().is_guest_fault());
    assert_eq!(world.written(), 200);
}

// Violations.

#[test]
fn test_storage_exhaustion_gradual() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_storage(1_000));
    let mut used = 0;
    for size in [400, 300, 200, 90] {
        assert_eq!(world.write(&shop, size, 1), done(1));
        used += u64::from(size);
        assert_eq!(shop.status().storage.available(), Allowance::AtMost(1_000 - used));
    }
    // The last bytes go one by one, and time brings none of them back.
    assert_eq!(world.write(&shop, 1, 100), refused(10, 1_000, 1_000, None));
    world.advance(3_600_000);
    assert_eq!(world.write(&shop, 1, 1), refused(0, 1_000, 1_000, None));
    assert_eq!(world.written(), 1_000);
}

#[test]
fn test_message_rate_spike_burst() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_message_rate(100));
    for _ in 0..3 {
        assert_eq!(world.send(&shop, 10_000), refused(100, 100, 100, Some(1_000)));
        // Trying on costs nothing and delays nothing.
        for _ in 0..10 {
            assert_eq!(world.send(&shop, 1).calls, 0);
        }
        world.advance(1_000);
    }
    assert_eq!(world.sent(), 300);
    assert_eq!(shop.denials().by_quota(QuotaResource::MessageRate), 33);
}

#[test]
fn test_network_bandwidth_burst() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_network_bandwidth(1_000_000));
    assert_eq!(world.transfer(&shop, 300_000, 1_000), refused(3, 900_000, 1_000_000, Some(1_000)));
    // A request near the largest number does not wrap around.
    assert_eq!(world.transfer(&shop, u64::MAX, 1), refused(0, 900_000, 1_000_000, None));
    assert_eq!(world.transferred(), 900_000);
    world.advance(1_000);
    assert_eq!(world.transfer(&shop, 1_000_000, 1), done(1));
}

// Monitoring.

#[test]
fn test_get_quota_status() {
    let world = World::new();
    let quota = ResourceQuota::new()
        .with_storage(1_000)
        .with_message_rate(10)
        .with_network_bandwidth(Allowance::Unlimited);
    let shop = world.register("shop", quota);
    world.write(&shop, 250, 1);
    world.send(&shop, 4);
    world.transfer(&shop, 7_000, 1);
    let numbers = || {
        let status = shop.status();
        [status.storage, status.message_rate, status.network_bandwidth]
            .map(|status| (status.used(), status.available(), status.percentage()))
    };
    let rest = Allowance::AtMost;
    assert_eq!(
        numbers(),
        [(250, rest(750), 25.0), (4, rest(6), 40.0), (7_000, Allowance::Unlimited, 0.0)]
    );
    // A new window shows at once, without anything being taken.
    world.advance(1_000);
    assert_eq!(
        numbers(),
        [(250, rest(750), 25.0), (0, rest(10), 0.0), (0, Allowance::Unlimited, 0.0)]
    );
    let statuses = world.registry.statuses();
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses["shop"], shop.status());
}

#[test]
fn test_warning_threshold_detection() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_storage(1_000));
    world.write(&shop, 799, 1);
    assert!(!shop.is_quota_warning());
    world.write(&shop, 1, 1);
    assert!(shop.is_quota_warning() && !shop.is_quota_critical());
    // Told when crossed, and once.
    world.write(&shop, 1, 20);
    let seen = world.seen.0.lock().unwrap();
    assert_eq!(*seen, ["shop registered ", "shop threshold storage"]);
}

#[test]
fn test_critical_threshold_detection() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_message_rate(100));
    assert_eq!(world.send(&shop, 94), done(94));
    assert!(shop.is_quota_warning() && !shop.is_quota_critical());
    assert_eq!(world.send(&shop, 1), done(1));
    assert!(shop.is_quota_critical());
    world.send(&shop, 6);
    let seen = world.seen.0.lock().unwrap();
    assert_eq!(
        *seen,
        [
            "shop registered ",
            "shop threshold message_rate",
            "shop threshold message_rate",
            "shop quota_denied message_rate"
        ]
    );
    drop(seen);
    world.advance(1_000);
    assert!(!shop.is_quota_warning());
}

// Isolation.

#[test]
fn test_component_a_exceeds_quota_component_b_unaffected() {
    let world = World::new();
    let quota = || ResourceQuota::new().with_storage(500).with_message_rate(3);
    let (a, b) = (world.register("a", quota()), world.register("b", quota()));
    assert_eq!(world.write(&a, 100, 100), refused(5, 500, 500, None));
    assert_eq!(world.send(&a, 100), refused(3, 3, 3, Some(1_000)));
    assert!(a.is_quota_critical() && !b.is_quota_warning());
    assert_eq!(world.write(&b, 100, 5), done(5));
    assert_eq!(world.send(&b, 3), done(3));
    assert_eq!((a.denials().total(), b.denials().total()), (2, 0));
}

#[test]
fn test_independent_quota_tracking_per_component() {
    let world = World::new();
    let small = world.register("small", ResourceQuota::new().with_storage(100));
    let large = world.register("large", ResourceQuota::new().with_storage(10_000));
    assert_eq!(world.write(&small, 60, 9), refused(1, 60, 100, None));
    assert_eq!(world.write(&large, 60, 9), done(9));
    assert_eq!((small.usage().storage_used, large.usage().storage_used), (60, 540));
    // Nor does one that comes back under a name inherit or pay for the one before.
    world.registry.unregister("small").unwrap();
    let next = world.register("small", ResourceQuota::new().with_storage(100));
    assert_eq!(world.write(&small, 1, 1), Told { calls: 0, answer: Answer::Failed });
    assert_eq!(world.write(&next, 100, 1), done(1));
    assert_eq!((small.usage().storage_used, next.usage().storage_used), (60, 100));
}

// Takes by the executor.

fn execute(
    host: &Host,
    component: &ComponentHandle,
    export: &str,
) -> Result<ExecutionReport, ExecutionFailure> {
    let account: Arc<dyn Account> = component.into();
    let state = LimitState::new().with_account(account, CpuTimePolicy::Deny);
    let limits = limits(u64::MAX, PLENTY_MS);
    let ended: Result<ExecutionResult<()>, _> =
        block_on(host.executor().execute_with_limits(host.guest(), &limits, state, export, ()));
    ended.map(|result| result.report)
}

/// CPU time is not guessed beforehand; it is measured, over all executions.
#[test]
fn cpu_time_is_charged_as_the_executor_measured_it() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_cpu_time(200));
    let host = Host::new();
    let spent = |report: &ExecutionReport| u64::try_from(report.cpu_time.as_micros()).unwrap();
    let idle = execute(&host, &shop, "idle").unwrap();
    assert_eq!(shop.usage().cpu_time_used_us, spent(&idle));

    // A guest that spins ends when its component has used up the window, and not by its deadline.
    let failure = execute(&host, &shop, "spin").unwrap_err();
    let WasmError::Quota(error) = failure.error() else { panic!("{failure}") };
    assert_eq!((error.resource(), error.limit()), (QuotaResource::CpuTime, 200_000));
    let used = shop.usage().cpu_time_used_us;
    assert!(used >= 200_000, "{used}");
    let both = idle.cpu_time + failure.report().cpu_time;
    assert!(u64::try_from(both.as_micros()).unwrap().abs_diff(used) <= 1, "{used} of {both:?}");

    // The next one is not entered, and another component is none the worse.
    let next = execute(&host, &shop, "idle").unwrap_err();
    assert!(matches!(next.error(), WasmError::Quota(_)), "{next}");
    assert_eq!(next.report().slices, 0);
    let other = world.register("other", ResourceQuota::new());
    assert!(execute(&host, &other, "idle").is_ok());
    // The next window has what the overdraft of one slice leaves of it.
    world.advance(1_000);
    assert!(execute(&host, &shop, "idle").is_ok());
}

fn instantiate(
    host: &Host,
    component: &ComponentHandle,
) -> Result<ExecutionResult<LiveComponent<LimitState>>, ExecutionFailure> {
    let account: Arc<dyn Account> = component.into();
    let state = LimitState::new().with_account(account, CpuTimePolicy::Throttle);
    block_on(host.executor().instantiate(host.guest(), &limits(u64::MAX, PLENTY_MS), state))
}

/// Regression: the original design's two limits of memory had nothing to do with each other. Each
/// of these stores is within its own, and the quota bounds them together.
#[test]
fn memory_of_live_stores_is_charged_to_their_component_and_released() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_memory(100_000));
    let host = Host::new();
    let first = instantiate(&host, &shop).unwrap();
    assert_eq!(shop.usage().memory_used, 65_536);
    let failure = instantiate(&host, &shop).unwrap_err();
    let WasmError::Quota(error) = failure.error() else { panic!("{failure}") };
    assert_eq!(error.resource(), QuotaResource::Memory);
    assert_eq!((error.used(), error.requested(), error.limit()), (65_536, 65_536, 100_000));
    drop(first);
    assert_eq!(shop.usage().memory_used, 0);
    assert!(instantiate(&host, &shop).is_ok());
}
