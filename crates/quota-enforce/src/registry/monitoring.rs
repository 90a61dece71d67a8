//! The host's own quota, the store of shared ones, and levels.

use std::sync::Arc;

use limits_core::{QuotaTracker, QuotaUsage};

use super::QuotaRegistry;
use crate::lending::Lending;
use crate::peaks::Peaks;

impl QuotaRegistry {
    /// Returns the tracker that bounds all components together, if the registry has one.
    #[must_use]
    pub fn parent(&self) -> Option<&Arc<QuotaTracker>> {
        self.shared.parent.as_ref()
    }

    /// Reports whether the store of quotas that hosts share answers, as far as the
    /// [lessor](crate::QuotaRegistryBuilder::lessor) has told; `None` without a lessor.
    #[must_use]
    pub fn is_store_connected(&self) -> Option<bool> {
        self.shared.lending.as_ref().map(Lending::is_store_connected)
    }

    /// Returns the highest use of each resource by all components together. None without a parent,
    /// or unless the registry [records](crate::QuotaRegistryBuilder::record_peaks) it.
    #[must_use]
    pub fn host_peak_usage(&self) -> Option<QuotaUsage> {
        self.shared.parent.as_ref().and(self.shared.host_peaks.as_ref()).map(Peaks::usage)
    }

    /// Reports the [levels](crate::UsageLevel) of use that have changed without a take, of all
    /// components. A host that wants to hear of falling levels calls it as often as it reads its
    /// metrics.
    pub fn refresh_levels(&self) {
        // A list: sinks run here, and may register or unregister, which waits for an iteration.
        for handle in self.list() {
            handle.re_evaluate_levels();
        }
        self.shared.refresh_sinks();
    }
}
