//! Allocations of a call into a kept instance, in a test process of its own, which counts them.

use allocation_counter::measure;
use limits_wasmtime::limits_core::ResourceLimits;
use limits_wasmtime::wasmtime::Store;
use limits_wasmtime::wasmtime::component::{Component, Linker};
use limits_wasmtime::{ComponentExecutor, LimitState, LiveSlot, create_engine};

const SUM: &str = r#"(component
    (core module $m (func (export "double") (param i32) (result i32)
      (i32.add (local.get 0) (local.get 0))))
    (core instance $i (instantiate $m))
    (func (export "double") (param "n" u32) (result u32) (canon lift (core func $i "double"))))"#;

const CALLS: u32 = 100;

#[test]
fn a_function_that_is_found_once_allocates_what_wasmtime_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine = create_engine().unwrap();
    let bytes = wat::parse_str(SUM).unwrap();

    let mut store = Store::new(&engine, ());
    store.set_fuel(1_000_000).unwrap();
    let double = runtime.block_on(async {
        let component = Component::from_binary(&engine, &bytes).unwrap();
        let instance = Linker::new(&engine).instantiate_async(&mut store, &component).await;
        instance.unwrap().get_typed_func::<(u32,), (u32,)>(&mut store, "double").unwrap()
    });
    let bare = measure(|| {
        runtime.block_on(async {
            for n in 0..CALLS {
                assert_eq!(double.call_async(&mut store, (n,)).await.unwrap(), (n * 2,));
            }
        });
    });

    let executor = ComponentExecutor::new(engine).unwrap();
    let linker = Linker::new(executor.engine());
    let component = executor.prepare(&executor.compile(&bytes).unwrap(), &linker).unwrap();
    let limits = ResourceLimits::builder().memory_bytes(0).execution_timeout_ms(60_000);
    let limits = limits.build().unwrap();
    let (mut slot, mut double) = runtime.block_on(async {
        let live = executor.instantiate(&component, &limits, LimitState::new()).await;
        let mut slot = LiveSlot::new(live.unwrap().output);
        let double = slot.func::<(u32,), (u32,)>("double").await.unwrap();
        (slot, double)
    });
    let ours = measure(|| {
        runtime.block_on(async {
            for n in 0..CALLS {
                assert_eq!(double.call(&mut slot, (n,)).await.unwrap().output, (n * 2,));
            }
        });
    });
    assert!(bare.count_total >= u64::from(CALLS), "{bare:?}");
    // The runtime allocates with the first trip to it, which comes once in a slice.
    assert!((bare.count_total..=bare.count_total + 1).contains(&ours.count_total), "{ours:?}");
}
