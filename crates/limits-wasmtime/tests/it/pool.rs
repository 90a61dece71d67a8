//! Pools: sized by limits, met by guests.

use limits_wasmtime::limits_core::{
    Blame, HostResource, ResourceLimits, ResourceLimitsBuilder, WasmError,
};
use limits_wasmtime::{AddressSpace, ComponentExecutor, EngineBuilder, PoolReservation};

use crate::guest::{Guest, Host, wrap};

const PAGE: u64 = 65_536;

/// Limits of which a guest can use up each.
fn limits() -> ResourceLimitsBuilder {
    ResourceLimits::builder()
        .memory_bytes(4 * PAGE)
        .max_memories(2)
        .max_tables(2)
        .max_table_elements(100)
        .max_instances(3)
        .max_fuel(u64::MAX)
        .execution_timeout_ms(60_000)
}

fn executor(stores: u32, limits: ResourceLimitsBuilder) -> ComponentExecutor {
    let limits = limits.build().unwrap();
    let engine = EngineBuilder::new().address_space(AddressSpace::Wide).pooling(stores, &limits);
    ComponentExecutor::new(engine.build().unwrap()).unwrap()
}

/// A component with as many core instances, memories and tables as its limits allow.
const GREEDY: &str = r#"(component
    (core module $libc (memory (export "mem") 1) (table 40 funcref))
    (core module $empty)
    (core module $m (import "libc" "mem" (memory 1)) (memory 1) (table 50 funcref)
      (func (export "run") (result i32) (memory.grow 1 (i32.const 1))))
    (core instance $libc (instantiate $libc))
    (core instance (instantiate $empty))
    (core instance $i (instantiate $m (with "libc" (instance $libc))))
    (func (export "run") (result s32) (canon lift (core func $i "run"))))"#;

#[tokio::test]
async fn as_many_stores_fit_as_the_pool_has_though_each_uses_up_its_limits() {
    let guest = Guest::on(executor(3, limits()), GREEDY);
    let built = limits().build().unwrap();
    let keep = || guest.executor.instantiate(&guest.component, &built, Host::default());
    let mut live = Vec::new();
    for _ in 0..3 {
        let kept = keep().await.unwrap().output;
        let (kept, grown) = kept.call::<_, (i32,)>("run", ()).await.unwrap();
        assert_eq!(grown.output, (1,));
        live.push(kept);
    }
    let failure = keep().await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "host busy: all 3 component instances of the pool are in use; size it for more stores, or \
         run fewer at one time"
    );
    assert_eq!(failure.blame(), Blame::Host);
    drop(live);
    for _ in 0..10 {
        assert!(keep().await.is_ok());
    }
}

#[tokio::test]
async fn limits_above_those_of_the_pool_are_refused_before_the_guest_is_entered() {
    let guest = Guest::on(executor(1, limits()), &wrap(r#"(memory 1) (func (export "run"))"#));
    assert!(guest.run(limits()).await.is_ok());
    let above = [
        (limits().memory_bytes(5 * PAGE), "327680 bytes of memory", "262144"),
        (limits().max_table_elements(101), "101 table elements", "100"),
    ];
    for (limits, wanted, room) in above {
        let failure = guest.run(limits).await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            format!(
                "invalid configuration: a limit of {wanted} is above the {room} that the engine's \
                 pool has for a store; size the pool by the largest limits \
                 (`ResourceLimits::max_of`)"
            )
        );
        assert_eq!(failure.report().slices, 0);
    }
}

#[tokio::test]
async fn a_memory_of_four_gibibytes_is_the_most_that_a_pool_needs() {
    let largest = limits().memory_bytes(u64::MAX);
    let guest = Guest::on(executor(1, largest), &wrap(r#"(memory 1) (func (export "run"))"#));
    assert!(guest.run(largest).await.is_ok());
}

#[test]
fn a_component_that_does_not_fit_the_pool_is_refused_as_it_is_compiled() {
    let executor = executor(1, limits());
    let component = |module: &str| {
        let text =
            format!("(component (core module $m {module}) (core instance (instantiate $m)))");
        wat::parse_str(text).unwrap()
    };
    let instances = "(core instance (instantiate $m))".repeat(4);
    let instances = format!("(component (core module $m) {instances})");
    let refused = [
        (component("(memory 5)"), "327680 which exceeds the limit"),
        (component("(memory 1) (memory 1) (memory 1)"), "3 exceeds the per-instance limit of 2"),
        (component(&"(table 1 funcref)".repeat(3)), "3 exceeds the per-instance limit of 2"),
        (component("(table 101 funcref)"), "101 which exceeds the limit of 100"),
        (wat::parse_str(instances).unwrap(), "4 core module instances"),
    ];
    for (bytes, words) in refused {
        let error = executor.compile(&bytes).unwrap_err();
        assert!(matches!(error, WasmError::InvalidComponent { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(words), "{text}");
        assert!(
            text.starts_with(
                "invalid component: it does not fit the engine's pool, which is sized by limits: "
            ),
            "{text}"
        );
    }
    assert!(executor.compile(&component("(memory 4) (table 100 funcref)")).is_ok());
}

/// Real components have thousands of functions in dozens of core instances.
#[tokio::test]
async fn a_component_whose_instances_take_more_than_a_mebibyte_of_the_host_fits_a_pool() {
    let functions = "(func)".repeat(40_000);
    let taken: Vec<_> = (0..40_000).map(|n| n.to_string()).collect();
    let taken = taken.join(" ");
    let module = format!(r#"{functions} (func (export "run")) (elem declare func {taken})"#);
    let guest = Guest::on(executor(1, limits()), &wrap(&module));
    assert!(guest.run(limits()).await.is_ok());
}

/// Writes far into its memory, after it has looked for another's bytes there.
const SECRETIVE: &str = r#"(memory 4)
    (func (export "run") (local $at i32)
      (loop $l
        (if (i32.load8_u (local.get $at)) (then unreachable))
        (i32.store8 (local.get $at) (i32.const 7))
        (local.set $at (i32.add (local.get $at) (i32.const 512)))
        (br_if $l (i32.lt_u (local.get $at) (i32.const 262144)))))"#;

#[tokio::test]
async fn a_guest_finds_nothing_of_the_one_before_in_bytes_that_are_kept_warm() {
    for warm in [0, PAGE / 2, 100 * PAGE] {
        let limits = limits().build().unwrap();
        let builder = EngineBuilder::new().address_space(AddressSpace::Wide).pooling(1, &limits);
        let engine = builder.warm_bytes(warm).build().unwrap();
        let executor = ComponentExecutor::new(engine.clone()).unwrap();
        let guests = [0, 1].map(|n| {
            let module = format!("{SECRETIVE} (global i32 (i32.const {n}))");
            Guest::on(executor.clone(), &wrap(&module))
        });
        // Each has a memory of its own to come back to.
        for (turn, guest) in guests.iter().cycle().take(6).enumerate() {
            let run = guest.executor.execute_with_limits::<_, _, ()>(
                &guest.component,
                &limits,
                Host::default(),
                "run",
                (),
            );
            run.await.unwrap();
            let kept = engine.pooling_allocator_metrics().unwrap().unused_memory_bytes_resident();
            let reserved = PoolReservation::of(&engine).unwrap();
            let memories = if turn == 0 { 1 } else { 2 };
            assert_eq!(u64::try_from(kept).unwrap(), memories * warm.min(4 * PAGE));
            // Two memories and two tables, whose elements fit a page of the host.
            assert_eq!(reserved.warm, 2 * warm.min(4 * PAGE) + 2 * warm.min(4_096));
        }
    }
}

#[test]
fn a_pool_beyond_the_address_space_says_what_to_lower() {
    let limits = limits().max_memories(8).build().unwrap();
    let engine = EngineBuilder::new().address_space(AddressSpace::Wide).pooling(5_000, &limits);
    let error = engine.build().unwrap_err();
    let WasmError::HostExhausted(shortage) = &error else { panic!("{error}") };
    assert_eq!(shortage.resource(), HostResource::Memory);
    let text = error.to_string();
    assert!(
        text.contains(
            "a pool of 5000 stores with 8 memories each: lower either, or choose \
             `AddressSpace::Tight`: "
        ),
        "{text}"
    );
    let tight = AddressSpace::Tight { largest_memory: limits.max_memory_bytes() };
    let engine = EngineBuilder::new().address_space(tight).pooling(5_000, &limits).build();
    let reserved = PoolReservation::of(&engine.unwrap()).unwrap();
    assert_eq!(reserved.memories, 40_000 * 5 * PAGE);
    assert_eq!(
        reserved.to_string(),
        "5000 stores: 22559 MiB of address space, at most 2540 MiB kept between executions, at \
         most 170000 mappings"
    );
}

#[test]
fn an_engine_without_a_pool_reserves_nothing() {
    let engine = limits_wasmtime::create_engine().unwrap();
    assert_eq!(PoolReservation::of(&engine), None);
}
