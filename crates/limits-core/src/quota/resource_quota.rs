//! The quota of one component.

use core::time::Duration;

use crate::quota::allowance::Allowance;
use crate::quota::bounds::Bounds;
use crate::quota::window::Windows;

/// The limits of one component over time, across all its executions.
///
/// Storage, its entries and memory are totals; the other three are rates, counted per
/// [`reset_period`](Self::reset_period).
///
/// ```
/// use limits_core::{Allowance, ResourceQuota};
///
/// let quota = ResourceQuota::new()
///     .with_storage(50 * 1024 * 1024)
///     .with_message_rate(500)
///     .with_network_bandwidth(Allowance::Unlimited);
/// assert_eq!(quota.max_storage_bytes, Allowance::AtMost(52_428_800));
/// assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(1_000));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct ResourceQuota {
    /// Bytes stored at one time. Default 100 MiB.
    pub max_storage_bytes: Allowance,
    /// Entries of directories (files, directories and links) stored at one time. Default
    /// unlimited.
    pub max_storage_entries: Allowance,
    /// Messages per period. Default 1 000.
    pub max_message_rate: Allowance,
    /// Bytes sent and received per period. Default 10 MiB.
    pub max_network_bandwidth: Allowance,
    /// Milliseconds of CPU time per period. Default 1 000, one whole core.
    pub max_cpu_time_ms: Allowance,
    /// Bytes of memory of all live stores together. Default 256 MiB.
    pub max_memory_bytes: Allowance,
    /// Length of the window in which the three rates are counted. Default 1 s.
    pub reset_period: Duration,
}

impl Default for ResourceQuota {
    fn default() -> Self {
        Self::new()
    }
}

impl ResourceQuota {
    /// Bytes of storage that each entry of a directory counts by default, beside the bytes of its
    /// file: 4 096.
    pub const DEFAULT_STORAGE_ENTRY_BYTES: u64 = 4_096;

    /// Returns the default quota.
    #[must_use]
    pub const fn new() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            max_storage_bytes: Allowance::AtMost(100 * MIB),
            max_storage_entries: Allowance::Unlimited,
            max_message_rate: Allowance::AtMost(1_000),
            max_network_bandwidth: Allowance::AtMost(10 * MIB),
            max_cpu_time_ms: Allowance::AtMost(1_000),
            max_memory_bytes: Allowance::AtMost(256 * MIB),
            reset_period: Duration::from_secs(1),
        }
    }

    /// Bounds the bytes stored at one time.
    #[must_use]
    pub fn with_storage(mut self, bytes: impl Into<Allowance>) -> Self {
        self.max_storage_bytes = bytes.into();
        self
    }

    /// Bounds the entries of directories (files, directories and links) stored at one time.
    #[must_use]
    pub fn with_storage_entries(mut self, entries: impl Into<Allowance>) -> Self {
        self.max_storage_entries = entries.into();
        self
    }

    /// Bounds the messages per period.
    #[must_use]
    pub fn with_message_rate(mut self, messages: impl Into<Allowance>) -> Self {
        self.max_message_rate = messages.into();
        self
    }

    /// Bounds the bytes sent and received per period.
    #[must_use]
    pub fn with_network_bandwidth(mut self, bytes: impl Into<Allowance>) -> Self {
        self.max_network_bandwidth = bytes.into();
        self
    }

    /// Bounds the CPU time per period, in milliseconds; see
    /// [`with_cpu_time_limit`](Self::with_cpu_time_limit) for a `Duration`.
    #[must_use]
    pub fn with_cpu_time(mut self, ms: impl Into<Allowance>) -> Self {
        self.max_cpu_time_ms = ms.into();
        self
    }

    /// Bounds the CPU time per period, in whole milliseconds: the rest of `limit` is cut off.
    #[must_use]
    pub fn with_cpu_time_limit(self, limit: Duration) -> Self {
        self.with_cpu_time(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
    }

    /// Returns the CPU time per period, or `None` if it is unlimited.
    #[must_use]
    pub const fn cpu_time_limit(&self) -> Option<Duration> {
        match self.max_cpu_time_ms {
            Allowance::AtMost(ms) => Some(Duration::from_millis(ms)),
            Allowance::Unlimited => None,
        }
    }

    /// Bounds the memory of all live stores together, in bytes.
    #[must_use]
    pub fn with_memory(mut self, bytes: impl Into<Allowance>) -> Self {
        self.max_memory_bytes = bytes.into();
        self
    }

    /// Sets the length of the window in which the three rates are counted.
    #[must_use]
    pub const fn with_reset_period(mut self, period: Duration) -> Self {
        self.reset_period = period;
        self
    }

    /// Returns the quota that a [`QuotaTracker`](crate::QuotaTracker) enforces: the period is at
    /// least 1 ms and at most 584 years, no rate is larger than one period can count, and a total
    /// of `u64::MAX` is unlimited.
    ///
    /// ```
    /// use limits_core::{Allowance, ResourceQuota};
    ///
    /// let quota = ResourceQuota::new().with_network_bandwidth(50 << 30).enforced();
    /// assert_eq!(quota.max_network_bandwidth, Allowance::AtMost(34_359_738_366));
    /// assert_eq!(ResourceQuota::new().enforced(), ResourceQuota::new());
    /// ```
    #[must_use]
    pub fn enforced(&self) -> Self {
        let windows = Windows::new(self.reset_period);
        Bounds::new(self, windows).quota(windows)
    }
}

#[cfg(test)]
mod tests {
    use super::ResourceQuota;
    use crate::quota::allowance::Allowance;
    use core::time::Duration;

    #[test]
    fn the_defaults_are_100_mib_any_entries_1000_messages_10_mib_one_core_and_256_mib() {
        let quota = ResourceQuota::default();
        assert_eq!(quota.max_storage_bytes, Allowance::AtMost(104_857_600));
        assert_eq!(quota.max_storage_entries, Allowance::Unlimited);
        assert_eq!(quota.max_message_rate, Allowance::AtMost(1_000));
        assert_eq!(quota.max_network_bandwidth, Allowance::AtMost(10_485_760));
        assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(1_000));
        assert_eq!(quota.max_memory_bytes, Allowance::AtMost(268_435_456));
        assert_eq!(quota.reset_period, Duration::from_secs(1));
    }

    #[test]
    fn a_cpu_time_limit_is_a_duration_or_unlimited() {
        let quota = ResourceQuota::new().with_cpu_time_limit(Duration::from_micros(2_999));
        assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(2));
        assert_eq!(quota.cpu_time_limit(), Some(Duration::from_millis(2)));
        let unlimited = quota.with_cpu_time(Allowance::Unlimited);
        assert_eq!(unlimited.cpu_time_limit(), None);
        let longest = quota.with_cpu_time_limit(Duration::MAX);
        assert_eq!(longest.max_cpu_time_ms, Allowance::AtMost(u64::MAX));
    }
}
