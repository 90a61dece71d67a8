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
    /// A `path` of the file that is a link to elsewhere.
    #[error(
        "the component {} is outside the folder of its Component.toml: it leads to {}",
        shown(path),
        shown(real)
    )]
    ComponentOutside { path: PathBuf, real: PathBuf },
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
    /// Standard input, for more than one run.
    #[error("standard input is longer than {most} bytes, the most that is kept for several runs")]
    InputTooLong { most: usize },
    /// Somebody asked to stop before the guest was entered.
    #[error("cancelled by {by} before the guest was entered")]
    Interrupted { by: &'static str },
    /// The call.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// The report.
    #[error("cannot write the report {}: {reason}", shown(path))]
    Report { path: PathBuf, reason: String },
    /// The executor.
    #[error(transparent)]
    Wasm(#[from] WasmError),
}

/// Characters of a path that are shown, its last ones: a longer one would push what is wrong with
/// it out of the message.
const MOST_OF_A_PATH: usize = 128;

pub(crate) fn shown(path: &Path) -> String {
    let path = path.to_string_lossy();
    let hidden = path.chars().count().saturating_sub(MOST_OF_A_PATH);
    match path.char_indices().nth(hidden) {
        Some((start, _)) if hidden > 0 => {
            format!("…{}", printable(path.get(start..).unwrap_or_default()))
        }
        _ => printable(&path),
    }
}

impl From<&Failure> for Ending {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Wasm(error) => Self::of(error, None),
            Failure::Interrupted { .. } => Self::because(Outcome::Cancelled, &failure.to_string()),
            _ => Self::because(Outcome::Error, &failure.to_string()),
        }
    }
}
