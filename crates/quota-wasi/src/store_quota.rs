//! Quotas and limits of one execution.

use core::fmt;
use std::sync::Arc;

use limits_core::ResourceLimits;
use wasmtime_wasi::cli::StdoutStream;

use crate::limited_output::LimitedOutput;
use crate::output_budget::OutputBudget;
use crate::quota::Shared;
use crate::store_usage::StoreUsage;

/// Quotas and limits of one execution.
///
/// The host keeps it in its store's data, see [`WasiQuotaView`](crate::WasiQuotaView).
#[derive(Clone)]
pub struct StoreQuota(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    usage: StoreUsage,
    output: Arc<OutputBudget>,
}

impl StoreQuota {
    pub(crate) fn new(shared: Arc<Shared>, _limits: &ResourceLimits) -> Self {
        let usage = StoreUsage::default();
        let output = Arc::new(OutputBudget::new(usage.clone()));
        Self(Arc::new(Inner { shared, usage, output }))
    }

    /// Wraps the host's stream for the guest's stdout.
    pub fn stdout(&self, stream: impl StdoutStream + 'static) -> LimitedOutput {
        LimitedOutput::new(Box::new(stream), Arc::clone(&self.0.output))
    }

    /// Wraps the host's stream for the guest's stderr.
    pub fn stderr(&self, stream: impl StdoutStream + 'static) -> LimitedOutput {
        self.stdout(stream)
    }

    /// Returns the counters of the execution, which outlive its store.
    #[must_use]
    pub fn usage(&self) -> StoreUsage {
        self.0.usage.clone()
    }
}

impl fmt::Debug for StoreQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreQuota")
            .field("component", &self.0.shared.component.id())
            .field("usage", &self.0.usage)
            .finish_non_exhaustive()
    }
}
