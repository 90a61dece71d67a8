//! A snapshot of a tracker's use.

use core::time::Duration;

use crate::quota::quota_type::{QuotaResource, QuotaType};

/// A snapshot of the use that a [`QuotaTracker`](crate::QuotaTracker) counts, to be stored and
/// [restored](crate::QuotaTracker::restore).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct QuotaUsage {
    /// Bytes stored.
    pub storage_used: u64,
    /// Entries of directories stored: files, directories and links.
    pub storage_entries_used: u64,
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
            QuotaResource::StorageEntries => self.storage_entries_used,
            QuotaResource::MessageRate => self.message_count,
            QuotaResource::NetworkBandwidth => self.network_bandwidth_used,
            QuotaResource::CpuTime => self.cpu_time_used_us,
            QuotaResource::Memory => self.memory_used,
        }
    }

    /// Returns the CPU time in the current window.
    #[must_use]
    pub const fn cpu_time_used(&self) -> Duration {
        Duration::from_micros(self.cpu_time_used_us)
    }

    /// Returns the use that outlives the process: all but memory.
    #[must_use]
    pub const fn without_memory(mut self) -> Self {
        self.memory_used = 0;
        self
    }

    /// Returns the use of each resource as an amount.
    pub(crate) fn amounts(&self) -> impl Iterator<Item = QuotaType> {
        QuotaResource::EACH.into_iter().map(|resource| QuotaType::of(resource, self.of(resource)))
    }
}

#[cfg(test)]
mod tests {
    use super::QuotaUsage;
    use core::time::Duration;

    #[test]
    fn cpu_time_is_a_duration_and_memory_is_left_out() {
        let usage = QuotaUsage { cpu_time_used_us: 1_500, memory_used: 7, ..QuotaUsage::default() };
        assert_eq!(usage.cpu_time_used(), Duration::from_micros(1_500));
        assert_eq!(usage.without_memory(), QuotaUsage { memory_used: 0, ..usage });
    }
}
