//! `[quota]`: what one component may use over time.

use core::error::Error;
use core::fmt;
use core::time::Duration;

use limits_core::{Allowance, CpuTimePolicy, ResourceQuota};
use serde::{Deserialize, Serialize};

use crate::{SettingKey, Unit, amount, cpu_time_policy, format_size, period};

/// `[quota]`: what one component may use over time, across all its executions.
///
/// A field that is `None` is not in the file; the default of [`ResourceQuota`] counts, except that
/// memory is then never below `resources.memory.max_bytes`. Zero means that nothing is allowed.
/// The three rates are per second, whatever the period.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct QuotaSection {
    /// Bytes stored at one time. Default 100 MB.
    #[serde(with = "amount::storage", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Storage"))]
    pub storage: Option<Allowance>,
    /// Messages per second. Default 1 000.
    #[serde(with = "amount::messages", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Messages"))]
    pub message_rate: Option<Allowance>,
    /// Bytes sent and received per second. Default 10 MB/s.
    #[serde(with = "amount::bandwidth", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Bandwidth"))]
    pub network_bandwidth: Option<Allowance>,
    /// Milliseconds of CPU time per second; 1000ms/s is one whole core. Default 1000ms/s.
    #[serde(with = "amount::cpu_time", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::CpuTime"))]
    pub cpu_time: Option<Allowance>,
    /// What becomes of an execution whose component has no CPU time left: it waits ("throttle",
    /// the default) or it ends ("deny").
    #[serde(with = "cpu_time_policy", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::CpuTimePolicy"))]
    pub cpu_time_policy: Option<CpuTimePolicy>,
    /// Bytes of memory of all live executions together. Default 256 MB, or
    /// `resources.memory.max_bytes` if that is more; never less than that.
    #[serde(with = "amount::storage", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Storage"))]
    pub memory: Option<Allowance>,
    /// The window in which the rates are counted, 1ms to 86400s. Default 1s. A rate of 500 per
    /// second admits 250 in a window of 500ms.
    ///
    /// Rates of a policy are counted in the period of their own table, of which the component's
    /// becomes a part: see [`Policy`](crate::Policy).
    #[serde(with = "period", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Period"))]
    pub period: Option<Duration>,
}

impl QuotaSection {
    /// Tells whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the quota of a component whose executions may each use `max_bytes` of memory.
    ///
    /// The rates become amounts per period, rounded down, and at most what a tracker counts in one
    /// ([`ResourceQuota::enforced`]). What becomes of an execution without CPU time is not a part of it.
    ///
    /// # Errors
    ///
    /// [`QuotaConflict`] if the memory quota is below `max_bytes`, if a rate that is not zero
    /// comes out as zero in one period, or if the period is not 1 ms to 1 day.
    pub fn to_resource_quota(&self, max_bytes: u64) -> Result<ResourceQuota, QuotaConflict> {
        let defaults = ResourceQuota::default();
        let period = self.period.unwrap_or(defaults.reset_period);
        if !(period::SHORTEST..=period::LONGEST).contains(&period) {
            return Err(QuotaConflict::Period { period });
        }
        if let Some(Allowance::AtMost(bytes)) = self.memory
            && bytes < max_bytes
        {
            return Err(QuotaConflict::Memory { quota: bytes, max_bytes });
        }
        // What is not in the file is as it is by default: per second.
        let rate = |key, given: Option<Allowance>, default| {
            check_rate(key, given, period)?;
            Ok(per_period(countable(key, given.unwrap_or(default), period), period))
        };
        let memory = self.memory.unwrap_or_else(|| default_memory(max_bytes));
        Ok(ResourceQuota::new()
            .with_storage(self.storage.unwrap_or(defaults.max_storage_bytes))
            .with_message_rate(rate(
                SettingKey::MessageRate,
                self.message_rate,
                defaults.max_message_rate,
            )?)
            .with_network_bandwidth(rate(
                SettingKey::NetworkBandwidth,
                self.network_bandwidth,
                defaults.max_network_bandwidth,
            )?)
            .with_cpu_time(rate(SettingKey::CpuTime, self.cpu_time, defaults.max_cpu_time_ms)?)
            .with_memory(memory)
            .with_reset_period(period))
    }
}

/// Returns the memory quota of a component that does not give one.
pub(crate) fn default_memory(max_bytes: u64) -> Allowance {
    ResourceQuota::default().max_memory_bytes.max(Allowance::AtMost(max_bytes))
}

/// Refuses a rate that is not zero and comes out as zero.
pub(crate) fn check_rate(
    key: SettingKey,
    given: Option<Allowance>,
    period: Duration,
) -> Result<(), QuotaConflict> {
    match given {
        Some(rate @ Allowance::AtMost(1..)) if per_period(rate, period) == Allowance::AtMost(0) => {
            Err(QuotaConflict::Rate { key, period })
        }
        _ => Ok(()),
    }
}

/// Converts an amount per second into one per period, rounded down.
pub(crate) fn per_period(per_second: Allowance, period: Duration) -> Allowance {
    let Allowance::AtMost(units) = per_second else { return Allowance::Unlimited };
    // At most 2^64 units by 2^87 nanoseconds (one day is below 2^47) fits 128 bits; a longer
    // period than a day saturates.
    let amount = u128::from(units).saturating_mul(period.as_nanos()) / 1_000_000_000;
    Allowance::AtMost(u64::try_from(amount).unwrap_or(u64::MAX))
}

/// Lowers a rate per second to the most that is counted in a window of this period.
pub(crate) fn countable(key: SettingKey, rate: Allowance, period: Duration) -> Allowance {
    let most = ResourceQuota::new()
        .with_message_rate(u64::MAX)
        .with_network_bandwidth(u64::MAX)
        .with_cpu_time(u64::MAX)
        .with_reset_period(period)
        .enforced();
    let most = match key.unit() {
        Unit::BytesPerSecond => most.max_network_bandwidth,
        Unit::MillisecondsPerSecond => most.max_cpu_time_ms,
        _ => most.max_message_rate,
    };
    let most = u128::from(most.at_most().unwrap_or(u64::MAX));
    let per_second = most.saturating_mul(1_000_000_000) / period.as_nanos().max(1);
    match rate {
        Allowance::AtMost(units) if u128::from(units) > per_second => {
            Allowance::AtMost(u64::try_from(per_second).unwrap_or(units))
        }
        other => other,
    }
}

/// Two settings of a quota that are each valid and contradict each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum QuotaConflict {
    /// The memory of all executions together is below that of a single one.
    Memory {
        /// `quota.memory`, in bytes.
        quota: u64,
        /// `resources.memory.max_bytes`.
        max_bytes: u64,
    },
    /// The period is not 1 ms to 1 day.
    Period {
        /// The period.
        period: Duration,
    },
    /// A rate that is not zero admits nothing in one period.
    Rate {
        /// The rate.
        key: SettingKey,
        /// The period.
        period: Duration,
    },
}

impl QuotaConflict {
    /// Returns the two settings: the one to change first, then the other.
    #[must_use]
    pub const fn keys(&self) -> (SettingKey, SettingKey) {
        match self {
            Self::Memory { .. } => (SettingKey::QuotaMemory, SettingKey::MaxBytes),
            Self::Period { .. } => (SettingKey::Period, SettingKey::Period),
            Self::Rate { key, .. } if key.is_host() => (*key, SettingKey::HostPeriod),
            Self::Rate { key, .. } => (*key, SettingKey::Period),
        }
    }

    /// Says it in a sentence; `place` says where the other of the two settings is.
    pub(crate) fn says(&self, place: &str) -> String {
        let (key, other) = self.keys();
        match self {
            Self::Memory { quota, max_bytes } => format!(
                "`{key}` of {} is below `{other}` of {}{place}",
                format_size(*quota),
                format_size(*max_bytes)
            ),
            Self::Period { period } => {
                format!("`{key}` of {period:?} is not between 1ms and 86400s{place}")
            }
            Self::Rate { period, .. } => format!(
                "`{key}` comes out as 0 in a `{other}` of {period:?}{place}: make the period \
                 longer or the rate larger"
            ),
        }
    }
}

impl fmt::Display for QuotaConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says(""))
    }
}

impl Error for QuotaConflict {}
