//! Each count of a component's structure, exactly at its limit and one past it.

use limits_wasmtime::Structure;
use limits_wasmtime::limits_core::{Blame, StructureCount, StructureLimits, WasmError};

use super::{under, unlimited};

const MODULE: &str = "(component (core module $m ";

/// A component around the text of a module, which it does not instantiate.
fn module(text: &str) -> String {
    format!("{MODULE}{text}))")
}

/// A component around a module with an import, a function without parameters, and one with a body.
fn body(text: &str) -> String {
    module(&format!("(import \"a\" \"b\" (func)) (func) (func (param i32 i64) {text})"))
}

/// A component that passes the limit of `count` when it may have one less, with the error's end.
fn cases() -> Vec<(StructureCount, String, u64, &'static str)> {
    use StructureCount as C;
    let global = r#"(import "a" "g" (global i32))"#;
    vec![
        (C::ComponentBytes, "(component)".into(), 8, "bytes, max_component_bytes is 7"),
        (
            C::Functions,
            format!(
                "{MODULE} (func) (func (export \"f\"))) (core instance $i (instantiate $m)) \
                 (core module (func)) (func (canon lift (core func $i \"f\"))))"
            ),
            4,
            "functions, max_functions is 3",
        ),
        (
            C::BodyBytes,
            body("nop nop nop"),
            5,
            "bytes in the body of one function, max_body_bytes is 4 (module 0, function 2)",
        ),
        (
            C::Locals,
            body("(local i32 i32 i32 f64)"),
            6,
            "locals in one function, max_locals is 5 (module 0, function 2)",
        ),
        (
            C::Blocks,
            body(
                "(block (loop (br 0))) (if (local.get 0) (then) (else)) (br_if 0 (local.get 0)) \
                 (block (br_table 0 0 (local.get 0)))",
            ),
            8,
            "blocks in one function, max_blocks is 7 (module 0, function 2)",
        ),
        (
            C::LocalBlocks,
            body("(local i32) (block) (block)"),
            6,
            "locals times blocks in one function, max_local_blocks is 5 (module 0, function 2)",
        ),
        (
            C::LocalLoops,
            body("(local i32) (loop (block (loop))) (loop)"),
            6,
            "locals times nested loops in one function, max_local_loops is 5 (module 0, \
             function 2)",
        ),
        (
            C::Nesting,
            body("(block) (block (loop (if (local.get 0) (then)))) (block)"),
            3,
            "nested blocks in one function, max_nesting is 2 (module 0, function 2)",
        ),
        (
            C::Loops,
            body("(loop (block (loop))) (loop)"),
            3,
            "loops in one function, max_loops is 2 (module 0, function 2)",
        ),
        (
            C::LoopNesting,
            body("(loop) (loop (block (loop)) (block (loop)))"),
            2,
            "nested loops in one function, max_loop_nesting is 1 (module 0, function 2)",
        ),
        (
            C::BranchTargets,
            body("(br_table 0 0 0 (local.get 0)) unreachable (br_table 0 0 (local.get 0))"),
            3,
            "branch targets in one function, max_branch_targets is 2 (module 0, function 2)",
        ),
        (
            C::Calls,
            module(
                "(memory 1) (table 1 funcref) (data) (elem func) (func \
                   (call 0) (call_indirect (i32.const 0)) \
                   (drop (memory.grow (i32.const 0))) \
                   (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)) \
                   (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)) \
                   (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0)) \
                   (table.set (i32.const 0) (table.get (i32.const 0))) \
                   (drop (table.grow (ref.null func) (i32.const 0))) \
                   (table.fill (i32.const 0) (ref.null func) (i32.const 0)) \
                   (table.copy (i32.const 0) (i32.const 0) (i32.const 0)) \
                   (table.init 0 (i32.const 0) (i32.const 0) (i32.const 0)))",
            ),
            12,
            "calls in one function, max_calls is 11 (module 0, function 0)",
        ),
        (
            C::Values,
            module(
                "(type $t (func (param i32 i32) (result i32))) (table 1 funcref) \
                 (func $f (type $t) i32.const 0) \
                 (func (result i32) \
                   (call $f (i32.const 0) (i32.const 0)) \
                   (call_indirect (type $t) (i32.const 0) (i32.const 0)) \
                   (block (type $t) (br 0)) \
                   (loop (type $t) (br 0)) \
                   (loop (type $t) (br 0)) \
                   (br_table 0 0 (i32.const 0) (i32.const 0)))",
            ),
            3 + 3 + (3 + 1) + 2 * (3 + 2) + 2,
            "values handed on in one function, max_values is 21 (module 0, function 1)",
        ),
        (
            C::Globals,
            module("(global i32 i32.const 0) (global i64 i64.const 0)"),
            2,
            "globals in one module, max_globals is 1 (module 0)",
        ),
        (
            C::Segments,
            module("(memory 1) (table 1 funcref) (data) (data (i32.const 0) \"x\") (elem func)"),
            3,
            "segments in one module, max_segments is 2 (module 0)",
        ),
        (
            C::ComputedSegments,
            module(&format!(
                "{global} (memory 1) (table 1 funcref) (data (global.get 0) \"x\") (data) \
                 (data (i32.const 0)) (elem (global.get 0) func) (elem func)"
            )),
            2,
            "segments with a computed place in one module, max_computed_segments is 1 (module 0)",
        ),
        (
            C::Elements,
            module("(func) (table 3 funcref) (elem func 0 0) (elem (i32.const 0) func 0)"),
            3,
            "elements in one module, max_elements is 2 (module 0)",
        ),
        (
            C::ComputedElements,
            module(&format!(
                "{global} (func) (table 3 funcref) (elem (i32.const 0) func 0) \
                 (elem (global.get 0) func 0 0)"
            )),
            2,
            "elements with a computed place in one module, max_computed_elements is 1 (module 0)",
        ),
        (
            C::ConstantOperators,
            module(
                "(memory 1) (table 1 funcref) (func) \
                 (global i32 (i32.add (i32.const 1) (i32.const 2))) (data (i32.const 0)) \
                 (elem (i32.const 0) funcref (ref.func 0))",
            ),
            6,
            "constant operators in one module, max_constant_operators is 5 (module 0)",
        ),
        (
            C::Memories,
            "(component (core module (memory 1)) (core module (memory 1)))".into(),
            2,
            "memories, max_memories is 1 (module 1)",
        ),
        (
            C::Tables,
            "(component (core module (table 1 funcref)) (core module (table 1 funcref)))".into(),
            2,
            "tables, max_tables is 1 (module 1)",
        ),
        (
            C::Imports,
            "(component (import \"a\" (func)) (type (component (import \"b\" (func)))) \
             (core type (module (import \"c\" \"d\" (func)))) \
             (component (core module (import \"e\" \"f\" (func)))))"
                .into(),
            4,
            "imports, max_imports is 3 (module 0)",
        ),
        (
            C::Exports,
            "(component (import \"a\" (func $f)) (export \"b\" (func $f)) \
             (type (instance (export \"c\" (func)))) \
             (core type (module (export \"d\" (func)))) \
             (component (core module (memory 1) (export \"e\" (memory 0)))))"
                .into(),
            4,
            "exports, max_exports is 3 (module 0)",
        ),
        (
            C::NameBytes,
            "(component (component (type (record (field \"abc\" u8)))))".into(),
            3,
            "bytes in one name, max_name_bytes is 2 (nested component 0)",
        ),
        (
            C::Types,
            "(component (type (instance (type u8) (type u16))) (core type (func)) \
             (core module (type (func)) (type (func (param i32)))))"
                .into(),
            6,
            "types, max_types is 5 (module 0)",
        ),
        (
            C::TypeSize,
            "(component (type $a (list u8)) (type (tuple $a $a u8)))".into(),
            6,
            "parts in one type, max_type_size is 5",
        ),
        (
            C::TypeNesting,
            "(component (type (instance (type (instance)) (type (component)))))".into(),
            2,
            "nested types, max_type_nesting is 1",
        ),
        (
            C::Modules,
            "(component (core module) (component (core module)))".into(),
            2,
            "core modules, max_modules is 1 (nested component 0)",
        ),
        (
            C::Components,
            "(component (component (component)) (component))".into(),
            3,
            "nested components, max_components is 2",
        ),
        (
            C::ComponentNesting,
            "(component (component) (component (component)))".into(),
            2,
            "levels of nested components, max_component_nesting is 1 (nested component 1)",
        ),
        (
            C::CoreInstances,
            format!("{MODULE}) (core instance (instantiate $m)) (core instance (instantiate $m)))"),
            2,
            "core instances, max_core_instances is 1",
        ),
        (
            C::InstanceBytes,
            format!(
                "{MODULE} (import \"a\" \"b\" (func)) (memory 1) (table 2 funcref) \
                 (global i32 i32.const 0) (func $f) (func) (export \"f\" (func $f)) \
                 (elem func 0) (elem (i32.const 0) func 0) (data \"x\")) \
                 (import \"f\" (func $g)) (core func $h (canon lower (func $g))) \
                 (core instance (instantiate $m (with \"a\" (instance (export \"b\" (func $h)))))))"
            ),
            512 + 32 + 256 + 128 + 16 + 3 * 32 + (32 + 16) + 32,
            "bytes of the host for core instances, max_instance_bytes is 1119",
        ),
        (
            C::ComponentInstances,
            "(component (component $c) (instance (instantiate $c)))".into(),
            2,
            "component instances, max_component_instances is 1",
        ),
        (
            C::InstantiationSteps,
            // The component with its type, its nested component and the instance of it, which has
            // a type; and the end of each instance.
            "(component (type u8) (component $c (type u8)) (instance (instantiate $c)))".into(),
            3 + 1 + 2,
            "steps of one instantiation, max_instantiation_steps is 5",
        ),
    ]
}

// I92
#[test]
fn each_count_is_let_through_at_its_limit_and_refused_one_past_it() {
    for (count, text, found, end) in cases() {
        let counted = under(&text, count, found).unwrap();
        assert_eq!(counted.get(count), found, "{count:?}");
        let error = under(&text, count, found - 1).unwrap_err();
        assert_eq!(error, format!("component rejected: it has {found} {end}"));
    }
}

#[test]
fn names_are_measured_wherever_they_stand() {
    for item in [
        r#"(import "name" (func))"#,
        r#"(import "f" (func $f)) (export "name" (func $f))"#,
        r#"(type (func (param "name" u8)))"#,
        r#"(type (record (field "name" u8)))"#,
        r#"(type (variant (case "name")))"#,
        r#"(type (flags "name"))"#,
        r#"(type (enum "name"))"#,
        r#"(type (instance (export "name" (func))))"#,
        r#"(type (component (import "name" (func))))"#,
        r#"(core type (module (import "name" "f" (func))))"#,
        r#"(core type (module (import "f" "name" (func))))"#,
        r#"(core type (module (export "name" (func))))"#,
        r#"(core module (import "name" "f" (func)))"#,
        r#"(core module (import "f" "name" (func)))"#,
        r#"(core module (func (export "name")))"#,
    ] {
        let text = format!("(component {item})");
        let counted = under(&text, StructureCount::NameBytes, 4).unwrap();
        assert_eq!(counted.get(StructureCount::NameBytes), 4, "{item}");
        assert!(under(&text, StructureCount::NameBytes, 3).is_err(), "{item}");
    }
}

#[test]
fn each_count_has_a_case() {
    let cases = cases();
    assert!(StructureCount::ALL.iter().all(|count| cases.iter().any(|case| case.0 == *count)));
}

// I92
#[test]
fn kept_counts_are_checked_as_the_component_was_without_the_place() {
    for (count, text, found, end) in cases() {
        let structure = under(&text, count, found).unwrap();
        let kept = Structure::from_counts(&structure.to_counts()).unwrap();
        assert_eq!(kept, structure);
        assert!(kept.check(&unlimited().with(count, found)).is_ok());
        let error = kept.check(&unlimited().with(count, found - 1)).unwrap_err();
        let end = end.split(" (").next().unwrap();
        assert_eq!(error.to_string(), format!("component rejected: it has {found} {end}"));
    }
}

#[test]
fn counts_of_another_version_are_none() {
    let counts = under("(component)", StructureCount::Types, 0).unwrap().to_counts();
    assert_eq!(Structure::from_counts(&counts[1..]), None);
    assert_eq!(Structure::from_counts(&[]), None);
}

#[test]
fn a_rejection_is_the_callers_to_handle() {
    let bytes = wat::parse_str("(component)").unwrap();
    let limits = StructureLimits::default().with(StructureCount::ComponentBytes, 0);
    let error = Structure::of(&bytes, &limits).unwrap_err();
    assert!(matches!(error, WasmError::Rejected(_)), "{error:?}");
    assert_eq!(error.blame(), Blame::Caller);
}

#[test]
fn custom_sections_and_data_are_no_code() {
    let plain = under(&module("(memory 1) (data \"\")"), StructureCount::Types, 9).unwrap();
    let padded = module(&format!(
        "(memory 1) (data \"{}\") (@custom \"x\" \"{}\")",
        "d".repeat(1_000),
        "c".repeat(1_000)
    ));
    let padded = under(&padded, StructureCount::Types, 9).unwrap();
    let sizes = padded.get(StructureCount::ComponentBytes) - 2_000;
    assert!(sizes > plain.get(StructureCount::ComponentBytes));
    // Longer lengths of the sections, and the custom section's header.
    let more = padded.code_bytes() - plain.code_bytes();
    assert!(more < 10, "{more}");
    assert!(plain.code_bytes() <= plain.get(StructureCount::ComponentBytes));
}
