//! Time: real guests spin and wait, and end by their deadlines.
//!
//! Bounds on when are generous, since machines are busy; `docs/limits.md` has the figures.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use integration_tests::{Host, PLENTY_MS, block_on, default_limits, limits};
use limits_config::ComponentConfig;
use limits_core::{ResourceLimits, WasmError};
use limits_wasmtime::wasmtime::{Config, Engine};
use limits_wasmtime::{ComponentExecutor, ExecutionFailure, create_engine};

/// Checks that an execution timed out after `ms`, not before and not much later.
fn assert_timed_out(failure: &ExecutionFailure, ms: u64) {
    let WasmError::ExecutionTimeout { timeout_ms, fuel_consumed, .. } = failure.error() else {
        panic!("expected a timeout: {failure}");
    };
    assert_eq!(*timeout_ms, ms);
    assert!(fuel_consumed.is_some(), "the executor knows the fuel");
    let wall = failure.report().wall_time;
    assert!(wall >= Duration::from_millis(ms), "ended early, after {wall:?}");
    assert!(wall < Duration::from_millis(ms + 5_000), "ended late, after {wall:?}");
}

fn config(cpu: &str) -> ComponentConfig {
    let text = format!(
        "[component]\nname = \"guest\"\nversion = \"1.0.0\"\n\n\
         [resources.memory]\nmax_bytes = 1048576\n\n{cpu}"
    );
    ComponentConfig::from_toml(&text).expect("a good file")
}

#[test]
fn test_executor_creation() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let component = wat::parse_str("(component)").unwrap();
    assert!(executor.compile(&component).is_ok());

    let mut without_fuel = Config::new();
    without_fuel.wasm_gc(false).wasm_function_references(false).wasm_exceptions(false);
    without_fuel.gc_support(false);
    let refused = ComponentExecutor::new(Engine::new(&without_fuel).unwrap()).unwrap_err();
    assert!(matches!(refused, WasmError::InvalidConfiguration { .. }), "{refused}");
}

#[test]
fn test_resource_limits_with_timeout() {
    let failure = Host::new().run(&limits(u64::MAX, 300), "spin").unwrap_err();
    assert_timed_out(&failure, 300);
    assert!(failure.report().fuel.consumed() > 100_000, "a guest that spins burns fuel");
}

#[test]
fn test_default_timeout_value() {
    assert_eq!(ResourceLimits::DEFAULT_TIMEOUT_MS, 100);
    let failure = Host::new().run(&default_limits(), "wait").unwrap_err();
    assert_timed_out(&failure, 100);
}

#[test]
fn test_component_config_cpu_parsing() {
    let config = config("[resources.cpu]\nmax_fuel = 9_000_000_000_000\ntimeout_ms = 40\n");
    assert_eq!(config.resources.cpu.max_fuel, Some(9_000_000_000_000));
    assert_eq!(config.resources.cpu.timeout_ms, Some(40));
    let failure = Host::new().run(&config.resource_limits().unwrap(), "spin").unwrap_err();
    assert_timed_out(&failure, 40);
}

#[test]
fn test_config_to_limits_conversion() {
    let config = config("[resources.cpu]\nmax_fuel = 20_000\ntimeout_ms = 60_000\n");
    let limits = ResourceLimits::try_from(config).unwrap();
    assert_eq!(limits.max_memory_bytes(), 1_048_576);
    assert_eq!(limits.max_fuel_per_execution(), 20_000);
    assert_eq!(limits.execution_timeout_ms(), 60_000);
    let failure = Host::new().run(&limits, "spin").unwrap_err();
    assert!(matches!(failure.error(), WasmError::OutOfFuel { max_fuel: 20_000, .. }), "{failure}");
}

#[test]
fn a_guest_that_waits_uses_neither_fuel_nor_cpu_and_ends_all_the_same() {
    let failure = Host::new().run(&limits(10_000, 500), "wait").unwrap_err();
    assert_timed_out(&failure, 500);
    let report = failure.report();
    assert!(report.fuel.consumed() < 1_000, "{:?}", report.fuel);
    assert!(report.cpu_time < report.wall_time / 2, "{report:?}");
}

/// `tokio::time::timeout` around a spinning guest starved every other task of its thread, its own
/// timer included.
#[test]
fn other_tasks_of_the_thread_run_on_beside_a_spinning_guest() {
    let host = Host::new();
    let ticks = Arc::new(AtomicU64::new(0));
    block_on(async {
        let counted = Arc::clone(&ticks);
        let ticker = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let failure = host.call::<_, ()>(&limits(u64::MAX, 200), "spin", ()).await.unwrap_err();
        assert_timed_out(&failure, 200);
        ticker.abort();
    });
    // On an idle core there are nearly 200, on a busy one fewer; a starved ticker has none.
    let ticks = ticks.load(Ordering::SeqCst);
    assert!(ticks >= 3, "only {ticks} ticks in 200 ms");
}

#[test]
fn stopping_one_execution_stops_no_other() {
    let host = Host::new();
    block_on(async {
        let (hasty, patient) = (limits(u64::MAX, 20), limits(u64::MAX, PLENTY_MS));
        let spinning = host.call::<_, ()>(&hasty, "spin", ());
        let counting = host.call::<_, (u32,)>(&patient, "count", (3_000_000_u32,));
        let (stopped, counted) = tokio::join!(spinning, counting);
        assert_timed_out(&stopped.unwrap_err(), 20);
        assert_eq!(counted.unwrap().output, (3_000_000,));
    });
}
