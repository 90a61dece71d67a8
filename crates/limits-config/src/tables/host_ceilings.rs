//! `[host]` of the policy: ceilings over the sum of all components, and how storage is counted.

use limits_core::{Allowance, ResourceQuota, StorageBaseline};

use crate::settings::declared::Declared;
use crate::settings::rates::with_countable_rates;
use crate::settings::row::Becomes;
use crate::settings::section::Section as _;
use crate::settings::setting::{Origin, Setting};
use crate::settings::table::{HostCeilings, SettingKey};
use crate::settings::translate;
use crate::tables::quota_conflict::QuotaConflict;

impl HostCeilings {
    /// Tells whether the table has no ceiling, so that a host need not count the sum.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_ceiling = |key: SettingKey| matches!(key.row().becomes, Becomes::Quota(_));
        !self.declared().iter().any(|(key, _)| is_ceiling(key))
    }

    /// Goes through all keys, in the order of [`SettingKey::HOST`].
    pub fn settings(&self) -> impl Iterator<Item = Setting> {
        let given = self.declared();
        self.enforced().into_settings().map(move |(key, value)| {
            let is_given = given.get(key).is_some();
            let origin = if is_given { Origin::Policy } else { Origin::Default };
            Setting { key, value, origin }
        })
    }

    /// Returns the quota of a tracker that is the parent of all components' trackers.
    ///
    /// The rates become amounts per period, rounded down, and at most the amount that a tracker
    /// counts in one ([`ResourceQuota::enforced`]). A rate that is not zero and comes out as zero
    /// allows nothing; a policy that has one is refused as it is read.
    #[must_use]
    pub fn to_resource_quota(&self) -> ResourceQuota {
        translate::quota(&self.enforced(), SettingKey::HostPeriod)
    }

    /// Returns whether files that are in a component's directories at the start are counted.
    #[must_use]
    pub fn storage_baseline(&self) -> StorageBaseline {
        self.storage_baseline.unwrap_or_default()
    }

    /// Returns the bytes of storage that each entry of a directory counts, beside the bytes of its
    /// file.
    #[must_use]
    pub fn storage_entry_bytes(&self) -> u64 {
        self.storage_entry_bytes.unwrap_or(ResourceQuota::DEFAULT_STORAGE_ENTRY_BYTES)
    }

    /// Refuses a rate that is not zero and comes out as zero.
    pub(crate) fn check(&self) -> Result<(), QuotaConflict> {
        QuotaConflict::of_rates(&self.declared(), SettingKey::HostPeriod)
    }

    /// Returns the ceiling over memory, if there is one.
    pub(crate) const fn memory(&self) -> Option<Allowance> {
        self.memory
    }

    /// Returns all keys, rates as far as they can be counted.
    fn enforced(&self) -> Declared {
        let ceilings = self.declared().with_defaults(Self::KEYS);
        with_countable_rates(ceilings, SettingKey::HostPeriod)
    }
}
