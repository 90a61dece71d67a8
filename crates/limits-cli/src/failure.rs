//! Why nothing could be run.

use std::io;
use std::path::{Path, PathBuf};

use limits_config::ConfigError;
use limits_core::WasmError;
use limits_wasmtime::printable;

use crate::ending::Ending;
use crate::invoke::InvokeError;
use crate::outcome::Outcome;

/// Why nothing could be run, or why its report could not be given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The component file.
    #[error("cannot read the component {}: {reason}", shown(path))]
    Component { path: PathBuf, reason: io::Error },
    /// Where to look for the component.
    #[error(
        "no component found: no --component, no `path` in the file, and neither component.wasm \
         nor component.wat in {}",
        shown(folder)
    )]
    ComponentMissing { folder: PathBuf },
    /// Component text.
    #[error("{} is neither a binary component nor component text: {reason}", shown(path))]
    ComponentText { path: PathBuf, reason: String },
    /// Component.toml or the policy.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A granted directory.
    #[error("cannot open the directory {}: {reason}", shown(path))]
    Dir { path: PathBuf, reason: String },
    /// The system.
    #[error("{what} failed: {reason}")]
    Host { what: &'static str, reason: String },
    /// The user pressed Ctrl-C before anything ran.
    #[error("cancelled before the guest was entered")]
    Interrupted,
    /// The call.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// The report.
    #[error("cannot write the report {}: {reason}", shown(path))]
    Report { path: PathBuf, reason: io::Error },
    /// The executor.
    #[error(transparent)]
    Wasm(#[from] WasmError),
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

impl From<&Failure> for Ending {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Wasm(error) => Self::of(error, None),
            Failure::Interrupted => Self::because(Outcome::Cancelled, &failure.to_string()),
            _ => Self::because(Outcome::Error, &failure.to_string()),
        }
    }
}
