//! The reasons for which a component was not compiled.

use limits_core::{Rejection, WasmError};

use crate::source::source_error::SourceError;
use crate::worker_failure::WorkerFailure;

/// The reason for which a component was not compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The component was [rejected](WasmError::Rejected), is
    /// [invalid](WasmError::InvalidComponent), or the host lacks a resource.
    #[error(transparent)]
    Wasm(#[from] WasmError),
    /// No component could be made of the text or the core module.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The worker could not be started, restricted or understood: the host must act.
    #[error("compile worker: {0}")]
    Worker(#[from] WorkerFailure),
}

impl From<Rejection> for CompileError {
    fn from(rejection: Rejection) -> Self {
        Self::Wasm(rejection.into())
    }
}
