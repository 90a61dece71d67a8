//! Settings of `[cluster]` that contradict each other, or the rates that are to be shared.

use core::ops::RangeInclusive;
use core::time::Duration;

use limits_core::ResourceQuota;

use crate::settings::table::{HostCeilings, SettingKey};
use crate::tables::cluster_table::ClusterTable;

/// A period in which no rate can be shared among hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{key}` of {period:?} is not between 100ms and 60s, and [cluster] shares the rates that are \
     counted in it"
)]
#[non_exhaustive]
pub struct UnsharedPeriod {
    /// The key of the period.
    pub key: SettingKey,
    /// The period.
    pub period: Duration,
}

impl UnsharedPeriod {
    /// The periods in which rates can be shared: 100 ms to 60 s.
    pub const SHARED: RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(60);

    fn check(key: SettingKey, quota: &ResourceQuota) -> Result<(), Self> {
        let period = quota.reset_period;
        match has_rate(quota) && !Self::SHARED.contains(&period) {
            true => Err(Self { key, period }),
            false => Ok(()),
        }
    }
}

/// Two settings of the policy that contradict each other.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct ClusterConflict {
    /// The one to change first.
    pub(crate) key: &'static str,
    pub(crate) other: &'static str,
    /// The message, without the place of the other.
    pub(crate) message: String,
}

impl ClusterTable {
    /// Checks that the rates of a component can be shared, whose quota is
    /// [`EffectiveConfig::quota`](crate::EffectiveConfig::quota).
    ///
    /// # Errors
    ///
    /// [`UnsharedPeriod`] if components share, a rate has a limit, and its period is not 100 ms to
    /// 60 s.
    pub fn check_component(&self, quota: &ResourceQuota) -> Result<(), UnsharedPeriod> {
        match self.shares_components() {
            true => UnsharedPeriod::check(SettingKey::Period, quota),
            false => Ok(()),
        }
    }

    /// Finds the first two settings of the policy that contradict each other.
    pub(crate) fn check(&self, host: &HostCeilings) -> Result<(), ClusterConflict> {
        let conflict = |key, other, message: &str| {
            Err(ClusterConflict { key, other, message: String::from(message) })
        };
        let has_sentinels = self.sentinels().next().is_some();
        if has_sentinels && self.url().is_some() {
            return conflict(
                "cluster.sentinels",
                "cluster.url",
                "`cluster.sentinels` know the address of the store: remove `cluster.url`",
            );
        }
        if !has_sentinels && self.master().is_some() {
            return conflict(
                "cluster.master",
                "cluster.url",
                "`cluster.master` is a name among sentinels: write `cluster.sentinels` in place of \
                 `cluster.url`",
            );
        }
        if self.username().is_some() && self.password_file().is_none() {
            return conflict(
                "cluster.username",
                "cluster",
                "`cluster.username` needs a `password_file` in `[cluster]`",
            );
        }
        if self.ca_file().is_some() && !self.has_tls() {
            return conflict(
                "cluster.ca_file",
                if has_sentinels { "cluster.sentinels" } else { "cluster.url" },
                "`cluster.ca_file` is for TLS: write `rediss://` in the address",
            );
        }
        if !self.shares_host() {
            return Ok(());
        }
        let quota = host.to_resource_quota();
        if !has_rate(&quota) {
            return conflict(
                "cluster.share",
                "cluster",
                "`cluster.share` names `host`, and `[host]` has no rate: give it one, or take \
                 `host` out of `[cluster]`",
            );
        }
        UnsharedPeriod::check(SettingKey::HostPeriod, &quota).map_err(|refused| ClusterConflict {
            key: refused.key.as_str(),
            other: "cluster.share",
            message: refused.to_string(),
        })
    }
}

/// Tells whether a rate has a limit.
fn has_rate(quota: &ResourceQuota) -> bool {
    let rates = [quota.max_message_rate, quota.max_network_bandwidth, quota.max_cpu_time_ms];
    rates.iter().any(|rate| rate.at_most().is_some())
}
