//! A core module of WASI preview 1, made into a component.

use core::fmt;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use limits_core::Escaped;
use serde::{Deserialize, Serialize};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

use crate::source::core_module::CoreModule;
use crate::source::module_error::ModuleError;

/// Characters that an error shows of each of its causes.
const MOST_OF_A_CAUSE: usize = 160;

/// The way in which a core module of WASI preview 1 became a component.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Adapted {
    adapter: Adapter,
    has_world: bool,
}

/// An adapter of WASI preview 1.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Adapter {
    /// The module's `_start` becomes `wasi:cli/run`.
    Command,
    /// The component has the exports of the module's WIT world.
    Reactor,
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Command => "command",
            Self::Reactor => "reactor",
        })
    }
}

impl Adapted {
    /// Returns the adapter.
    #[must_use]
    pub const fn adapter(self) -> Adapter {
        self.adapter
    }

    /// Returns whether the module has a WIT world, of whose functions the component exports its
    /// own.
    #[must_use]
    pub const fn has_world(self) -> bool {
        self.has_world
    }
}

/// Makes a component of a core module.
///
/// # Errors
///
/// A [`ModuleError`] if no component can be made of it.
pub(crate) fn adapt(module: &[u8]) -> Result<(Vec<u8>, Adapted), ModuleError> {
    let CoreModule { has_start, has_world, .. } = CoreModule::look(module)?;
    let adapter = if has_start { Adapter::Command } else { Adapter::Reactor };
    // Unwind safe: the closure borrows bytes, and what it makes is lost.
    let bytes =
        catch_unwind(AssertUnwindSafe(|| encode(module, adapter))).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<&str>().copied();
            let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let words = Escaped::head(words.unwrap_or("without words"), MOST_OF_A_CAUSE);
            Err(ModuleError::Encoder { reason: format!("it panicked: {words}") })
        })?;
    Ok((bytes, Adapted { adapter, has_world }))
}

fn encode(module: &[u8], adapter: Adapter) -> Result<Vec<u8>, ModuleError> {
    let adapter = match adapter {
        Adapter::Command => WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        Adapter::Reactor => WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
    };
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter))
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| {
            // A long name in one of them does not hide the others.
            let causes = error
                .chain()
                .map(|cause| Escaped::head(&cause.to_string(), MOST_OF_A_CAUSE).to_string());
            ModuleError::Encoder { reason: causes.collect::<Vec<_>>().join(": ") }
        })
}
