//! Which export to call.

use limits_core::{WasmError, WasmResult};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex};

use crate::printable::printable;

/// Finds an exported function by `name` or `namespace:package/interface@version#name`.
pub(crate) fn find(component: &Component, name: &str) -> WasmResult<ComponentExportIndex> {
    let (instance, function) = match name.rsplit_once('#') {
        Some((instance, function)) => (Some(instance), function),
        None => (None, name),
    };
    let parent = match instance {
        Some(instance) => Some(
            component
                .get_export_index(None, instance)
                .ok_or_else(|| invalid(name, "no interface of that name is exported"))?,
        ),
        None => None,
    };
    match component.get_export(parent.as_ref(), function) {
        Some((ComponentItem::ComponentFunc(_), index)) => Ok(index),
        Some(_) => Err(invalid(name, "it is exported, but it is not a function")),
        None => Err(invalid(name, "no function of that name is exported")),
    }
}

pub(crate) fn invalid(name: &str, why: &str) -> WasmError {
    WasmError::InvalidCall { reason: format!("cannot call `{}`: {why}", printable(name)) }
}

/// Says that the export exists and takes or gives other types than the caller's.
///
/// Wasmtime's words call the component's type "expected" and the caller's "found".
pub(crate) fn mismatch(name: &str, error: &wasmtime::Error) -> WasmError {
    invalid(name, &format!("{error:#}"))
}
