//! Compiling, linking, calling.

use core::num::NonZeroUsize;

use limits_wasmtime::limits_core::{InvalidCall, ResourceLimits, WasmError};
use limits_wasmtime::wasmtime::component::{Linker, Val};
use limits_wasmtime::{ComponentExecutor, EngineBuilder, create_engine};

use crate::guest::{Guest, Host, roomy};

const ADD: &str = r#"(component
    (core module $m (func (export "add") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1))))
    (core instance $i (instantiate $m))
    (func $add (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
    (export "add" (func $add))
    (instance $ops (export "add" (func $add)))
    (export "example:math/ops@1.2.0" (instance $ops)))"#;

#[tokio::test]
async fn a_typed_export_is_called_by_name_and_through_its_interface() {
    let guest = Guest::new(ADD);
    for export in ["add", "example:math/ops@1.2.0#add"] {
        let result = guest.call::<_, (u32,)>(roomy(), export, (2_u32, 40_u32)).await.unwrap();
        assert_eq!(result.output, (42,));
        assert_eq!(result.fuel_metrics(), &result.report.fuel);
        assert!(result.report.fuel.consumed() > 0);
    }
}

#[tokio::test]
async fn a_dynamically_typed_export_is_called_with_values() {
    let guest = Guest::new(ADD);
    let limits = roomy().build().unwrap();
    let run = async |params: &[Val]| {
        guest
            .executor
            .execute_dynamic(&guest.component, &limits, Host::default(), "add", params)
            .await
    };
    let result = run(&[Val::U32(2), Val::U32(40)]).await.unwrap();
    assert_eq!(result.output, [Val::U32(42)]);
    assert_eq!(
        run(&[Val::U32(2)]).await.unwrap_err().to_string(),
        "invalid call: the component's `add` takes 2 arguments, the caller gave 1; it is func(a: \
         u32, b: u32) -> u32"
    );
}

/// A value that does not fit its type in any part is refused before the guest is entered.
#[tokio::test]
async fn a_dynamically_typed_value_fits_in_all_its_parts_or_not() {
    let text = r#"(component
        (core module $m (memory (export "mem") 1)
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
          (func (export "pair") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
          (func (export "option") (param i32 i32) (result i32) (local.get 1))
          (func (export "list") (param i32 i32) (result i32) (local.get 1)))
        (core instance $i (instantiate $m))
        (type $pair' (record (field "a" u32) (field "b" u32)))
        (export $pair "pair-of" (type $pair'))
        (func (export "tuple") (param "it" (tuple u32 u32)) (result u32)
          (canon lift (core func $i "pair")))
        (func (export "record") (param "it" $pair) (result u32) (canon lift (core func $i "pair")))
        (func (export "option") (param "it" (option u32)) (result u32)
          (canon lift (core func $i "option")))
        (func (export "list") (param "it" (list u32)) (result u32)
          (canon lift (core func $i "list") (memory (core memory $i "mem"))
            (realloc (core func $i "realloc")))))"#;
    let guest = Guest::new(text);
    let limits = roomy().build().unwrap();
    let call = async |export: &str, it: Val| {
        let run = guest.executor.execute_dynamic(
            &guest.component,
            &limits,
            Host::default(),
            export,
            core::slice::from_ref(&it),
        );
        match run.await {
            Ok(result) => Ok(result.output),
            Err(failure) => {
                assert_eq!(failure.report().fuel.consumed(), 0);
                let WasmError::InvalidCall(InvalidCall::ParameterType {
                    parameter: Some(parameter),
                    expected,
                    given,
                    ..
                }) = failure.error()
                else {
                    panic!("{failure}");
                };
                assert_eq!(parameter, "it");
                Err(format!("{expected} <- {given}"))
            }
        }
    };
    let (one, two, text) = (Val::U32(20), Val::U32(22), Val::String("x".into()));
    let field = |name: &str, value: &Val| (String::from(name), value.clone());
    let some = |value: &Val| Val::Option(Some(Box::new(value.clone())));
    let fits = [
        ("tuple", Val::Tuple(vec![one.clone(), two.clone()]), 42),
        ("record", Val::Record(vec![field("a", &one), field("b", &two)]), 42),
        ("option", some(&one), 20),
        ("option", Val::Option(None), 0),
        ("list", Val::List(vec![one.clone(), two.clone()]), 2),
        ("list", Val::List(Vec::new()), 0),
    ];
    for (export, it, sum) in fits {
        assert_eq!(call(export, it).await, Ok(vec![Val::U32(sum)]), "{export}");
    }
    let pair = "record { a: u32, b: u32 }";
    let misfits = [
        ("tuple", Val::Tuple(vec![one.clone()]), "tuple<u32, u32> <- tuple<u32>"),
        (
            "tuple",
            Val::Tuple(vec![one.clone(), two.clone(), two.clone()]),
            "tuple<u32, u32> <- tuple<u32, u32, u32>",
        ),
        (
            "tuple",
            Val::Tuple(vec![one.clone(), text.clone()]),
            "tuple<u32, u32> <- tuple<u32, string>",
        ),
        (
            "tuple",
            Val::Tuple(vec![text.clone(), text.clone()]),
            "tuple<u32, u32> <- tuple<string, string>",
        ),
        ("record", Val::Record(vec![field("a", &one)]), &format!("{pair} <- record {{ a: u32 }}")),
        (
            "record",
            Val::Record(vec![field("a", &one), field("c", &two)]),
            &format!("{pair} <- record {{ a: u32, c: u32 }}"),
        ),
        (
            "record",
            Val::Record(vec![field("a", &one), field("b", &text)]),
            &format!("{pair} <- record {{ a: u32, b: string }}"),
        ),
        (
            "record",
            Val::Record(vec![field("b", &one), field("a", &two)]),
            &format!("{pair} <- record {{ b: u32, a: u32 }}"),
        ),
        ("option", some(&text), "option<u32> <- option<string>"),
        ("option", one.clone(), "option<u32> <- u32"),
        ("list", Val::List(vec![one.clone(), text.clone()]), "list<u32> <- list<u32, string>"),
        ("list", text.clone(), "list<u32> <- string"),
    ];
    for (export, it, types) in misfits {
        assert_eq!(call(export, it.clone()).await.unwrap_err(), types, "{export} of {it:?}");
    }
}

#[tokio::test]
async fn a_wrong_name_or_type_is_an_invalid_call() {
    let guest = Guest::new(ADD);
    let call = async |export: &str| {
        let failure = guest.call::<_, (u64,)>(roomy(), export, (1_u32, 2_u32)).await.unwrap_err();
        assert!(matches!(failure.error(), WasmError::InvalidCall(_)), "{failure}");
        failure.to_string()
    };
    assert_eq!(call("sub").await, "invalid call: the component exports no function `sub`");
    assert_eq!(
        call("example:none/ops#add").await,
        "invalid call: the component exports no function `example:none/ops#add`, did you mean \
         `example:math/ops@1.2.0#add`?"
    );
    assert_eq!(
        call("example:math/ops@1.2.0").await,
        "invalid call: the component exports `example:math/ops@1.2.0`, but not as a function"
    );
    let mismatch = call("add").await;
    assert_eq!(
        mismatch,
        "invalid call: `add`: the component returns `u32`, the caller takes `u64`; it is func(a: \
         u32, b: u32) -> u32"
    );
}

/// Wasmtime describes the two types of a typed call in words; this fails if they change.
#[tokio::test]
async fn a_typed_call_that_does_not_fit_names_the_type_of_each_side() {
    let text = r#"(component
        (core module $m (memory (export "mem") 1)
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
          (func (export "one") (param i32) (result i32) local.get 0)
          (func (export "two") (param i32 i32) (result i32) local.get 0)
          (func (export "text") (param i32 i32)))
        (core instance $i (instantiate $m))
        (func (export "eat") (param "much" u32) (result u32) (canon lift (core func $i "one")))
        (func (export "pair") (param "it" (tuple u32 u32)) (result u32)
          (canon lift (core func $i "two")))
        (func (export "log") (param "line" string)
          (canon lift (core func $i "text") (memory (core memory $i "mem"))
            (realloc (core func $i "realloc")))))"#;
    let guest = Guest::new(text);
    let eat = "; it is func(much: u32) -> u32";
    let failure = guest.call::<_, (u32,)>(roomy(), "eat", ("x",)).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        format!(
            "invalid call: argument `much` of `eat`: the component takes `u32`, the caller gave \
             `string`{eat}"
        )
    );
    let failure = guest.call::<_, (u32,)>(roomy(), "eat", (1_u32, 2_u32)).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        format!("invalid call: the component's `eat` takes 1 argument, the caller gave 2{eat}")
    );
    let failure = guest.call::<_, ()>(roomy(), "eat", (1_u32,)).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        format!("invalid call: the component's `eat` returns 1 result, the caller takes 0{eat}")
    );
    let failure = guest.call::<_, (u32,)>(roomy(), "pair", ((1_u32, "x"),)).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "invalid call: argument `it` of `pair`: the component takes `u32`, the caller gave \
         `string`; it is func(it: tuple<u32, u32>) -> u32"
    );
    let failure = guest.call::<_, (u32,)>(roomy(), "pair", ((1_u32,),)).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "invalid call: argument `it` of `pair`: the component takes `2-tuple`, the caller gave \
         `1-tuple`; it is func(it: tuple<u32, u32>) -> u32"
    );
    let failure = guest.call::<_, ()>(roomy(), "log", (7_u32,)).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "invalid call: argument `line` of `log`: the component takes `string`, the caller gave \
         `u32`; it is func(line: string)"
    );
}

#[test]
fn what_is_not_a_component_is_refused_with_advice() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let core = wat::parse_str("(module)").unwrap();
    assert_eq!(
        executor.compile(&core).unwrap_err().to_string(),
        "invalid component: this is a core module, not a component; turn it into one with \
         `wasm-tools component new`, for a WASI preview 1 module with `--adapt` and the \
         wasi_snapshot_preview1 adapter"
    );
    assert_eq!(
        executor.compile(b"(component)").unwrap_err().to_string(),
        "invalid component: this is no binary component; turn component text into one with \
         `wat::parse_bytes` or `wasm-tools parse`"
    );
    for junk in [&b""[..], b"junk", b"\0asm\x0d\0\x01\0junk"] {
        let error = executor.compile(junk).unwrap_err();
        assert!(matches!(error, WasmError::InvalidComponent { .. }), "{error}");
    }
}

#[test]
fn features_that_no_toolchain_emits_are_off() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    for module in [
        "(module (memory i64 1))",
        "(module (memory 1 1 (pagesize 1)))",
        "(module (tag))",
        "(module (type $f (func)) (func (param (ref $f))))",
        "(module (func (param i64 i64 i64 i64) (result i64 i64)
           (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3))))",
        "(module (func (param v128) (result v128)
           (i32x4.relaxed_trunc_f32x4_s (local.get 0))))",
        "(module (memory 1 1 shared))",
        "(module (type (struct)))",
        "(module (func return_call 0))",
    ] {
        let bytes = wat::parse_str(format!("(component (core {}", &module[1..]) + ")").unwrap();
        let error = executor.compile(&bytes).unwrap_err();
        assert!(matches!(error, WasmError::InvalidComponent { .. }), "{module}: {error}");
    }
}

#[test]
fn features_that_no_limit_sees_stay_off_whatever_the_host_configures() {
    let engine = EngineBuilder::new().configure(|config| {
        config.wasm_threads(true).shared_memory(true).wasm_function_references(true);
        config.wasm_gc(true).wasm_exceptions(true).gc_support(true).concurrency_support(true);
        config.wasm_tail_call(true);
    });
    let executor = ComponentExecutor::new(engine.build().unwrap()).unwrap();
    let compile = |module: &str| {
        let text = format!("(component (core {})", &module[1..]);
        executor.compile(&wat::parse_str(text).unwrap())
    };
    for module in ["(module (memory 1 1 shared))", "(module (type (struct)))", "(module (tag))"] {
        let error = compile(module).unwrap_err();
        assert!(matches!(error, WasmError::InvalidComponent { .. }), "{module}: {error}");
    }
    assert!(compile("(module (func return_call 0))").is_ok());
}

#[test]
fn a_missing_import_is_named() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let bytes = wat::parse_str(r#"(component (import "nonesuch" (func)))"#).unwrap();
    let component = executor.compile(&bytes).unwrap();
    let linker = Linker::<Host>::new(executor.engine());
    let error = executor.prepare(&component, &linker).unwrap_err().to_string();
    assert!(error.starts_with("invalid component: "), "{error}");
    assert!(error.contains("`nonesuch`"), "{error}");
}

#[test]
fn what_a_component_writes_into_an_error_is_escaped() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let bytes = wat::parse_str(r#"(component (import "evil\1b[2J" (func)))"#).unwrap();
    let error = executor.compile(&bytes).unwrap_err().to_string();
    assert!(error.contains(r"evil\u{1b}[2J"), "{error}");
    assert!(!error.contains('\u{1b}'), "{error}");
}

#[tokio::test]
async fn one_execution_too_many_is_refused() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let executor = executor.with_max_concurrent(NonZeroUsize::MIN);
    let text = crate::guest::wrap(
        r#"(import "host" "sleep" (func $sleep)) (func (export "run") (call $sleep))"#,
    );
    let guest = Guest::on(executor, &text);
    let limits = || roomy().execution_timeout_ms(50);
    let (first, second) = tokio::join!(guest.run(limits()), guest.run(limits()));
    assert!(matches!(first.unwrap_err().error(), WasmError::ExecutionTimeout { .. }));
    assert_eq!(
        second.unwrap_err().to_string(),
        "host busy: 1 executions are running, the most allowed"
    );
    let third = guest.run(limits()).await.unwrap_err();
    assert!(matches!(third.error(), WasmError::ExecutionTimeout { .. }), "{third}");
}

#[test]
fn outside_a_runtime_it_is_an_error_and_not_a_panic() {
    let guest = Guest::core("(func (export \"run\"))");
    let mut run = core::pin::pin!(guest.run(roomy()));
    let waker = core::task::Waker::noop();
    let core::task::Poll::Ready(outcome) =
        run.as_mut().poll(&mut core::task::Context::from_waker(waker))
    else {
        panic!("waits for a runtime that is not there");
    };
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "invalid configuration: executions must be awaited inside a tokio runtime with its timer \
         enabled"
    );
}

#[tokio::test]
async fn a_pool_bounds_the_sum_over_all_stores() {
    let limits = ResourceLimits::builder().memory_bytes(1 << 20).max_memories(1).max_tables(1);
    let limits = limits.max_instances(4).execution_timeout_ms(10_000);
    let engine = EngineBuilder::new().pooling(1, &limits.build().unwrap()).build().unwrap();
    let executor = ComponentExecutor::new(engine).unwrap();
    let guest = Guest::on(executor, &crate::guest::wrap(r#"(memory 2) (func (export "run"))"#));
    assert!(guest.run(limits).await.is_ok());
    let built = limits.build().unwrap();
    let first =
        guest.executor.instantiate(&guest.component, &built, Host::default()).await.unwrap();
    let second = guest.executor.instantiate(&guest.component, &built, Host::default()).await;
    assert!(second.is_err(), "a pool of one had room for two");
    drop(first);
    assert!(guest.run(limits).await.is_ok());
}

#[tokio::test]
async fn a_guests_failure_shows_no_guest_chosen_name() {
    // Attack E3: a short mangled name that unfolds to megabytes when a backtrace is formatted.
    let module = r#"(func (export "run") (call $_Z1f1AIiiES_IS0_S0_ES_IS1_S1_E))
        (func $_Z1f1AIiiES_IS0_S0_ES_IS1_S1_E unreachable)"#;
    let failure = Guest::core(module).run(roomy()).await.unwrap_err();
    let all = format!("{failure} {failure:?}");
    assert!(!all.contains("_Z1f"), "{all}");
}

#[tokio::test]
async fn dynamic_values_are_checked_before_the_guest_is_entered() {
    let guest = Guest::new(ADD);
    let limits = roomy().build().unwrap();
    let failure = guest
        .executor
        .execute_dynamic(
            &guest.component,
            &limits,
            Host::default(),
            "add",
            &[Val::U32(1), Val::String("2".into())],
        )
        .await
        .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "invalid call: argument `b` of `add`: the component takes `u32`, the caller gave `string`; \
         it is func(a: u32, b: u32) -> u32"
    );
}

#[test]
fn a_component_of_another_engine_is_refused() {
    let bytes = wat::parse_str(ADD).unwrap();
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let other = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let foreign = other.compile(&bytes).unwrap();
    let linker = Linker::<Host>::new(executor.engine());
    assert_eq!(
        executor.prepare(&foreign, &linker).unwrap_err().to_string(),
        "invalid configuration: component, linker and executor must be made with the same engine"
    );
}

#[tokio::test]
async fn an_export_is_found_once_for_many_executions() {
    let guest = Guest::new(ADD);
    let add = guest.component.func::<(u32, u32), (u32,)>("add").unwrap();
    assert_eq!(add.export(), "add");
    let limits = roomy().build().unwrap();
    for n in 0..3_u32 {
        let run = guest.executor.execute_function(&add, &limits, Host::default(), (n, 40));
        assert_eq!(run.await.unwrap().output, (n + 40,));
    }
    let error = guest.component.func::<(u32, u32), (u32,)>("adds").unwrap_err();
    assert!(matches!(error, WasmError::InvalidCall(_)), "{error}");
    // The types are those of the component, which only a store knows.
    let wrong = guest.component.func::<(u32, u32), (String,)>("add").unwrap();
    let run = guest.executor.execute_function(&wrong, &limits, Host::default(), (1, 2));
    let failure = run.await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::InvalidCall(_)), "{failure}");
}
