//! `[host]` of the policy: what all components may use together.

use core::time::Duration;

use limits_core::{Allowance, ResourceQuota};
use serde::{Deserialize, Serialize};

use crate::quota::{check_rate, countable, per_period};
use crate::{Origin, QuotaConflict, Setting, SettingKey, amount, period};

/// `[host]`: ceilings over the sum of all components. What is not in the file is not bounded.
///
/// A part of the operator's [`Policy`](crate::Policy). Zero allows nothing, whoever asks. The three
/// rates are per second, whatever the period, which is that of the sum: each component counts in its
/// own.
///
/// `resources.host` is what the host holds for one execution
/// ([`HostConfig`](crate::HostConfig)); `[host]` of the policy file bounds the sum of all
/// components.
///
/// It does **not** count anything. A host that has several components makes one parent tracker of
/// it and the components' trackers its children:
///
/// ```
/// use std::sync::Arc;
///
/// use limits_config::Policy;
/// use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
///
/// let policy = Policy::from_toml("[host]\nmemory = \"1GB\"\nnetwork_bandwidth = \"50MB/s\"")?;
/// let host = Arc::new(QuotaTracker::new(policy.host().to_resource_quota()));
///
/// let quota = ResourceQuota::new().with_memory(800 << 20);
/// let one = QuotaTracker::with_parent(quota, Arc::clone(&host));
/// let other = QuotaTracker::with_parent(quota, Arc::clone(&host));
/// one.consume(QuotaType::Memory(600 << 20))?;
/// assert_eq!(
///     other.consume(QuotaType::Memory(600 << 20)).unwrap_err().to_string(),
///     "the parent's memory quota of 1073741824 bytes exceeded: \
///      629145600 used, 629145600 more requested; retry when some is given back"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct HostCeilings {
    /// Bytes stored by all components at one time.
    #[serde(with = "amount::storage", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Storage"))]
    storage: Option<Allowance>,
    /// Messages of all components per second.
    #[serde(with = "amount::messages", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Messages"))]
    message_rate: Option<Allowance>,
    /// Bytes sent and received by all components per second.
    #[serde(with = "amount::bandwidth", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Bandwidth"))]
    network_bandwidth: Option<Allowance>,
    /// Milliseconds of CPU time of all components per second; 4000ms/s is four whole cores.
    #[serde(with = "amount::cpu_time", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::CpuTime"))]
    cpu_time: Option<Allowance>,
    /// Bytes of memory of all live executions of all components.
    #[serde(with = "amount::storage", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Storage"))]
    memory: Option<Allowance>,
    /// The window in which these rates are counted, 1ms to 86400s. Default 1s.
    #[serde(with = "period", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Period"))]
    period: Option<Duration>,
}

impl HostCeilings {
    /// Tells whether nothing is set, so that a host need not count the sum.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Goes through all six ceilings, in the order of [`SettingKey::HOST`]; one that is not in the
    /// file is unlimited, by default.
    pub fn settings(&self) -> impl Iterator<Item = Setting> {
        SettingKey::HOST.into_iter().map(|key| match self.declared(key) {
            Some(value) => Setting { key, value, origin: Origin::Policy },
            None => {
                let value = key.default(Allowance::Unlimited);
                Setting { key, value, origin: Origin::Default }
            }
        })
    }

    /// Returns the quota of a tracker that is the parent of all components' trackers.
    ///
    /// The rates become amounts per period, rounded down, and at most what a tracker counts in one
    /// ([`ResourceQuota::enforced`]). A rate that is not zero and comes out as zero allows nothing; a policy that has
    /// one is refused as it is read.
    #[must_use]
    pub fn to_resource_quota(&self) -> ResourceQuota {
        let unbounded = |given: Option<Allowance>| given.unwrap_or(Allowance::Unlimited);
        let rate = |key| per_period(unbounded(self.declared(key)), self.period());
        ResourceQuota::new()
            .with_storage(unbounded(self.storage))
            .with_message_rate(rate(SettingKey::HostMessageRate))
            .with_network_bandwidth(rate(SettingKey::HostNetworkBandwidth))
            .with_cpu_time(rate(SettingKey::HostCpuTime))
            .with_memory(unbounded(self.memory))
            .with_reset_period(self.period())
    }

    /// Refuses a rate that is not zero and comes out as zero.
    pub(crate) fn check(&self) -> Result<(), QuotaConflict> {
        check_rate(SettingKey::HostMessageRate, self.message_rate, self.period())?;
        check_rate(SettingKey::HostNetworkBandwidth, self.network_bandwidth, self.period())?;
        check_rate(SettingKey::HostCpuTime, self.cpu_time, self.period())
    }

    /// Returns the ceiling over memory, if there is one.
    pub(crate) const fn memory(&self) -> Option<Allowance> {
        self.memory
    }

    fn period(&self) -> Duration {
        self.period.unwrap_or(ResourceQuota::default().reset_period)
    }

    /// Returns what the file says, rates as far as they can be counted.
    fn declared(&self, key: SettingKey) -> Option<Allowance> {
        let rate =
            |given: Option<Allowance>| given.map(|given| countable(key, given, self.period()));
        match key {
            SettingKey::HostStorage => self.storage,
            SettingKey::HostMessageRate => rate(self.message_rate),
            SettingKey::HostNetworkBandwidth => rate(self.network_bandwidth),
            SettingKey::HostCpuTime => rate(self.cpu_time),
            SettingKey::HostMemory => self.memory,
            SettingKey::HostPeriod => self.period.map(period::in_ms),
            _ => None,
        }
    }
}
