//! What one component may use over time.

use core::time::Duration;

use crate::quota::allowance::Allowance;
use crate::quota::bounds::Bounds;
use crate::quota::window::Windows;

/// What one component may use over time, across all its executions.
///
/// Storage and memory are totals; the other three are per [`reset_period`](Self::reset_period).
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
    /// Returns the default quota.
    #[must_use]
    pub const fn new() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            max_storage_bytes: Allowance::AtMost(100 * MIB),
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

    /// Bounds the CPU time per period, in milliseconds.
    #[must_use]
    pub fn with_cpu_time(mut self, ms: impl Into<Allowance>) -> Self {
        self.max_cpu_time_ms = ms.into();
        self
    }

    /// Bounds the memory of all live stores together, in bytes.
    #[must_use]
    pub fn with_memory(mut self, bytes: impl Into<Allowance>) -> Self {
        self.max_memory_bytes = bytes.into();
        self
    }

    /// Sets the length of the window in which rates are counted.
    #[must_use]
    pub const fn with_reset_period(mut self, period: Duration) -> Self {
        self.reset_period = period;
        self
    }

    /// Returns the quota as a [`QuotaTracker`](crate::QuotaTracker) enforces it: no rate is larger
    /// than can be counted in the period, which is at least 1 ms and at most 584 years long, and a
    /// total of `u64::MAX` is unlimited.
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
    fn the_defaults_are_those_of_the_original_design() {
        let quota = ResourceQuota::default();
        assert_eq!(quota.max_storage_bytes, Allowance::AtMost(104_857_600));
        assert_eq!(quota.max_message_rate, Allowance::AtMost(1_000));
        assert_eq!(quota.max_network_bandwidth, Allowance::AtMost(10_485_760));
        assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(1_000));
        assert_eq!(quota.max_memory_bytes, Allowance::AtMost(268_435_456));
        assert_eq!(quota.reset_period, Duration::from_secs(1));
    }
}
