//! What host functions see and say.

use limits_wasmtime::limits_core::WasmError;
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, HasLimits as _, LimitState, create_engine};

use crate::guest::{DiskOnFire, Guest, roomy};

#[tokio::test]
async fn a_host_functions_error_comes_back_as_its_own_type() {
    let module = r#"(import "host" "fail" (func $fail)) (func (export "run") (call $fail))"#;
    let failure = Guest::core(module).run(roomy()).await.unwrap_err();
    assert_eq!(failure.to_string(), "host function failed: disk 3 on fire");
    assert!(failure.report().fuel_exact);
    let WasmError::Host(error) = failure.into_error() else { panic!("not the host's error") };
    assert_eq!(error.downcast_ref::<DiskOnFire>(), Some(&DiskOnFire(3)));
}

#[tokio::test]
async fn a_host_function_sees_what_is_left() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let text = r#"(component
        (import "left" (func $left (result u64)))
        (core func $left' (canon lower (func $left)))
        (core module $m (import "h" "left" (func $left (result i64)))
          (func (export "run") (result i64) (call $left)))
        (core instance $i (instantiate $m (with "h" (instance (export "left" (func $left'))))))
        (func (export "run") (result u64) (canon lift (core func $i "run"))))"#;
    let mut linker = Linker::<LimitState>::new(executor.engine());
    linker
        .root()
        .func_wrap("left", |mut cx, (): ()| {
            let limits = cx.data_mut().limits();
            let time = limits.remaining_time().unwrap();
            assert!(time.as_secs() < 60 && time.as_secs() > 30);
            Ok((limits.remaining_fuel(),))
        })
        .unwrap();
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &linker).unwrap();
    let limits = roomy().max_fuel(10_000).build().unwrap();
    let result = executor
        .execute_with_limits::<_, _, (u64,)>(&component, &limits, LimitState::new(), "run", ())
        .await
        .unwrap();
    let (left,) = result.output;
    assert!((9_900..10_000).contains(&left), "{left}");
    // What is left at the call is what is left at the end and what the way back cost.
    assert!(left - result.report.fuel.remaining() < 20);
}

/// I3: a loop over host calls cannot keep the interval from ending nor win fuel by it.
#[tokio::test]
async fn i3_a_loop_over_host_calls_burns_what_it_burns() {
    let module = |n: u32| {
        format!(
            r#"(import "host" "now" (func $now (result i64)))
               (func (export "run") (local $i i32)
                 (loop $l
                   (drop (call $now))
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const {n})))))"#
        )
    };
    let mut used = Vec::new();
    for n in [100_u32, 100_100] {
        used.push(Guest::core(&module(n)).run(roomy()).await.unwrap().report.fuel.consumed());
    }
    // Both counts minus their common rest are multiples of one iteration's price.
    let per_call = (used[1] - used[0]) / 100_000;
    assert_eq!((used[1] - used[0]) % 100_000, 0);
    assert!((5..40).contains(&per_call), "{per_call}");
}
