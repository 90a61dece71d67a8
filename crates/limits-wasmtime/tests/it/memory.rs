//! Memory is the store's total.

use limits_wasmtime::limits_core::WasmError;
use limits_wasmtime::{ComponentExecutor, EngineBuilder};

use crate::guest::{Guest, roomy};

const PAGE: u64 = 65_536;

/// Three core instances with a memory each, in one component.
fn three_memories(pages: u32) -> String {
    format!(
        r#"(component
             (core module $m (memory (export "mem") {pages})
               (func (export "grow") (result i32) (memory.grow (i32.const 1))))
             (core instance $a (instantiate $m))
             (core instance $b (instantiate $m))
             (core instance $c (instantiate $m))
             (func (export "a") (result s32) (canon lift (core func $a "grow")))
             (func (export "b") (result s32) (canon lift (core func $b "grow")))
             (func (export "c") (result s32) (canon lift (core func $c "grow"))))"#
    )
}

#[tokio::test]
async fn three_memories_cannot_pass_their_total() {
    let guest = Guest::new(&three_memories(1));
    // Two fit, the third does not.
    let failure = guest.call::<_, (i32,)>(roomy().memory_bytes(2 * PAGE), "a", ()).await;
    let failure = failure.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "out of memory: memory limit of 131072 bytes exceeded: 131072 in use, 65536 more requested"
    );
    // All fit; growing any of them does not.
    for export in ["a", "b", "c"] {
        let result =
            guest.call::<_, (i32,)>(roomy().memory_bytes(3 * PAGE), export, ()).await.unwrap();
        assert_eq!(result.output, (-1,));
        assert_eq!(result.report.peak_memory_bytes, 3 * PAGE);
        assert_eq!(result.report.refusals, 1);
        assert_eq!(
            result.report.last_refusal.unwrap().to_string(),
            "memory limit of 196608 bytes exceeded: 196608 in use, 65536 more requested"
        );
    }
    let result = guest.call::<_, (i32,)>(roomy().memory_bytes(4 * PAGE), "b", ()).await.unwrap();
    assert_eq!((result.output, result.report.peak_memory_bytes), ((1,), 4 * PAGE));
}

#[tokio::test]
async fn initial_memory_counts() {
    let guest = Guest::core(r#"(memory 32) (func (export "run"))"#);
    let failure = guest.run(roomy().memory_bytes(32 * PAGE - 1)).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "out of memory: memory limit of 2097151 bytes exceeded: 0 in use, 2097152 more requested"
    );
    let result = guest.run(roomy().memory_bytes(32 * PAGE)).await.unwrap();
    assert_eq!(result.report.peak_memory_bytes, 32 * PAGE);
    assert_eq!(result.report.max_memory_bytes, 32 * PAGE);
}

#[tokio::test]
async fn growth_stops_at_the_limit_and_is_counted() {
    let module = r#"(memory 1)
        (func (export "run")
          (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))"#;
    let report = Guest::core(module).run(roomy().memory_bytes(10 * PAGE)).await.unwrap().report;
    assert_eq!((report.peak_memory_bytes, report.refusals), (10 * PAGE, 1));
}

/// Attack B7: growth past the memory's own maximum must not drift the sum, in either direction.
#[tokio::test]
async fn i2_failed_growth_leaves_the_sum_as_it_was() {
    let module = r#"(memory $m 1 3)
        (func (export "run") (local $i i32)
          (loop $l
            (drop (memory.grow (i32.const 5)))
            (drop (memory.grow (i32.const 70000)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 40))))
          (if (i32.ne (memory.grow (i32.const 2)) (i32.const 1)) (then unreachable))
          (drop (memory.grow (i32.const -1)))
          (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable)))"#;
    let report = Guest::core(module).run(roomy().memory_bytes(3 * PAGE)).await.unwrap().report;
    assert_eq!(report.peak_memory_bytes, 3 * PAGE);
}

#[tokio::test]
async fn a_trap_after_a_refused_growth_is_a_trap_that_tells_of_the_refusal() {
    let module = r#"(memory 1)
        (func (export "run")
          (if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable)))"#;
    let failure = Guest::core(module).run(roomy().memory_bytes(2 * PAGE)).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::Trap { .. }), "{failure}");
    assert_eq!(failure.report().refusals, 1);
    assert!(failure.report().last_refusal.is_some());
}

/// A start function's refused growth is the guest's to handle, and does not fail instantiation.
#[tokio::test]
async fn a_trap_in_a_start_function_is_a_trap_even_after_a_refusal() {
    let module = r#"(memory 1)
        (func $start (drop (memory.grow (i32.const 100))) unreachable)
        (start $start)
        (func (export "run"))"#;
    let failure = Guest::core(module).run(roomy().memory_bytes(2 * PAGE)).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::Trap { .. }), "{failure}");
    assert_eq!(failure.report().refusals, 1);
}

#[tokio::test]
async fn tables_count_eight_bytes_an_element() {
    let module = r#"(table $t 1000 funcref)
        (func (export "run")
          (if (i32.ne (table.grow $t (ref.null func) (i32.const 24)) (i32.const 1000))
            (then unreachable))
          (if (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1))
            (then unreachable)))"#;
    let report = Guest::core(module).run(roomy().memory_bytes(8_192)).await.unwrap().report;
    assert_eq!((report.peak_memory_bytes, report.refusals), (8_192, 1));
}

/// I2 where the host allows pages of one byte, whose growth can fail without being asked for.
#[tokio::test]
async fn i2_an_unasked_failure_hands_nothing_back() {
    let module = |n: u32| {
        let grow = "(drop (memory.grow (i32.const -1)))";
        format!(
            r#"(memory 0 (pagesize 1)) (table {n} funcref) (func $s {grow}) (start $s)
               (func (export "run"))"#
        )
    };
    let engine = EngineBuilder::new()
        .configure(|config| {
            config.wasm_custom_page_sizes(true);
        })
        .build()
        .unwrap();
    let executor = ComponentExecutor::new(engine).unwrap();
    let text = format!(
        r#"(component
             (core module $t {}) (core instance (instantiate $t)) (core instance (instantiate $t))
             (core module $m (func (export "run"))) (core instance $i (instantiate $m))
             (func (export "run") (canon lift (core func $i "run"))))"#,
        module(800)
    );
    let guest = Guest::on(executor, &text);
    let failure = guest.run(roomy().max_table_elements(1_000)).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "table element limit of 1000 elements exceeded: 800 in use, 800 more requested"
    );
}

/// The error of a trap is all that many hosts log, and the refusal before it is the reason.
#[tokio::test]
async fn a_trap_after_a_refused_growth_tells_of_it() {
    let module = r#"(memory 1)
        (func (export "run")
          (if (i32.eq (memory.grow (i32.const 3)) (i32.const -1)) (then unreachable)))"#;
    let failure = Guest::core(module).run(roomy().memory_bytes(2 * 65_536)).await.unwrap_err();
    let trap = "guest trapped: wasm trap: wasm `unreachable` instruction executed";
    assert_eq!(failure.error().to_string(), trap);
    assert_eq!(
        failure.to_string(),
        format!(
            "{trap}; it had been refused memory before: memory limit of 131072 bytes exceeded: \
             65536 in use, 196608 more requested"
        )
    );
}
