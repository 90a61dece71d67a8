//! The one unsafe function of this repository: compiled code becomes a component.

use limits_core::WasmResult;
use limits_wasmtime::invalid_component;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::entry::Kept;
use crate::compiler::Made;

/// Machine code of the compiler, by its origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Artifact<'a>(&'a [u8]);

impl<'a> Artifact<'a> {
    /// Takes the code that a worker of this process has just sent.
    pub(crate) fn of_worker(made: &'a Made) -> Self {
        Self(made.code())
    }

    /// Takes the code of a cache entry that was found authentic.
    pub(crate) fn of_cache(kept: &'a Kept) -> Self {
        Self(kept.code())
    }

    /// Loads the code.
    ///
    /// Wasmtime refuses code of another version, target or setting; it does not refuse code that was
    /// made to do harm.
    #[expect(unsafe_code, reason = "Wasmtime cannot tell whether machine code is its compiler's")]
    pub(crate) fn load(self, engine: &Engine) -> WasmResult<Component> {
        // SAFETY: `deserialize` runs whatever machine code the bytes have, so they must be the output of
        // Wasmtime's compiler. The field is private to this module, so they come either over the pipe
        // of a worker process that this process started from the program that its host named, or from
        // a cache entry whose authentication code was checked over these very bytes in this process's
        // memory, with a key that only this user can read. Both leave a compiler that a component has
        // subverted: decision 0013.
        let loaded = unsafe { Component::deserialize(engine, self.0) };
        loaded.map_err(|error| invalid_component(&error))
    }
}
