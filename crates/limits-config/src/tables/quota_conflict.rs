//! Settings of a quota that contradict each other.

use core::time::Duration;

use crate::grammar::size::format_size;
use crate::settings::declared::Declared;
use crate::settings::rates::{is_rate, vanishes};
use crate::settings::row::Scope;
use crate::settings::table::SettingKey;

/// Two settings of a quota that are each valid and contradict each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.message(""))]
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
            Self::Rate { key, .. } => match key.scope() {
                Scope::Host => (*key, SettingKey::HostPeriod),
                _ => (*key, SettingKey::Period),
            },
        }
    }

    /// Finds a rate that is not zero and comes out as zero in the period of its table.
    pub(crate) fn of_rates(table: &Declared, period: SettingKey) -> Result<(), Self> {
        let period = table.window(period);
        let mut rates = table.iter().filter(|(key, _)| is_rate(*key));
        match rates.find(|(_, rate)| rate.amount().is_some_and(|rate| vanishes(rate, period))) {
            Some((key, _)) => Err(Self::Rate { key, period }),
            None => Ok(()),
        }
    }

    /// Writes the message, with the place of the second setting.
    pub(crate) fn message(&self, place: &str) -> String {
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
