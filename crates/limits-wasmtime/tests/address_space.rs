//! The end of the address space, in a test process of its own since it is the process's.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use limits_wasmtime::limits_core::{Blame, HostResource, ResourceLimits, WasmError};
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{
    AddressSpace, ComponentExecutor, EngineBuilder, LimitState, LiveComponent, PreparedComponent,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const MIB: u64 = 1 << 20;

/// A component with `memories` memories of one page, which grow to 1 MiB.
fn component(executor: &ComponentExecutor, memories: usize) -> PreparedComponent<LimitState> {
    let memories = "(memory 1 16)".repeat(memories);
    let text = format!(
        r#"(component
             (core module $m {memories}
               (func (export "run") (result i32)
                 (drop (memory.grow (i32.const 15)))
                 (i32.store (i32.const 1048572) (i32.const 7))
                 (i32.load (i32.const 1048572))))
             (core instance $i (instantiate $m))
             (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    );
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    executor.prepare(&component, &Linker::new(executor.engine())).unwrap()
}

fn executor(mode: AddressSpace) -> ComponentExecutor {
    ComponentExecutor::new(EngineBuilder::new().address_space(mode).build().unwrap()).unwrap()
}

fn limits() -> ResourceLimits {
    ResourceLimits::builder()
        .memory_bytes(8 * MIB)
        .max_fuel(1_000_000)
        .execution_timeout_ms(60_000)
        .build()
        .unwrap()
}

async fn keep(
    executor: &ComponentExecutor,
    component: &PreparedComponent<LimitState>,
) -> Result<LiveComponent<LimitState>, limits_wasmtime::ExecutionFailure> {
    let live = executor.instantiate(component, &limits(), LimitState::new()).await?.output;
    let (live, result) = live.call::<(), (u32,)>("run", ()).await.map_err(|failed| {
        let (failure, _) = failed.into_parts();
        failure
    })?;
    assert_eq!(result.output, (7,));
    Ok(live)
}

/// One test, since each step changes the limits of the process.
#[tokio::test]
async fn a_process_without_address_space_left_is_a_host_that_lacks_it() {
    a_memory_may_outgrow_a_tight_engine_page_by_page().await;
    ten_thousand_stores_of_one_mebibyte_fit_a_tight_engine().await;
    the_end_of_the_address_space_is_no_guests_fault(&executor(AddressSpace::Wide), 64 << 30).await;
    let tight = AddressSpace::Tight { largest_memory: MIB };
    the_end_of_the_address_space_is_no_guests_fault(&executor(tight), 1 << 30).await;
    under_a_finite_limit_engines_are_tight().await;
}

/// A memory that outgrows a tight engine moves now and then, and not at each growth: that took
/// minutes.
async fn a_memory_may_outgrow_a_tight_engine_page_by_page() {
    let executor = executor(AddressSpace::Tight { largest_memory: MIB });
    let text = r#"(component
        (core module $m (memory 1)
          (func (export "run")
            (i32.store (i32.const 16) (i32.const 7))
            (loop $l
              (drop (memory.grow (i32.const 1)))
              (br_if $l (i32.lt_u (memory.size) (i32.const 3200))))
            (if (i32.ne (i32.load (i32.const 16)) (i32.const 7)) (then unreachable))))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &Linker::new(executor.engine())).unwrap();
    let limits = ResourceLimits::builder().memory_bytes(256 * MIB).execution_timeout_ms(20_000);
    let limits = limits.build().unwrap();
    let run = executor.execute_with_limits::<_, (), ()>(
        &component,
        &limits,
        LimitState::new(),
        "run",
        (),
    );
    run.await.unwrap();
}

/// The kernel's bound on mappings, 65 530, is six for each.
async fn ten_thousand_stores_of_one_mebibyte_fit_a_tight_engine() {
    let executor = executor(AddressSpace::Tight { largest_memory: MIB });
    let component = component(&executor, 1);
    let mut live = Vec::new();
    for _ in 0..10_000 {
        live.push(keep(&executor, &component).await.unwrap());
    }
}

async fn the_end_of_the_address_space_is_no_guests_fault(executor: &ComponentExecutor, room: u64) {
    let component = component(executor, 8);
    let before = getrlimit(Resource::As);
    let used = {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').next().unwrap().parse::<u64>().unwrap() * 4_096
    };
    setrlimit(Resource::As, Rlimit { current: Some(used + room), maximum: before.maximum })
        .unwrap();
    let mut live = Vec::new();
    let mut fill = async || loop {
        match keep(executor, &component).await {
            Ok(kept) => live.push(kept),
            Err(failure) => break failure,
        }
        assert!(live.len() < 100_000, "there is no end to the address space");
    };
    let failure = fill().await;
    // Its neighbours' as well: it is the process's. Some of them may still fit: glibc gives back a
    // heap of 64 MiB if all that was in it belonged to the one that failed.
    let innocent = fill().await;
    let live_then = live.len();
    drop(live);
    let again = keep(executor, &component).await;
    setrlimit(Resource::As, before).unwrap();
    for failure in [failure, innocent] {
        let WasmError::HostExhausted(shortage) = failure.error() else { panic!("{failure}") };
        assert_eq!(shortage.resource(), HostResource::Memory);
        assert_eq!(failure.blame(), Blame::Host);
        assert!(failure.to_string().contains("(os error 12)"), "{failure}");
    }
    assert!(live_then > 0);
    assert!(again.is_ok(), "what was dropped can be had again");
}

/// The default engine, and a pool, under `ulimit -v 1048576` or so.
async fn under_a_finite_limit_engines_are_tight() {
    let before = getrlimit(Resource::As);
    let limited = Rlimit { current: Some(1 << 30), maximum: before.maximum };
    assert_eq!(AddressSpace::of_process(MIB), AddressSpace::Wide);
    setrlimit(Resource::As, limited).unwrap();
    let mode = AddressSpace::of_process(MIB);
    let alone = EngineBuilder::new().build();
    let pooled = EngineBuilder::new().pooling(4, &limits()).build();
    let mut live = Vec::new();
    for engine in [alone, pooled] {
        let executor = ComponentExecutor::new(engine.unwrap()).unwrap();
        let component = component(&executor, 2);
        live.push(keep(&executor, &component).await);
    }
    setrlimit(Resource::As, before).unwrap();
    assert_eq!(mode, AddressSpace::Tight { largest_memory: MIB });
    for live in live {
        live.unwrap();
    }
}
