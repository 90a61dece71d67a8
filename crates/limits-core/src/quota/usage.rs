//! How much of everything is in use.

use crate::quota::quota_type::{QuotaResource, QuotaType};

/// How much of each resource is in use, as a [`QuotaTracker`](crate::QuotaTracker) counts it at
/// one time.
///
/// A plain snapshot, to be stored and [restored](crate::QuotaTracker::restore).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct QuotaUsage {
    /// Bytes stored.
    pub storage_used: u64,
    /// Messages in the current window.
    pub message_count: u64,
    /// Bytes sent and received in the current window.
    pub network_bandwidth_used: u64,
    /// CPU time in the current window, in microseconds.
    pub cpu_time_used_us: u64,
    /// Bytes of memory in use.
    pub memory_used: u64,
}

impl QuotaUsage {
    /// Returns the use of one resource, in its [`unit`](QuotaResource::unit).
    #[must_use]
    pub const fn of(&self, resource: QuotaResource) -> u64 {
        match resource {
            QuotaResource::Storage => self.storage_used,
            QuotaResource::MessageRate => self.message_count,
            QuotaResource::NetworkBandwidth => self.network_bandwidth_used,
            QuotaResource::CpuTime => self.cpu_time_used_us,
            QuotaResource::Memory => self.memory_used,
        }
    }

    /// Returns what outlives the process: all but memory, which is gone with it.
    #[must_use]
    pub const fn without_memory(mut self) -> Self {
        self.memory_used = 0;
        self
    }

    /// Returns each use as an amount that can be taken or charged.
    pub(crate) fn amounts(&self) -> impl Iterator<Item = QuotaType> {
        QuotaResource::ALL.into_iter().map(|resource| QuotaType::of(resource, self.of(resource)))
    }
}
