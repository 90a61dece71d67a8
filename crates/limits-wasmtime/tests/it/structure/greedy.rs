//! Bytes that ask the count itself for memory or time: each is refused at the first part too many,
//! before the rest is read. Most of the rest is missing here, so that reading on would be an error.

use limits_wasmtime::Structure;
use limits_wasmtime::limits_core::{StructureCount, StructureLimits};

use super::hostile::section_of;
use super::{under, unlimited};

/// The most parts that the limits of this file allow.
const MOST: u8 = 100;
/// A million, as a number in the binary format.
const MILLION: [u8; 3] = [0xc0, 0x84, 0x3d];
/// Two million.
const MILLIONS: [u8; 3] = [0x80, 0x89, 0x7a];

/// Returns `start`, and after it one part more than the limits allow.
fn too_many(start: &[&[u8]], part: &[u8]) -> Vec<u8> {
    let parts = part.repeat(usize::from(MOST) + 1);
    [&start.concat(), &parts[..]].concat()
}

fn core_module(section: u8, content: &[u8]) -> Vec<u8> {
    let mut module = section_of(section, content);
    module[4..8].copy_from_slice(&[1, 0, 0, 0]);
    section_of(1, &module)
}

fn refusal(bytes: &[u8], count: StructureCount) -> String {
    let limits = unlimited().with(count, MOST.into());
    Structure::of(bytes, &limits).unwrap_err().to_string()
}

#[test]
fn the_types_of_a_group_are_counted_one_at_a_time() {
    // One group of a million functions, each without parameters and results.
    let group = too_many(&[&[1, 0x4e], &MILLION], &[0x60, 0, 0]);
    let refused = |bytes: &[u8]| refusal(bytes, StructureCount::Types);
    let error = "component rejected: it has 101 types, max_types is 100";
    assert_eq!(refused(&core_module(1, &group)), format!("{error} (module 0)"));
    assert_eq!(refused(&section_of(3, &group)), error);
    // The same in an instance type, and in a module type.
    let inside = [&[1, 0x42, 1, 0x00][..], &group[1..]].concat();
    assert_eq!(refused(&section_of(7, &inside)), error);
    let inside = [&[1, 0x50, 1, 0x01][..], &group[1..]].concat();
    assert_eq!(refused(&section_of(3, &inside)), error);
    // A group of none takes as long as one of one.
    let groups = too_many(&[&MILLION], &[0x4e, 0]);
    assert_eq!(refused(&core_module(1, &groups)), format!("{error} (module 0)"));
}

#[test]
fn the_declarations_of_a_type_are_counted_one_at_a_time() {
    let refused = |bytes: &[u8]| refusal(bytes, StructureCount::TypeSize);
    let error = "component rejected: it has 101 parts in one type, max_type_size is 100";
    // Aliases of a type of the component around a module type, and around an instance type.
    let aliases = too_many(&[&[1, 0x50], &MILLION], &[0x02, 0x10, 0x01, 1, 0]);
    assert_eq!(refused(&section_of(3, &aliases)), error);
    let aliases = too_many(&[&[1, 0x42], &MILLIONS], &[0x02, 0x03, 0x02, 1, 0]);
    assert_eq!(refused(&section_of(7, &aliases)), error);
}

#[test]
fn elements_are_counted_before_their_values_are() {
    // One declared segment, each of whose elements is an expression with one operator.
    let segment = too_many(&[&[1, 7, 0x70, MOST + 1]], &[0xd2, 0, 0x0b]);
    let most = u64::from(MOST);
    let limits = unlimited()
        .with(StructureCount::Elements, most)
        .with(StructureCount::ConstantOperators, most);
    assert_eq!(
        Structure::of(&core_module(9, &segment), &limits).unwrap_err().to_string(),
        "component rejected: it has 101 elements in one module, max_elements is 100 (module 0)"
    );
}

#[test]
fn the_types_that_are_read_one_at_a_time_are_all_counted() {
    let text = r#"(component
        (core rec (type (struct (field i32))) (type (func (param i32))))
        (core type (sub (func)))
        (core type (module
            (alias outer 0 0 (type $f))
            (rec (type (func)) (type (func)))
            (import "a" "b" (func (type 0))) (export "c" (func (type 1)))))
        (core type (module))
        (type (instance (core type (module)) (alias outer 1 0 (core type $g)))))"#;
    let structure = under(text, StructureCount::Types, 100).unwrap();
    let counts = [
        (StructureCount::Types, 2 + 1 + 2 + 1 + (1 + 1)),
        (StructureCount::TypeSize, 1 + 4),
        (StructureCount::Imports, 1),
        (StructureCount::Exports, 1),
        (StructureCount::NameBytes, 1),
    ];
    for (count, expected) in counts {
        assert_eq!(structure.get(count), expected, "{count:?}");
    }
}

#[test]
fn core_types_that_cannot_be_read_are_told_as_such() {
    let says = |content: &[u8]| {
        Structure::of(&section_of(3, content), &StructureLimits::default()).unwrap_err().to_string()
    };
    assert_eq!(
        says(&[1, 0x50, 1, 9]),
        "invalid component: invalid module type declaration (at offset 0xe)"
    );
    assert_eq!(
        says(&[1, 0x50, 1, 2, 0x10, 2]),
        "invalid component: invalid alias in a module type (at offset 0x10)"
    );
    assert!(says(&[1, 0x50, 1, 1]).starts_with("invalid component: unexpected end"));
}
