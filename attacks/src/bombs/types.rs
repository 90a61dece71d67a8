//! Components whose types or instances are beyond counting.

use wasm_encoder::{
    Alias, Component, ComponentAliasSection, ComponentOuterAliasKind, ComponentTypeSection,
    ComponentValType, NestedComponentSection, PrimitiveValType, RawSection,
};

use crate::bombs::instances_of;

/// Instance types inside each other, of three bytes each.
pub(super) fn tower(levels: u32) -> Vec<u8> {
    // One type, which is an instance type with one declaration, which is a type ...
    let mut section = vec![1];
    for _ in 0..levels {
        section.extend([0x42, 1, 1]);
    }
    // ... which is a `u8` at last.
    section.push(0x7d);
    let mut component = Component::new();
    component.section(&RawSection { id: 7, data: &section });
    component.finish()
}

/// Tuples of the tuple before them, so many times.
pub(super) fn graph(levels: u32, each: u32) -> Vec<u8> {
    let mut types = ComponentTypeSection::new();
    types.defined_type().primitive(PrimitiveValType::U8);
    for level in 0..levels {
        types.defined_type().tuple((0..each).map(|_| ComponentValType::Type(level)));
    }
    let mut component = Component::new();
    component.section(&types);
    component.finish()
}

/// Instances of a component that makes instances of an empty one.
pub(super) fn instances(outer: u32, inner: u32) -> Vec<u8> {
    let mut alias = ComponentAliasSection::new();
    alias.alias(Alias::Outer { kind: ComponentOuterAliasKind::Component, count: 1, index: 0 });
    let mut maker = Component::new();
    maker.section(&alias).section(&instances_of((0..inner).map(|_| 0)));
    let mut component = Component::new();
    component.section(&NestedComponentSection(&Component::new()));
    component.section(&NestedComponentSection(&maker));
    component.section(&instances_of((0..outer).map(|_| 1)));
    component.finish()
}
