//! `[quota]`: the resources that one component may use over time.

use limits_core::{Allowance, ResourceQuota};

use crate::grammar::period;
use crate::settings::rates::with_countable_rates;
use crate::settings::section::Section as _;
use crate::settings::table::{QuotaSection, SettingKey};
use crate::settings::translate;
use crate::tables::quota_conflict::QuotaConflict;

impl QuotaSection {
    /// Tells whether the table gives nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the quota of a component whose executions may each use `max_bytes` of memory.
    ///
    /// The rates become amounts per period, rounded down, and at most the amount that a tracker
    /// counts in one ([`ResourceQuota::enforced`]). The policies are no part of it.
    ///
    /// # Errors
    ///
    /// [`QuotaConflict`] if the memory quota is below `max_bytes`, if a rate that is not zero
    /// comes out as zero in one period, or if the period is not 1 ms to 1 day.
    pub fn to_resource_quota(&self, max_bytes: u64) -> Result<ResourceQuota, QuotaConflict> {
        if let Some(period) = self.period
            && !(period::SHORTEST..=period::LONGEST).contains(&period)
        {
            return Err(QuotaConflict::Period { period });
        }
        if let Some(Allowance::AtMost(bytes)) = self.memory
            && bytes < max_bytes
        {
            return Err(QuotaConflict::Memory { quota: bytes, max_bytes });
        }
        let mut given = self.declared();
        QuotaConflict::of_rates(&given, SettingKey::Period)?;
        given.set(SettingKey::MaxBytes, Some(Allowance::AtMost(max_bytes).into()));
        let settings = given.with_defaults(Self::KEYS);
        Ok(translate::quota(
            &with_countable_rates(settings, SettingKey::Period),
            SettingKey::Period,
        ))
    }
}
