//! The address space of a pool, in a test process of its own since it is the process's.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

use limits_wasmtime::limits_core::{HostResource, ResourceLimits, WasmError};
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{
    AddressSpace, ComponentExecutor, EngineBuilder, LimitState, PoolReservation,
};

const MIB: u64 = 1 << 20;

/// The address space of this process, in bytes.
fn address_space() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4_096
}

fn mappings() -> u64 {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    u64::try_from(maps.lines().count()).unwrap()
}

fn limits() -> ResourceLimits {
    ResourceLimits::builder()
        .memory_bytes(MIB)
        .max_memories(2)
        .max_tables(3)
        .max_table_elements(1_000)
        .execution_timeout_ms(60_000)
        .build()
        .unwrap()
}

/// One test, since each step looks at the whole process.
#[tokio::test]
async fn a_pool_takes_what_it_says() {
    let tight = AddressSpace::Tight { largest_memory: MIB };
    for mode in [AddressSpace::Wide, tight] {
        a_pool_takes_its_address_space_and_no_more_mappings_than_it_says(mode).await;
    }
    a_pool_with_more_stacks_than_the_process_has_mappings_says_what_to_lower();
}

async fn a_pool_takes_its_address_space_and_no_more_mappings_than_it_says(mode: AddressSpace) {
    const STORES: u32 = 200;
    let before = (address_space(), mappings());
    let engine = EngineBuilder::new().address_space(mode).pooling(STORES, &limits());
    let engine = engine.build().unwrap();
    let reserved = PoolReservation::of(&engine).unwrap();
    let took = address_space() - before.0;
    // The allocator of this process grows in steps of its own.
    let other = took.abs_diff(reserved.address_space());
    assert!(other < 8 * MIB, "{took} bytes taken, {} bytes said", reserved.address_space());

    let executor = ComponentExecutor::new(engine).unwrap();
    let text = r#"(component
        (core module $m (memory 1) (memory 1) (table 9 funcref)
          (data (memory 0) (i32.const 9) "one") (data (memory 1) (i32.const 9000) "other")
          (func (export "run")
            (i32.store 0 (i32.const 60000) (i32.const 1)) (drop (memory.grow 0 (i32.const 1)))
            (i32.store 1 (i32.const 60000) (i32.const 1)) (drop (memory.grow 1 (i32.const 1)))))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &Linker::new(executor.engine())).unwrap();
    let mut live = Vec::new();
    for _ in 0..STORES {
        let kept = executor.instantiate(&component, &limits(), LimitState::new()).await;
        live.push(kept.unwrap().output.call::<_, ()>("run", ()).await.unwrap().0);
    }
    let used = mappings() - before.1;
    // Some for the allocator, and for the code of the component.
    assert!(used < reserved.mappings + 50, "{used} mappings, {} said", reserved.mappings);
    assert!(used > reserved.mappings / 4, "{used} mappings, {} said", reserved.mappings);
}

fn a_pool_with_more_stacks_than_the_process_has_mappings_says_what_to_lower() {
    let most = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let most: u32 = most.trim().parse().unwrap();
    let stores = most / 2 + 1_000;
    let tight = AddressSpace::Tight { largest_memory: MIB };
    let error = EngineBuilder::new().address_space(tight).pooling(stores, &limits()).build();
    let error = error.unwrap_err();
    let WasmError::HostExhausted(shortage) = &error else { panic!("{error}") };
    assert_eq!(shortage.resource(), HostResource::Memory);
    let text = error.to_string();
    assert!(text.contains(&format!("a pool of {stores} stores with 2 memories each")), "{text}");
}
