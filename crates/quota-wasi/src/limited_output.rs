//! A host's stream for a guest's output, within limits.

use core::fmt;
use std::sync::Arc;

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::OutputStream;

use crate::output_budget::OutputBudget;

/// A host's stream for a guest's stdout or stderr, within the limits of one execution.
///
/// Made by [`StoreQuota::stdout`](crate::StoreQuota::stdout), for
/// [`WasiCtxBuilder::stdout`](wasmtime_wasi::WasiCtxBuilder::stdout).
pub struct LimitedOutput {
    inner: Box<dyn StdoutStream>,
    _budget: Arc<OutputBudget>,
}

impl LimitedOutput {
    pub(crate) fn new(inner: Box<dyn StdoutStream>, budget: Arc<OutputBudget>) -> Self {
        Self { inner, _budget: budget }
    }
}

impl IsTerminal for LimitedOutput {
    fn is_terminal(&self) -> bool {
        self.inner.is_terminal()
    }
}

impl StdoutStream for LimitedOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        self.inner.async_stream()
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        self.inner.p2_stream()
    }
}

impl fmt::Debug for LimitedOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedOutput").finish_non_exhaustive()
    }
}
