//! The one unsafe function of this repository: compiled code becomes a component.

use limits_core::WasmResult;
use limits_wasmtime::invalid_component;
use wasmtime::Engine;
use wasmtime::component::Component;

/// Loads compiled code, which must be a worker's of this process, or authenticated as such.
///
/// Wasmtime refuses code of another version, target or setting; it does not refuse code that was
/// made to do harm.
#[expect(unsafe_code, reason = "Wasmtime cannot tell whether machine code is its compiler's")]
pub(crate) fn load(engine: &Engine, code: &[u8]) -> WasmResult<Component> {
    // SAFETY: `deserialize` runs whatever machine code the bytes have, so they must be the output of
    // Wasmtime's compiler. They come either over the pipe of a worker process that this process
    // started from the program that its host named, or from a cache entry whose MAC was computed,
    // over these very bytes in this process's memory, with a key that only this user can read. Both
    // leave a compiler that a component has subverted: decision 0013.
    let loaded = unsafe { Component::deserialize(engine, code) };
    loaded.map_err(|error| invalid_component(&error))
}
