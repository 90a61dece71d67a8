//! The one unsafe function of this repository: compiled code becomes a component.

use limits_core::WasmResult;
use limits_wasmtime::invalid_component;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::code::Code;
use crate::cache::entry::Kept;
use crate::compiler::Made;

/// Machine code of the compiler, by its origin. The fields are private to this module, so there is
/// no other origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Artifact<'a>(Origin<'a>);

#[derive(Clone, Copy, Debug)]
enum Origin<'a> {
    Worker(&'a Made),
    Cache(&'a Kept),
}

impl<'a> Artifact<'a> {
    /// Takes the code that a worker of this process has just sent.
    pub(crate) const fn of_worker(made: &'a Made) -> Self {
        Self(Origin::Worker(made))
    }

    /// Takes the code of a cache entry that was found authentic.
    pub(crate) const fn of_cache(kept: &'a Kept) -> Self {
        Self(Origin::Cache(kept))
    }

    /// Loads the code.
    ///
    /// Wasmtime refuses code of another version, target or setting; it does not refuse code that
    /// was made to do harm.
    #[expect(unsafe_code, reason = "Wasmtime cannot tell whether machine code is its compiler's")]
    pub(crate) fn load(self, engine: &Engine) -> WasmResult<Component> {
        // SAFETY: Wasmtime runs whatever machine code it is given, so that must be the output of
        // its compiler. The bytes come either over the pipe of a worker process that this process
        // started from the program that its host named; or they are those of a cache entry over
        // which an authentication code was checked, with a key that only this user can read. Of
        // these, the memory that is mapped is a file that is sealed against every change, and open
        // as long as its path is used. Both leave a compiler that a component has subverted:
        // decision 0013.
        let loaded = unsafe {
            match self.0 {
                Origin::Worker(made) => Component::deserialize(engine, made.code()),
                Origin::Cache(kept) => match kept.code() {
                    Code::Bytes(bytes) => Component::deserialize(engine, bytes),
                    Code::Sealed(sealed) => Component::deserialize_file(engine, sealed.path())
                        // Without /proc, or where a mapping of a file may not be executed.
                        .or_else(|error| match sealed.to_vec() {
                            Ok(bytes) => Component::deserialize(engine, bytes),
                            Err(_) => Err(error),
                        }),
                },
            }
        };
        loaded.map_err(|error| invalid_component(&error))
    }
}
