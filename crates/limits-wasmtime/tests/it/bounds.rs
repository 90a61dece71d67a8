//! The further bounds of a store.

use limits_wasmtime::limits_core::{
    ResourceLimitsBuilder, StructureCount, StructureLimits, WasmError,
};
use limits_wasmtime::wasmtime::component::{Linker, ResourceTable, ResourceType};
use limits_wasmtime::{
    ComponentExecutor, EngineBuilder, HasLimits, LimitState, create_engine, resource_table,
};

use crate::guest::{Guest, roomy};

fn text(error: &WasmError) -> String {
    assert!(matches!(error, WasmError::LimitExceeded(_)), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn table_elements_are_bounded_in_total() {
    let module = r#"(table 600 funcref) (table 600 funcref) (func (export "run"))"#;
    let failure = Guest::core(module).run(roomy().max_table_elements(1_000)).await.unwrap_err();
    assert_eq!(
        text(failure.error()),
        "table element limit of 1000 elements exceeded: 600 in use, 600 more requested"
    );
    assert!(Guest::core(module).run(roomy().max_table_elements(1_200)).await.is_ok());
}

#[tokio::test]
async fn one_table_that_is_too_large_is_refused_before_instantiation() {
    let module = r#"(table 1001 funcref) (func (export "run"))"#;
    let failure = Guest::core(module).run(roomy().max_table_elements(1_000)).await.unwrap_err();
    assert_eq!(
        text(failure.error()),
        "table element limit of 1000 elements exceeded: 0 in use, 1001 more requested"
    );
    assert_eq!(failure.report().slices, 0);
}

/// Attack B4: memories without bytes exhaust address space.
#[tokio::test]
async fn memories_are_counted_even_if_they_are_empty() {
    let mut text_of = String::from("(component (core module $m (memory 0))");
    for _ in 0..9 {
        text_of.push_str("(core instance (instantiate $m))");
    }
    text_of.push_str(
        r#"(core module $r (func (export "run"))) (core instance $i (instantiate $r))
           (func (export "run") (canon lift (core func $i "run"))))"#,
    );
    let guest = Guest::new(&text_of);
    let failure = guest.run(roomy()).await.unwrap_err();
    assert_eq!(
        text(failure.error()),
        "memory count limit of 8 memories exceeded: 0 in use, 9 more requested"
    );
    assert!(guest.run(roomy().max_memories(9)).await.is_ok());
}

#[tokio::test]
async fn tables_are_counted() {
    let module = r#"(table 0 funcref) (table 0 funcref) (func (export "run"))"#;
    let failure = Guest::core(module).run(roomy().max_tables(1)).await.unwrap_err();
    assert_eq!(
        text(failure.error()),
        "table count limit of 1 tables exceeded: 0 in use, 2 more requested"
    );
}

/// Attack B6/C13: instances cost host memory that no other limit sees.
#[tokio::test]
async fn core_instances_are_counted() {
    let mut component = String::from("(component (core module $m (func (export \"run\")))");
    for _ in 0..10 {
        component.push_str("(core instance (instantiate $m))");
    }
    component.push_str(
        "(core instance $i (instantiate $m))
         (func (export \"run\") (canon lift (core func $i \"run\"))))",
    );
    let guest = Guest::new(&component);
    let failure = guest.run(roomy().max_instances(10)).await.unwrap_err();
    assert_eq!(text(failure.error()), "instance limit of 10 core instances exceeded");
    assert!(guest.run(roomy().max_instances(11)).await.is_ok());
}

const TAKES_AND_GIVES: &str = r#"(component
    (core module $m (memory (export "mem") 64)
      (func (export "takes") (param i32 i32))
      (func (export "gives") (param i32) (result i32)
        (i32.store (i32.const 0) (i32.const 16))
        (i32.store (i32.const 4) (local.get 0))
        i32.const 0)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
    (core instance $i (instantiate $m))
    (func (export "takes") (param "s" string)
      (canon lift (core func $i "takes") (memory (core memory $i "mem"))
        (realloc (core func $i "realloc"))))
    (func (export "gives") (param "n" u32) (result (list u8))
      (canon lift (core func $i "gives") (memory (core memory $i "mem")))))"#;

#[tokio::test]
async fn bytes_that_the_guest_hands_out_are_bounded() {
    let guest = Guest::new(TAKES_AND_GIVES);
    let limits = || roomy().max_copy_bytes(1_000_000);
    let failure = guest.call::<_, (Vec<u8>,)>(limits(), "gives", (1_000_001_u32,)).await;
    assert_eq!(
        text(failure.unwrap_err().error()),
        "copy limit of 1000000 bytes per host call exceeded"
    );
    let (bytes,) =
        guest.call::<_, (Vec<u8>,)>(limits(), "gives", (1_000_000_u32,)).await.unwrap().output;
    assert_eq!(bytes.len(), 1_000_000);
}

#[derive(Debug)]
struct Hoard {
    limits: LimitState,
    table: ResourceTable,
}

impl HasLimits for Hoard {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

struct Thing;

/// A guest that makes host resources in a loop and drops none.
async fn hoard(limits: ResourceLimitsBuilder) -> WasmError {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let bytes = wat::parse_str(
        r#"(component
             (import "thing" (type $thing (sub resource)))
             (import "make" (func $make (result (own $thing))))
             (core func $make' (canon lower (func $make)))
             (core module $m
               (import "host" "make" (func $make (result i32)))
               (func (export "run") (loop $l (drop (call $make)) br $l)))
             (core instance $i (instantiate $m
               (with "host" (instance (export "make" (func $make'))))))
             (func (export "run") (canon lift (core func $i "run"))))"#,
    )
    .unwrap();
    let mut linker = Linker::<Hoard>::new(executor.engine());
    linker.root().resource("thing", ResourceType::host::<Thing>(), |_, _| Ok(())).unwrap();
    linker
        .root()
        .func_wrap("make", |mut cx, (): ()| Ok((cx.data_mut().table.push(Thing)?,)))
        .unwrap();
    let component = executor.prepare(&executor.compile(&bytes).unwrap(), &linker).unwrap();
    let limits = limits.build().unwrap();
    let state = Hoard { limits: LimitState::new(), table: resource_table(&limits) };
    let outcome =
        executor.execute_with_limits::<_, _, ()>(&component, &limits, state, "run", ()).await;
    outcome.unwrap_err().into_error()
}

#[tokio::test]
async fn handles_are_counted() {
    let error = hoard(roomy().max_handles(100).max_resources(1_000)).await;
    assert_eq!(text(&error), "handle limit of 100 handles exceeded");
}

#[tokio::test]
async fn host_resources_are_counted() {
    let error = hoard(roomy().max_handles(1_000).max_resources(100)).await;
    assert_eq!(text(&error), "resource table limit of 100 entries exceeded");
}

#[tokio::test]
async fn recursion_ends_at_the_engines_stack() {
    let failure = Guest::core(r#"(func $r (export "run") call $r)"#).run(roomy()).await;
    assert_eq!(failure.unwrap_err().to_string(), "guest trapped: wasm trap: call stack exhausted");
}

#[tokio::test]
async fn the_stack_is_as_deep_as_the_host_says() {
    let text = crate::guest::wrap(
        r#"(func $down (param i32)
             (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
           (func (export "run") (call $down (i32.const 8000)))"#,
    );
    let run = async |stack: usize| {
        let engine = EngineBuilder::new().max_wasm_stack(stack).build().unwrap();
        Guest::on(ComponentExecutor::new(engine).unwrap(), &text).run(roomy()).await
    };
    assert_eq!(
        run(64 * 1024).await.unwrap_err().to_string(),
        "guest trapped: wasm trap: call stack exhausted"
    );
    assert!(run(4 * 1024 * 1024).await.is_ok());
}

#[tokio::test]
async fn a_component_that_is_too_large_is_not_compiled() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let limits = StructureLimits::default().with(StructureCount::ComponentBytes, 7);
    let error = executor.with_structure_limits(limits).compile(&[0; 8]).unwrap_err();
    assert_eq!(error.to_string(), "component rejected: it has 8 bytes, max_component_bytes is 7");
}
