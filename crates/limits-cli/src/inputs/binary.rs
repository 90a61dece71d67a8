//! A component in binary, made of a core module if its file has one.

use core::fmt;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use limits_core::Escaped;
use serde::Serialize;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

use crate::background::words;
use crate::inputs::core_module::{CoreModule, ModuleError};
use crate::quote::quoted;

/// Characters that an error shows of each of its causes.
const MOST_OF_A_CAUSE: usize = 160;

/// A component in binary, ready to be checked and compiled.
#[derive(Debug)]
pub(crate) struct ComponentBinary {
    pub(crate) bytes: Vec<u8>,
    /// The adapter, if the file has a core module.
    pub(crate) adapted: Option<Adapted>,
}

/// The way in which a core module of WASI preview 1 became a component.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Adapted {
    pub(crate) adapter: Adapter,
    /// Whether the module has a WIT world, of whose functions the component exports its own.
    has_world: bool,
}

/// An adapter of WASI preview 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Adapter {
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
    /// Returns the reason why a function of the module is none of the component, if it may be one.
    pub(crate) const fn hides(self) -> Option<&'static str> {
        if self.has_world {
            return None;
        }
        Some(
            "the file is a core module without a WIT world (a `component-type` section), of which \
             only `_start` can be called: without --invoke",
        )
    }
}

impl ComponentBinary {
    /// Takes a component as it is, and adapts a core module. Bytes that are neither pass: the
    /// check of the structure has the better message.
    ///
    /// Blocks the thread, for some milliseconds and a second for each 50 MB, or few seconds for a
    /// module that was written to take long.
    ///
    /// # Errors
    ///
    /// A [`ModuleError`] if no component can be made of a core module.
    pub(crate) fn new(bytes: Vec<u8>) -> Result<Self, ModuleError> {
        if !CoreModule::is_one(&bytes) {
            return Ok(Self { bytes, adapted: None });
        }
        let CoreModule { has_start, has_world, .. } = CoreModule::look(&bytes)?;
        let adapter = if has_start { Adapter::Command } else { Adapter::Reactor };
        // Unwind safe: the closure borrows bytes, and what it makes is lost.
        let bytes =
            catch_unwind(AssertUnwindSafe(|| encode(&bytes, adapter))).unwrap_or_else(|panic| {
                Err(ModuleError::Encoder { reason: quoted(&words(&*panic)) })
            })?;
        Ok(Self { bytes, adapted: Some(Adapted { adapter, has_world }) })
    }
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
