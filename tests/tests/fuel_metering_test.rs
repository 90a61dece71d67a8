//! Fuel: real guests burn it, run out of it, and their reports say so.

use integration_tests::{Host, PLENTY_MS, block_on, default_limits, limits};
use limits_core::{FuelConfig, FuelMetrics, ResourceLimits, WasmError};
use limits_wasmtime::wasmtime::Store;
use limits_wasmtime::{LimitState, create_engine};

#[test]
fn test_fuel_metering_enabled() {
    let mut store = Store::new(&create_engine().unwrap(), ());
    assert!(store.set_fuel(1_000).is_ok(), "an engine without fuel refuses this");
    let report = Host::new().run(&limits(1_000, PLENTY_MS), "idle").unwrap();
    assert!(report.fuel.consumed() > 0);
}

#[test]
fn test_fuel_consumed_tracking() {
    let host = Host::new();
    let [one, two, three] = [1_000, 2_000, 3_000].map(|n| host.cost_of_counting(n));
    assert!(one > 1_000, "a step costs at least a unit");
    assert_eq!(three - two, two - one, "each thousand steps cost the same");
}

#[test]
fn test_fuel_metrics_from_store() {
    let report = Host::new().count(&limits(500_000, PLENTY_MS), 1_000).unwrap();
    assert!(report.fuel_exact);
    assert_eq!(report.fuel.max_fuel(), 500_000);
    assert_eq!(report.fuel.consumed() + report.fuel.remaining(), 500_000);
}

#[test]
fn test_fuel_config_defaults() {
    assert_eq!(FuelConfig::default().max_fuel(), 1_000_000);
    assert_eq!(default_limits().fuel(), FuelConfig::default());
    let (host, default) = (Host::new(), default_limits().fuel().max_fuel());
    let ended =
        block_on(host.call::<_, (u64,)>(&limits(default, PLENTY_MS), "fuel-left", ())).unwrap();
    let (left,) = ended.output;
    assert!((999_000..1_000_000).contains(&left), "{left} of 1000000 left after a few steps");
}

#[test]
fn test_resource_limits_with_custom_fuel() {
    let host = Host::new();
    let cost = host.cost_of_counting(10_000);
    let enough = host.count(&limits(cost, PLENTY_MS), 10_000).unwrap();
    assert_eq!(enough.fuel, FuelMetrics::new(cost, cost));
    let short = host.count(&limits(cost - 1, PLENTY_MS), 10_000).unwrap_err();
    assert!(matches!(short.error(), WasmError::OutOfFuel { .. }), "{short}");
    assert_eq!(short.report().fuel, FuelMetrics::new(cost - 1, cost - 1));
}

#[test]
fn test_resource_limits_with_default_fuel() {
    let limits = ResourceLimits::builder()
        .memory_bytes(65_536)
        .execution_timeout_ms(PLENTY_MS)
        .build()
        .unwrap();
    let failure = Host::new().run(&limits, "spin").unwrap_err();
    assert!(
        matches!(failure.error(), WasmError::OutOfFuel { max_fuel: 1_000_000, .. }),
        "{failure}"
    );
}

#[test]
#[expect(clippy::float_cmp, reason = "these quotients are exact")]
fn test_fuel_metrics_percentage() {
    let host = Host::new();
    let cost = host.cost_of_counting(5_000);
    let used = |parts| host.count(&limits(cost * parts, PLENTY_MS), 5_000).unwrap().fuel;
    assert_eq!(used(1).usage_percentage(), 100.0);
    assert_eq!(used(2).usage_percentage(), 50.0);
    assert_eq!(used(4).usage_percentage(), 25.0);
}

#[test]
fn test_fuel_metrics_exhaustion() {
    let host = Host::new();
    let failure = host.run(&limits(10_000, PLENTY_MS), "spin").unwrap_err();
    assert!(failure.report().fuel.is_exhausted());
    assert!(failure.report().fuel_exact);
    let report = host.run(&limits(10_000, PLENTY_MS), "idle").unwrap();
    assert!(!report.fuel.is_exhausted());
}

#[test]
fn test_fuel_metrics_threshold() {
    let host = Host::new();
    let cost = host.cost_of_counting(5_000);
    let fuel = host.count(&limits(cost * 2, PLENTY_MS), 5_000).unwrap().fuel;
    assert!(fuel.exceeds_threshold(50));
    assert!(!fuel.exceeds_threshold(51));
}

#[test]
fn test_out_of_fuel_error_creation() {
    let failure = Host::new().run(&limits(10_000, PLENTY_MS), "spin").unwrap_err();
    let made = WasmError::out_of_fuel(failure.report().fuel);
    assert_eq!(failure.to_string(), made.to_string());
    assert_eq!(made.to_string(), "out of fuel: 10000 of 10000 fuel (100.0 %)");
}

#[test]
fn the_same_work_costs_the_same_in_every_run_and_on_every_runtime() {
    let host = Host::new();
    let cost = host.cost_of_counting(123_456);
    assert_eq!(host.cost_of_counting(123_456), cost);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let limits = limits(u64::MAX, PLENTY_MS);
    let ended = runtime.block_on(host.call::<_, (u32,)>(&limits, "count", (123_456_u32,))).unwrap();
    assert_eq!(ended.fuel_metrics().consumed(), cost);
}

#[test]
fn each_call_into_a_kept_store_has_fuel_of_its_own() {
    let host = Host::new();
    let cost = host.cost_of_counting(10_000);
    block_on(async {
        let (executor, state) = (host.executor(), LimitState::new());
        let limits = limits(cost, PLENTY_MS);
        let mut live = executor.instantiate(host.guest(), &limits, state).await.unwrap().output;
        for _ in 0..3 {
            let (kept, result) = live.call::<_, (u32,)>("count", (10_000_u32,)).await.unwrap();
            assert!(result.report.fuel.consumed() <= cost);
            live = kept;
        }
        let failure = live.call::<_, ()>("spin", ()).await.unwrap_err();
        assert!(matches!(failure.failure().error(), WasmError::OutOfFuel { .. }), "{failure}");
    });
}
