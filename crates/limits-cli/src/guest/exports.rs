//! The functions that a component exports.

use limits_core::Escaped;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentFunc, ComponentItem};

/// Exports that an error names at most.
const MOST_NAMED: usize = 12;
/// Characters of a name that an error shows: a longer one would push the rest out of it.
pub(super) const MOST_OF_A_NAME: usize = 64;

/// The exports that an error names, escaped.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Exports {
    pub(super) first: Vec<String>,
    pub(super) more: usize,
}

impl Exports {
    pub(super) fn of(component: &Component) -> Self {
        let mut exports = Self::default();
        for_each_function(component, |interface, name, _| {
            if exports.first.len() < MOST_NAMED {
                exports.first.push(shortened(&full_name(interface, name), MOST_OF_A_NAME));
            } else {
                exports.more += 1;
            }
        });
        exports
    }
}

/// Calls `show` for each exported function, with its interface if it is in one.
///
/// Not a list: a component can export one interface with long names many times, so the size of the
/// component does not bound the size of all full names.
pub(super) fn for_each_function(
    component: &Component,
    mut show: impl FnMut(Option<&str>, &str, ComponentFunc),
) {
    let engine: &Engine = component.engine();
    for (name, export) in component.component_type().exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(function) => show(None, name, function),
            ComponentItem::ComponentInstance(instance) => {
                for (inner, export) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(function) = export.ty {
                        show(Some(name), inner, function);
                    }
                }
            }
            _ => {}
        }
    }
}

pub(super) fn full_name(interface: Option<&str>, function: &str) -> String {
    match interface {
        Some(interface) => format!("{interface}#{function}"),
        None => String::from(function),
    }
}

/// Escapes a text for an error and cuts it.
pub(super) fn shortened(text: &str, most: usize) -> String {
    Escaped::head(text, most).to_string()
}
