//! Use and limits of a tracker at one time.

use crate::quota::allowance::Allowance;
use crate::quota::quota_type::QuotaResource;

/// Use and limits of all resources of a [`QuotaTracker`](crate::QuotaTracker) at one time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct QuotaStatus {
    /// Bytes stored.
    pub storage: QuotaResourceStatus,
    /// Entries of directories stored: files, directories and links.
    pub storage_entries: QuotaResourceStatus,
    /// Messages in the current window.
    pub message_rate: QuotaResourceStatus,
    /// Bytes sent and received in the current window.
    pub network_bandwidth: QuotaResourceStatus,
    /// CPU time in the current window, in microseconds.
    pub cpu_time: QuotaResourceStatus,
    /// Bytes of memory in use.
    pub memory: QuotaResourceStatus,
}

impl QuotaStatus {
    /// Collects the status of each resource.
    pub(crate) fn collect(of: impl Fn(QuotaResource) -> QuotaResourceStatus) -> Self {
        Self {
            storage: of(QuotaResource::Storage),
            storage_entries: of(QuotaResource::StorageEntries),
            message_rate: of(QuotaResource::MessageRate),
            network_bandwidth: of(QuotaResource::NetworkBandwidth),
            cpu_time: of(QuotaResource::CpuTime),
            memory: of(QuotaResource::Memory),
        }
    }

    /// Returns the status of one resource.
    #[must_use]
    pub const fn of(&self, resource: QuotaResource) -> QuotaResourceStatus {
        match resource {
            QuotaResource::Storage => self.storage,
            QuotaResource::StorageEntries => self.storage_entries,
            QuotaResource::MessageRate => self.message_rate,
            QuotaResource::NetworkBandwidth => self.network_bandwidth,
            QuotaResource::CpuTime => self.cpu_time,
            QuotaResource::Memory => self.memory,
        }
    }

    /// Returns the status of each resource.
    pub fn iter(&self) -> impl Iterator<Item = (QuotaResource, QuotaResourceStatus)> {
        QuotaResource::EACH.into_iter().map(|resource| (resource, self.of(resource)))
    }

    /// Returns whether the use of any resource is at least 80 % of its limit.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.iter().any(|(_, status)| status.is_warning())
    }

    /// Returns whether the use of any resource is at least 95 % of its limit.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.iter().any(|(_, status)| status.is_critical())
    }
}

/// Use and limit of one resource, in its [`unit`](QuotaResource::unit).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct QuotaResourceStatus {
    used: u64,
    limit: Allowance,
}

impl QuotaResourceStatus {
    /// The percentage of a limit at which use is reported as a warning.
    pub const WARNING_PERCENT: u32 = 80;

    /// The percentage of a limit at which use is reported as critical.
    pub const CRITICAL_PERCENT: u32 = 95;

    /// Returns the status of a use under a limit.
    #[must_use]
    pub const fn new(used: u64, limit: Allowance) -> Self {
        Self { used, limit }
    }

    /// Returns the units in use; more than the limit after a charge, or after the limit was
    /// lowered.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Returns the limit in force.
    #[must_use]
    pub const fn limit(&self) -> Allowance {
        self.limit
    }

    /// Returns the units left.
    #[must_use]
    pub const fn available(&self) -> Allowance {
        match self.limit {
            Allowance::AtMost(limit) => Allowance::AtMost(limit.saturating_sub(self.used)),
            Allowance::Unlimited => Allowance::Unlimited,
        }
    }

    /// Returns the use as a percentage of the limit, for display.
    ///
    /// 100 if the limit is zero, 0 if unlimited. Decisions use [`reaches`](Self::reaches).
    #[must_use]
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a percentage for display may round"
    )]
    pub fn percentage(&self) -> f64 {
        match self.limit {
            Allowance::AtMost(0) => 100.0,
            Allowance::AtMost(limit) => self.used as f64 / limit as f64 * 100.0,
            Allowance::Unlimited => 0.0,
        }
    }

    /// Returns whether the use is at least `percent` of the limit: always if the limit is zero,
    /// never if unlimited.
    #[must_use]
    pub fn reaches(&self, percent: u32) -> bool {
        match self.limit {
            // A limit of zero reaches every threshold.
            Allowance::AtMost(limit) => {
                u128::from(self.used) * 100 >= u128::from(limit) * u128::from(percent)
            }
            Allowance::Unlimited => false,
        }
    }

    /// Returns whether the use is at least 80 % of the limit.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        self.reaches(Self::WARNING_PERCENT)
    }

    /// Returns whether the use is at least 95 % of the limit.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.reaches(Self::CRITICAL_PERCENT)
    }
}

#[cfg(test)]
mod tests {
    use super::QuotaResourceStatus;
    use crate::quota::allowance::Allowance;

    fn status(used: u64, limit: u64) -> QuotaResourceStatus {
        QuotaResourceStatus::new(used, Allowance::AtMost(limit))
    }

    #[test]
    fn a_limit_of_zero_is_used_up() {
        let nothing = status(0, 0);
        assert_eq!((nothing.percentage(), nothing.available()), (100.0, Allowance::AtMost(0)));
        assert!(nothing.is_warning() && nothing.is_critical());
    }

    #[test]
    fn an_unlimited_resource_is_never_used_up() {
        let unlimited = QuotaResourceStatus::new(u64::MAX, Allowance::Unlimited);
        assert_eq!((unlimited.percentage(), unlimited.available()), (0.0, Allowance::Unlimited));
        assert!(!unlimited.is_warning());
        assert_eq!((unlimited.used(), unlimited.limit()), (u64::MAX, Allowance::Unlimited));
    }

    #[test]
    fn the_thresholds_are_exact() {
        assert!(!status(79, 100).is_warning() && status(80, 100).is_warning());
        assert!(!status(94, 100).is_critical() && status(95, 100).is_critical());
        let max = u64::MAX;
        assert!(!status(max - 1, max).reaches(100) && status(max, max).reaches(100));
        assert!(!status(max - 1, max).reaches(u32::MAX));
    }

    #[test]
    fn use_past_the_limit_is_more_than_100_percent_and_nothing_is_left() {
        let over = status(150, 100);
        assert_eq!((over.percentage(), over.available()), (150.0, Allowance::AtMost(0)));
    }
}
