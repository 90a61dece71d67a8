//! Checking, compiling and linking components.

use core::any::Any;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use limits_core::{WasmError, WasmResult};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::error_map::invalid_component;
use crate::error_text::escaped;
use crate::executor::ComponentExecutor;
use crate::prepared::PreparedComponent;
use crate::shortage::lacks_threads;
use crate::state::HasLimits;
use crate::structure::Structure;

impl ComponentExecutor {
    /// Compiles a component from its binary form.
    ///
    /// Blocks the thread, and **no limit but those on the structure holds**
    /// ([`with_structure_limits`](Self::with_structure_limits)): a component of ten kilobytes
    /// within them can be written to take many seconds. The crate `limits-compile` compiles
    /// untrusted components in a process that it can kill.
    ///
    /// A panic of the compiler becomes an error where panics unwind; its message still goes to the
    /// process's panic hook.
    ///
    /// # Errors
    ///
    /// [`WasmError::Rejected`] if its structure passes a limit, [`WasmError::InvalidComponent`] if
    /// the bytes are not a component, use a feature that the engine has off, or make the compiler
    /// panic, [`WasmError::HostExhausted`] if the host lacks memory or threads.
    pub fn compile(&self, bytes: &[u8]) -> WasmResult<Component> {
        self.check_structure(bytes)?;
        // Unwind safe: the closure borrows the bytes and the engine, and Wasmtime holds no lock of
        // the engine while it translates.
        let compiled =
            catch_unwind(AssertUnwindSafe(|| Component::from_binary(&self.engine, bytes)));
        match compiled {
            Ok(compiled) => compiled.map_err(|error| self.pool_misfit(invalid_component(&error))),
            Err(panic) => Err(panicked(panic)),
        }
    }

    /// Says of a component that the engine's pool refused that it was the pool.
    fn pool_misfit(&self, error: WasmError) -> WasmError {
        match error {
            // Wasmtime gives these refusals no type.
            WasmError::InvalidComponent { reason }
                if self.engine.get_pooling_config().is_some()
                    && reason.contains("pooling allocator") =>
            {
                let reason = format!(
                    "it does not fit the engine's pool, which is sized by limits: {reason}"
                );
                WasmError::InvalidComponent { reason }
            }
            error => error,
        }
    }

    /// Counts the structure of a component and checks it, as [`compile`](Self::compile) does before
    /// it compiles.
    ///
    /// # Errors
    ///
    /// Those of [`Structure::of`].
    pub fn check_structure(&self, bytes: &[u8]) -> WasmResult<Structure> {
        Structure::of(bytes, &self.structure_limits)
    }

    /// Resolves the imports of `component` with the items of `linker`.
    ///
    /// # Errors
    ///
    /// [`WasmError::InvalidComponent`] if an import is missing or has another type,
    /// [`WasmError::InvalidConfiguration`] if component or linker are of another engine.
    pub fn prepare<T: HasLimits + Send + 'static>(
        &self,
        component: &Component,
        linker: &Linker<T>,
    ) -> WasmResult<PreparedComponent<T>> {
        if !Engine::same(component.engine(), &self.engine)
            || !Engine::same(linker.engine(), &self.engine)
        {
            return Err(WasmError::InvalidConfiguration {
                reason: String::from(
                    "component, linker and executor must be made with the same engine",
                ),
            });
        }
        let pre = linker.instantiate_pre(component).map_err(|error| invalid_component(&error))?;
        Ok(PreparedComponent::new(pre))
    }
}

/// Returns the error of a compiler that panicked.
fn panicked(panic: Box<dyn Any + Send>) -> WasmError {
    let words = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let reason = format!("the compiler panicked: {}", escaped(words.unwrap_or("no message")));
    // Leaked, since its destructor may panic as well; it is small and rare.
    core::mem::forget(panic);
    match lacks_threads() {
        Some(shortage) => WasmError::HostExhausted(shortage),
        None => WasmError::InvalidComponent { reason },
    }
}
