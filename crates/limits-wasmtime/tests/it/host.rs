//! Host functions: the limits that they see, and the errors that they return.

use limits_wasmtime::limits_core::{
    CapabilitySet, Permission, QuotaError, QuotaResource, WasmError,
};
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, HasLimits as _, LimitState, create_engine};

use crate::guest::{DiskOnFire, Guest, Host, roomy};

#[tokio::test]
async fn a_host_functions_error_comes_back_as_its_own_type() {
    let module = r#"(import "host" "fail" (func $fail)) (func (export "run") (call $fail))"#;
    let failure = Guest::core(module).run(roomy()).await.unwrap_err();
    assert_eq!(failure.to_string(), "host function failed: disk 3 on fire");
    assert!(failure.report().fuel_exact);
    let WasmError::Host(error) = failure.into_error() else { panic!("not the host's error") };
    assert_eq!(error.downcast_ref::<DiskOnFire>(), Some(&DiskOnFire(3)));
}

/// A refusal in a host function's error is the guest's doing, and not the host's failure.
#[tokio::test]
async fn a_refusal_of_a_capability_or_a_quota_comes_back_as_itself() {
    let nothing = CapabilitySet::new();
    let check = nothing.check(Permission::FilesystemRead, "/etc/passwd");
    let denied = check.into_result().unwrap_err();
    let refused = QuotaError::new(QuotaResource::Storage, 2).with_request(1, 2);
    let guest = Guest::core(r#"(func (export "run"))"#);
    let limits = roomy().build().unwrap();
    let run = async |error: wasmtime::Error| {
        let failing = guest.executor.execute_with(
            &guest.component,
            &limits,
            Host::default(),
            async |_, _| Err::<(), _>(error),
        );
        failing.await.unwrap_err().into_error()
    };
    for error in [denied.clone().into(), WasmError::Denied(denied.clone()).into()] {
        let error = run(error).await;
        assert!(matches!(&error, WasmError::Denied(found) if *found == denied), "{error}");
        assert!(error.is_guest_fault());
    }
    let error = run(refused.at_depth(1).into()).await;
    assert!(matches!(error, WasmError::Quota(found) if found.depth() == 1), "{error}");
    assert!(!error.is_guest_fault());
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
    // The fuel left at the call is the fuel left at the end and the cost of the way back.
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

/// A guest answers for the values that it passes, also where host code fails on them.
#[tokio::test]
async fn a_breach_of_the_canonical_abi_is_the_guests_fault() {
    let gives = |body: &str, ty: &str| {
        format!(
            r#"(component
                 (core module $m (memory (export "mem") 1)
                   (data (i32.const 64) "\ff\fe") (func (export "f") (result i32) {body}))
                 (core instance $i (instantiate $m))
                 (func (export "run") (result {ty})
                   (canon lift (core func $i "f") (memory (core memory $i "mem")))))"#
        )
    };
    let string = |ptr: u32, len: u32| {
        format!(
            "(i32.store (i32.const 0) (i32.const {ptr})) (i32.store (i32.const 4) (i32.const {len})) \
             i32.const 0"
        )
    };
    for body in [string(u32::MAX, 9), string(64, 2), "i32.const 1".into()] {
        let failure = Guest::new(&gives(&body, "string"))
            .call::<_, (String,)>(roomy(), "run", ())
            .await
            .unwrap_err();
        assert!(matches!(failure.error(), WasmError::Trap { .. }), "{failure}");
        assert!(failure.error().is_guest_fault());
    }
    let failure = Guest::new(&gives("i32.const 0xd800", "char"))
        .call::<_, (char,)>(roomy(), "run", ())
        .await
        .unwrap_err();
    assert!(matches!(failure.error(), WasmError::Trap { .. }), "{failure}");
}

/// A host function's error about another store, or one that quotes a guest, is the host's error.
#[tokio::test]
async fn a_host_functions_error_is_not_taken_for_a_limit_of_this_store() {
    use std::io;
    let quoting = "store handle limit exceeded, said the guest";
    let errors: [fn() -> wasmtime::Error; 3] = [
        || wasmtime::Trap::OutOfFuel.into(),
        || WasmError::Cancelled.into(),
        || io::Error::other("store handle limit exceeded, said the guest").into(),
    ];
    let guest = Guest::core(r#"(func (export "run"))"#);
    let limits = roomy().build().unwrap();
    for error in errors {
        let failure = guest
            .executor
            .execute_with(&guest.component, &limits, Host::default(), async |_, _| {
                Err::<(), _>(error())
            })
            .await
            .unwrap_err();
        let WasmError::Host(host) = failure.error() else { panic!("{failure}") };
        if let Some(io) = host.downcast_ref::<io::Error>() {
            assert_eq!(io.to_string(), quoting);
        }
    }
}
