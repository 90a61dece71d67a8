//! Bytes that are made to break the count itself.

use std::thread;

use limits_wasmtime::Structure;
use limits_wasmtime::limits_core::{StructureCount, StructureLimits};
use proptest::prelude::*;

use super::{under, unlimited};

/// A component with a section of each kind, and with each form of type.
const RICH: &str = r#"(component $outer
    (type $r (resource (rep i32)))
    (type $prims (tuple bool s8 u8 s16 u16 s32 u32 s64 u64 f32 f64 char string))
    (type $rec (record (field "a" u8) (field "b" $prims)))
    (type $var (variant (case "a") (case "b" $rec)))
    (type $flags (flags "x" "y"))
    (type $enum (enum "x" "y"))
    (type $own (own $r))
    (type $borrow (borrow $r))
    (type $res (result $rec (error string)))
    (type $bare (result))
    (type $opt (option $var))
    (type $stream (stream u8))
    (type $future (future))
    (type $fixed (list u8 4))
    (type $map (map string u8))
    (type $f (func (param "x" $opt) (result (list $flags))))
    (type $inst (instance
        (type $t (list u8)) (export "t" (type (eq $t))) (export "r" (type (sub resource)))
        (alias outer $outer $f (type $g)) (export "g" (func (type $g)))
        (core type (module (type (func)) (import "a" "b" (func (type 0))) (export "c" (memory 1))))
        (type (component (import "i" (func)) (export "e" (func))))))
    (core type $core (func (param i32) (result i64)))
    (import "host" (instance $host (type $inst)))
    (import "m" (core module $imported (import "a" "b" (func)) (export "x" (memory 1))))
    (import "f" (func $lib (param "n" u32)))
    (core func $low (canon lower (func $lib)))
    (core module $m
        (type $two (func (param i32 i32) (result i32)))
        (import "a" "b" (func $imp (param i32)))
        (import "a" "g" (global $base i32))
        (memory (export "mem") 1)
        (table $tab 4 funcref)
        (global $g (mut i32) (i32.add (i32.const 1) (i32.const 2)))
        (elem (global.get $base) func $imp $run)
        (elem declare func $run)
        (elem funcref (ref.func $run) (ref.null func))
        (data (i32.const 8) "hello")
        (data "passive")
        (func $run (export "run") (param i32) (result i32) (local i64 f32)
            (block (loop (br_if 1 (local.get 0)) (br_table 0 1 (local.get 0))))
            (if (result i32) (local.get 0)
                (then (call_indirect (type $two) (i32.const 0) (i32.const 1) (i32.const 2)))
                (else (drop (ref.func $run)) (i32.const 1))))
        (func $start) (start $start))
    (core module $b (global (export "g") i32 (i32.const 0)))
    (core instance $bi (instantiate $b))
    (core instance $i (instantiate $m (with "a"
        (instance (export "b" (func $low)) (export "g" (global $bi "g"))))))
    (func $lifted (param "n" u32) (result u32) (canon lift (core func $i "run")))
    (component $c (import "x" (func)) (export "y" (func 0)))
    (export "run" (func $lifted)))"#;

#[test]
fn all_forms_of_types_are_read() {
    let structure = under(RICH, StructureCount::ComponentBytes, 10_000).unwrap();
    assert_eq!(structure.get(StructureCount::TypeNesting), 2);
    assert_eq!(structure.get(StructureCount::InstanceBytes) % 16, 0);
    assert_eq!(structure.get(StructureCount::CoreInstances), 2);
    // The option of a variant of a record of a tuple, a function with it and a list of flags, and
    // the instance that aliases and exports the function, and exports a list and a resource.
    let option = 1 + (1 + 1 + (1 + 1 + 14));
    let function = 1 + option + (1 + 3);
    assert_eq!(structure.get(StructureCount::TypeSize), 1 + 1 + function + 2 + 1);
}

/// The same type again and again: its parts double with each line.
#[test]
fn types_that_grow_beyond_counting_are_counted_as_the_largest_number() {
    let mut text = String::from("(component (type $t0 u8)");
    for level in 0..200 {
        text += &format!("(type $t{} (tuple $t{level} $t{level}))", level + 1);
    }
    text += ")";
    let structure = under(&text, StructureCount::Types, 1_000).unwrap();
    assert_eq!(structure.get(StructureCount::TypeSize), u64::MAX);
    let bytes = wat::parse_str(&text).unwrap();
    assert_eq!(
        Structure::of(&bytes, &StructureLimits::default()).unwrap_err().to_string(),
        "component rejected: it has 16383 parts in one type, max_type_size is 10000"
    );
}

/// Returns a section, or a type, `levels` deep: three bytes a level.
fn nested_types(levels: usize, open: u8) -> Vec<u8> {
    let mut section = vec![1];
    section.extend([open, 1, 1].repeat(levels));
    section.push(0x7d);
    section_of(7, &section)
}

pub(super) fn section_of(id: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.push(id);
    let mut rest = content.len();
    while rest >= 0x80 {
        bytes.push(u8::try_from(rest % 0x80).unwrap() | 0x80);
        rest /= 0x80;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes.extend(content);
    bytes
}

// I93
/// The parser of Wasmtime reads them recursively, and ends the process of a host that lets it:
/// ten thousand levels, 30 KB, are enough for a stack of 8 MB.
#[test]
fn types_that_nest_deeply_are_refused_without_a_stack() {
    let read = || {
        for open in [0x41, 0x42] {
            let bytes = nested_types(1_000_000, open);
            assert_eq!(
                Structure::of(&bytes, &StructureLimits::default()).unwrap_err().to_string(),
                "component rejected: it has 17 nested types, max_type_nesting is 16"
            );
            // No limit of an operator lifts this bound.
            assert_eq!(
                Structure::of(&bytes, &unlimited()).unwrap_err().to_string(),
                "component rejected: it has 101 nested types, max_type_nesting is 100"
            );
            assert!(Structure::of(&nested_types(100, open), &unlimited()).is_ok());
        }
    };
    thread::Builder::new().stack_size(256 << 10).spawn(read).unwrap().join().unwrap();
}

// I93
#[test]
fn components_that_nest_deeply_are_refused_without_a_stack() {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..2_000 {
        bytes = section_of(4, &bytes);
    }
    let read = move || {
        assert_eq!(
            Structure::of(&bytes, &StructureLimits::default()).unwrap_err().to_string(),
            "component rejected: it has 17 levels of nested components, max_component_nesting is 16 \
             (nested component 15)"
        );
        let structure = Structure::of(&bytes, &unlimited()).unwrap();
        assert_eq!(structure.get(StructureCount::ComponentNesting), 2_000);
    };
    thread::Builder::new().stack_size(256 << 10).spawn(read).unwrap().join().unwrap();
}

// I94
/// Nothing that validates is like this, but validating comes later.
#[test]
fn a_component_that_is_its_own_argument_is_followed_to_a_bound() {
    let text = r#"(component
        (component $c (import "x" (component $x))
            (instance (instantiate $x (with "x" (component $x)))))
        (instance (instantiate $c (with "x" (component $c)))))"#;
    let bytes = wat::parse_str(text).unwrap();
    assert_eq!(
        Structure::of(&bytes, &unlimited()).unwrap_err().to_string(),
        "component rejected: it has 2000001 steps of one instantiation, max_instantiation_steps is \
         2000000"
    );
    assert_eq!(
        Structure::of(&bytes, &StructureLimits::default()).unwrap_err().to_string(),
        "component rejected: it has 1001 component instances, max_component_instances is 1000"
    );
}

#[test]
fn locals_are_counted_without_being_expanded() {
    // A module with a function that declares 2^32 - 1 locals of a type in four bytes.
    let code = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
    let body = [10, 11, 1, 9, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b];
    let mut module = code.to_vec();
    module.extend(&body[..2]);
    module.extend(&body[2..]);
    module[19] = 10;
    module[21] = 8;
    let bytes = section_of(1, &module);
    assert_eq!(
        Structure::of(&bytes, &StructureLimits::default()).unwrap_err().to_string(),
        "component rejected: it has 4294967295 locals in one function, max_locals is 8000 (module 0, \
         function 0)"
    );
}

#[test]
fn bytes_that_are_no_component_are_told_as_such() {
    let says = |bytes: &[u8]| Structure::of(bytes, &unlimited()).unwrap_err().to_string();
    assert!(says(b"(component)").starts_with("invalid component: this is no binary component; "));
    assert!(says(b"").starts_with("invalid component: this is no binary component; "));
    assert!(says(b"\0asm\x01\0\0\0").starts_with("invalid component: this is a core module, not "));
    assert_eq!(
        says(b"\0asm\x0d\0\x01"),
        "invalid component: unexpected end-of-file (at offset 0x4)"
    );
    assert_eq!(
        says(&section_of(7, &[1, 0x42, 1, 9])),
        "invalid component: invalid component or instance type declaration (at offset 0xe)"
    );
}

#[test]
fn every_byte_of_a_component_can_be_another() {
    let good = wat::parse_str(RICH).unwrap();
    for at in 8..good.len() {
        for byte in [0, 1, 5, 0x42, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = byte;
            // Whatever comes out, it comes out.
            let _ = Structure::of(&bad, &StructureLimits::default());
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_count_panic(
        cut in 0..2_000_usize,
        edits in proptest::collection::vec((0..2_000_usize, any::<u8>()), 0..8),
        copied in (0..2_000_usize, 0..2_000_usize, 0..200_usize),
        noise in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = wat::parse_str(RICH).unwrap();
        for (at, byte) in edits {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        let (from, to, length) = copied;
        if let Some(part) = bytes.get(from..from + length).map(<[u8]>::to_vec) {
            let to = to.min(bytes.len());
            bytes.splice(to..to, part);
        }
        bytes.truncate(cut.max(8));
        bytes.extend(noise);
        if let Ok(structure) = Structure::of(&bytes, &StructureLimits::default()) {
            prop_assert!(structure.check(&StructureLimits::default()).is_ok());
        }
        let bounded = unlimited().with(StructureCount::InstantiationSteps, 10_000);
        let _ = Structure::of(&bytes, &bounded);
    }
}
