//! Fuel and time together: what is configured is what a real guest meets.

use core::time::Duration;

use integration_tests::{Ended, Host, PLENTY_MS, block_on, default_limits, limits};
use limits_config::{ComponentConfig, CpuConfig};
use limits_core::{FuelConfig, FuelMetrics, ResourceLimits, WasmError};
use limits_wasmtime::wasmtime::Store;
use limits_wasmtime::{ComponentExecutor, ExecutionFailure, LimitState, create_engine};

fn max_fuel_of(failure: &ExecutionFailure) -> u64 {
    match failure.error() {
        WasmError::OutOfFuel { max_fuel, .. } => *max_fuel,
        _ => panic!("expected to run out of fuel: {failure}"),
    }
}

fn timeout_of(failure: &ExecutionFailure) -> u64 {
    match failure.error() {
        WasmError::ExecutionTimeout { timeout_ms, .. } => *timeout_ms,
        _ => panic!("expected a timeout: {failure}"),
    }
}

fn read(cpu: &str) -> ComponentConfig {
    let text = format!(
        "[component]\nname = \"guest\"\nversion = \"1.0.0\"\n\n\
         [resources.memory]\nmax_bytes = 1048576\n\n{cpu}"
    );
    ComponentConfig::from_toml(&text).expect("a good file")
}

fn parse(cpu: &str) -> ResourceLimits {
    read(cpu).try_into().expect("good limits")
}

// Fuel

#[test]
fn test_fuel_config_various_limits() {
    let host = Host::new();
    for fuel in [100_000, 1_000_000, 10_000_000, 100_000_000] {
        assert_eq!(FuelConfig::new(fuel).max_fuel(), fuel);
        let failure = host.run(&limits(fuel, PLENTY_MS), "spin").unwrap_err();
        assert_eq!(max_fuel_of(&failure), fuel);
        assert_eq!(failure.report().fuel, FuelMetrics::new(fuel, fuel));
    }
}

#[test]
fn test_fuel_metrics_edge_cases() {
    let host = Host::new();
    let none = host.run(&limits(0, PLENTY_MS), "idle").unwrap_err().report().fuel;
    assert!(none.is_exhausted() && none.exceeds_threshold(100));

    let cost = host.cost_of_counting(1_000);
    let exact = host.count(&limits(cost, PLENTY_MS), 1_000).unwrap().fuel;
    assert!(exact.is_exhausted(), "all used and still a success");

    // One instruction may cost more than is left; no guest gets more than there was.
    let overrun: Ended<()> = block_on(host.call(&limits(10_000, PLENTY_MS), "fill", (50_000_u32,)));
    let overrun = overrun.unwrap_err();
    assert_eq!(max_fuel_of(&overrun), 10_000);
    assert_eq!(overrun.report().fuel.remaining(), 0);
    assert!(FuelMetrics::new(10_000, 50_000).usage_percentage() > 100.0);
}

#[test]
fn test_fuel_warning_thresholds() {
    let host = Host::new();
    let cost = host.cost_of_counting(50_000);
    for percent in [50, 75, 90, 95] {
        let max = cost * 100 / u64::from(percent);
        let fuel = host.count(&limits(max, PLENTY_MS), 50_000).unwrap().fuel;
        assert!(fuel.exceeds_threshold(percent), "{fuel} reaches {percent} %");
        assert!(!fuel.exceeds_threshold(percent + 1), "{fuel} does not reach {percent} % + 1");
    }
}

#[test]
fn test_fuel_percentage_accuracy() {
    let host = Host::new();
    let shown = |fuel: FuelMetrics| format!("{:.1}", fuel.usage_percentage());
    let never_entered = host.run(&limits(1_000, 0), "idle").unwrap_err();
    assert_eq!(shown(never_entered.report().fuel), "0.0");
    let cost = host.cost_of_counting(50_000);
    for (max, percent) in
        [(cost * 4, "25.0"), (cost * 2, "50.0"), (cost * 4 / 3, "75.0"), (cost, "100.0")]
    {
        let fuel = host.count(&limits(max, PLENTY_MS), 50_000).unwrap().fuel;
        assert_eq!(shown(fuel), percent);
    }
}

#[test]
fn test_resource_limits_fuel_variations() {
    let host = Host::new();
    let cost = host.cost_of_counting(20_000);
    assert!((1_000..1_000_000).contains(&cost), "between low and default: {cost}");
    let low = host.count(&limits(1_000, PLENTY_MS), 20_000).unwrap_err();
    assert_eq!(max_fuel_of(&low), 1_000);
    for fuel in [ResourceLimits::DEFAULT_MAX_FUEL, 100_000_000] {
        let report = host.count(&limits(fuel, PLENTY_MS), 20_000).unwrap();
        assert_eq!(report.fuel, FuelMetrics::new(fuel, cost));
    }
}

// Time

#[test]
fn test_timeout_various_durations() {
    let host = Host::new();
    block_on(async {
        let pause = |ms| {
            let host = &host;
            async move { host.call::<_, ()>(&limits(100_000, ms), "pause", (250_u32,)).await }
        };
        let (a, b, c, d) = tokio::join!(pause(50), pause(100), pause(5_000), pause(PLENTY_MS));
        for (failure, ms) in [(a.unwrap_err(), 50), (b.unwrap_err(), 100)] {
            assert_eq!(timeout_of(&failure), ms);
            assert!(failure.report().wall_time >= Duration::from_millis(ms));
        }
        for success in [c.unwrap(), d.unwrap()] {
            assert!(success.report.wall_time >= Duration::from_millis(250));
        }
        let half_a_second = host.call::<_, ()>(&limits(100_000, 500), "wait", ()).await;
        assert_eq!(timeout_of(&half_a_second.unwrap_err()), 500);
    });
}

#[test]
fn test_default_timeout() {
    assert_eq!(default_limits().execution_timeout_ms(), 100);
    assert_eq!(timeout_of(&Host::new().run(&default_limits(), "wait").unwrap_err()), 100);
}

#[test]
fn test_timeout_and_fuel_combination() {
    let host = Host::new();
    let fuel_first = host.run(&limits(200_000, PLENTY_MS), "spin").unwrap_err();
    assert_eq!(max_fuel_of(&fuel_first), 200_000);
    let time_first = host.run(&limits(u64::MAX, 20), "spin").unwrap_err();
    assert_eq!(timeout_of(&time_first), 20);
    // Both at once: running out of fuel is the more specific answer.
    let both = host.run(&limits(0, 0), "spin").unwrap_err();
    assert_eq!(max_fuel_of(&both), 0);
}

// Component.toml

#[test]
fn test_component_toml_default_cpu() {
    let limits = parse("");
    assert_eq!(limits.max_fuel_per_execution(), 1_000_000);
    assert_eq!(limits.execution_timeout_ms(), 100);
    let failure = Host::new().run(&limits, "wait").unwrap_err();
    assert_eq!(timeout_of(&failure), 100);
}

#[test]
fn test_component_toml_custom_cpu() {
    let limits = parse("[resources.cpu]\nmax_fuel = 50_000\ntimeout_ms = 60000\n");
    let failure = Host::new().run(&limits, "spin").unwrap_err();
    assert_eq!(max_fuel_of(&failure), 50_000);
}

#[test]
fn test_component_toml_partial_cpu() {
    let limits = parse("[resources.cpu]\ntimeout_ms = 60000\n");
    assert_eq!(limits.execution_timeout_ms(), 60_000);
    let failure = Host::new().run(&limits, "spin").unwrap_err();
    assert_eq!(max_fuel_of(&failure), 1_000_000);
}

#[test]
fn test_component_config_to_limits() {
    let parsed = parse("[resources.cpu]\nmax_fuel = 123_456\ntimeout_ms = 789\n");
    assert_eq!(parsed, limits(123_456, 789));
}

#[test]
fn test_cpu_config_defaults() {
    let config = read("");
    assert_eq!(config.resources.cpu, CpuConfig::default());
    assert_eq!((config.resources.cpu.max_fuel, config.resources.cpu.timeout_ms), (None, None));
    let limits = config.resource_limits().unwrap();
    assert_eq!(limits.max_fuel_per_execution(), ResourceLimits::DEFAULT_MAX_FUEL);
    assert_eq!(limits.execution_timeout_ms(), ResourceLimits::DEFAULT_TIMEOUT_MS);
}

#[test]
fn test_parse_toml_with_cpu_defaults() {
    for cpu in ["", "[resources.cpu]\n"] {
        assert_eq!(parse(cpu), default_limits());
    }
}

#[test]
fn test_parse_toml_with_custom_cpu() {
    let config = read("[resources.cpu]\nmax_fuel = 5000000\ntimeout_ms = 500\n");
    assert_eq!(config.resources.cpu.max_fuel, Some(5_000_000));
    assert_eq!(config.resources.cpu.timeout_ms, Some(500));
    assert_eq!(config.resources.memory.max_bytes, 1_048_576);
}

#[test]
fn test_config_to_resource_limits() {
    let config = read("[resources.cpu]\nmax_fuel = 0\ntimeout_ms = 9223372036854775807\n");
    let limits = ResourceLimits::try_from(&config).unwrap();
    assert_eq!(limits.max_fuel_per_execution(), 0);
    assert_eq!(limits.execution_timeout_ms(), 9_223_372_036_854_775_807);
    assert_eq!(ResourceLimits::try_from(config).unwrap(), limits);
}

// Errors

#[test]
fn test_out_of_fuel_error() {
    let failure = Host::new().run(&limits(40_000, PLENTY_MS), "spin").unwrap_err();
    assert_eq!(failure.to_string(), "out of fuel: 40000 of 40000 fuel (100.0 %)");
    assert!(failure.error().is_guest_fault());
}

/// Regression: the original design's 95 %: what an embedder's own error may say. A run that the
/// executor ends for want of fuel has always used all of it.
#[test]
fn test_out_of_fuel_error_partial() {
    let partial = WasmError::out_of_fuel(FuelMetrics::new(1_000_000, 950_000));
    assert_eq!(partial.to_string(), "out of fuel: 950000 of 1000000 fuel (95.0 %)");

    // Asking the host for more work than fuel is left is refused, and nothing of it is charged.
    let host = Host::new();
    let asked: Ended<()> = block_on(host.call(&limits(1_000, PLENTY_MS), "charge", (2_000_u64,)));
    let refused = asked.unwrap_err();
    assert_eq!(max_fuel_of(&refused), 1_000);
    assert_eq!(host.calls(), 1);
}

#[test]
fn test_execution_timeout_error_with_fuel() {
    let failure = Host::new().run(&limits(u64::MAX, 200), "spin").unwrap_err();
    let WasmError::ExecutionTimeout { timeout_ms: 200, fuel_consumed: Some(fuel), .. } =
        failure.error()
    else {
        panic!("expected a timeout that knows its fuel: {failure}");
    };
    assert!(*fuel > 0);
    let expected = format!("execution timed out after 200 ms, {fuel} fuel used");
    assert_eq!(failure.to_string(), expected);
}

/// The executor always knows the fuel; a host with a timeout of its own need not.
#[test]
fn test_execution_timeout_error_no_fuel() {
    let error = WasmError::execution_timeout(100, None);
    assert_eq!(error.to_string(), "execution timed out after 100 ms");
    let known = Host::new().run(&limits(1_000, 10), "wait").unwrap_err();
    assert!(known.to_string().starts_with("execution timed out after 10 ms, "), "{known}");
}

// Wasmtime

#[test]
fn test_engine_fuel_metering_enabled() {
    let mut store = Store::new(&create_engine().unwrap(), ());
    store.set_fuel(5_000).unwrap();
    assert_eq!(store.get_fuel().unwrap(), 5_000);
}

#[test]
fn test_fuel_addition_and_tracking() {
    let host = Host::new();
    let charged = |units: u64| {
        let ended: Ended<()> =
            block_on(host.call(&limits(10_000_000, PLENTY_MS), "charge", (units,)));
        ended.unwrap().report.fuel.consumed()
    };
    assert_eq!(charged(1_234_567) - charged(0), 1_234_567, "host functions charge to the unit");
}

/// Regression: the original design added fuel to a store several times. Here each call into a kept
/// store is given its own, so that what one left over is no gift to the next.
#[test]
fn test_multiple_fuel_additions() {
    let host = Host::new();
    block_on(async {
        let limits = limits(300_000, PLENTY_MS);
        let state = LimitState::new();
        let kept = host.executor().instantiate(host.guest(), &limits, state).await.unwrap();
        let mut live = kept.output;
        let mut left = Vec::new();
        for _ in 0..3 {
            let (next, result) = live.call::<_, (u64,)>("fuel-left", ()).await.unwrap();
            left.push(result.output.0);
            live = next;
        }
        assert!(left.iter().all(|units| *units == left[0]), "{left:?}");
        assert!((299_000..300_000).contains(&left[0]), "{left:?}");
    });
}

// The executor

#[test]
fn test_executor_creation() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let garbage = executor.compile(b"not a component").unwrap_err();
    assert!(matches!(garbage, WasmError::InvalidComponent { .. }), "{garbage}");
}

#[test]
fn test_execution_result_fuel_metrics() {
    let host = Host::new();
    let limits = limits(70_000, PLENTY_MS);
    let result = block_on(host.call::<_, (u32,)>(&limits, "count", (100_u32,))).unwrap();
    assert_eq!(*result.fuel_metrics(), result.report.fuel);
    assert_eq!(result.fuel_metrics().max_fuel(), 70_000);
    assert_eq!(result.fuel_metrics().consumed(), host.cost_of_counting(100));
}

// Hostile numbers

#[test]
fn test_zero_fuel_limit_protection() {
    let host = Host::new();
    let failure = host.run(&limits(0, PLENTY_MS), "wait").unwrap_err();
    assert_eq!(failure.to_string(), "out of fuel: 0 of 0 fuel (100.0 %)");
    assert_eq!(host.calls(), 0, "the guest was not entered");
}

#[test]
fn test_zero_timeout_protection() {
    let host = Host::new();
    let failure = host.run(&limits(1_000_000, 0), "wait").unwrap_err();
    assert_eq!(failure.to_string(), "execution timed out after 0 ms, 0 fuel used");
    assert_eq!(host.calls(), 0, "the guest was not entered");
}

#[test]
fn test_extremely_large_fuel_limits() {
    let host = Host::new();
    let report = host.count(&limits(u64::MAX, PLENTY_MS), 1_000).unwrap();
    assert_eq!(report.fuel.max_fuel(), u64::MAX);
    assert_eq!(report.fuel.remaining(), u64::MAX - report.fuel.consumed());
    assert!(report.fuel.consumed() < 1_000_000);
    // All the fuel there is buys no more time.
    assert_eq!(timeout_of(&host.run(&limits(u64::MAX, 20), "spin").unwrap_err()), 20);
}

#[test]
fn test_extremely_large_timeout() {
    let host = Host::new();
    let report = host.count(&limits(1_000_000, u64::MAX), 1_000).unwrap();
    assert!(report.fuel.consumed() > 0);
    // All the time there is buys no more fuel.
    let failure = host.run(&limits(50_000, u64::MAX), "spin").unwrap_err();
    assert_eq!(max_fuel_of(&failure), 50_000);
}

// Memory, which the original's first phase was about

#[test]
fn a_guest_grows_to_its_limit_and_not_beyond() {
    let host = Host::new();
    let grow = |pages: u32| {
        let ended: Ended<(i32,)> =
            block_on(host.call(&limits(1_000_000, PLENTY_MS), "grow", (pages,)));
        ended.unwrap()
    };
    let fits = grow(15);
    assert_eq!((fits.output, fits.report.refusals), ((1,), 0));
    assert_eq!(fits.report.peak_memory_bytes, 1_048_576);
    let refused = grow(16);
    assert_eq!((refused.output, refused.report.refusals), ((-1,), 1));
    assert_eq!(refused.report.peak_memory_bytes, 65_536);
    assert_eq!(
        refused.report.last_refusal.unwrap().to_string(),
        "memory limit of 1048576 bytes exceeded: 65536 in use, 1048576 more requested"
    );
}

#[test]
fn a_trap_is_told_apart_from_running_out() {
    let failure = Host::new().run(&limits(1_000_000, PLENTY_MS), "trap").unwrap_err();
    assert!(matches!(failure.error(), WasmError::Trap { .. }), "{failure}");
}
