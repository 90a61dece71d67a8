//! How much of a quota is used, in three steps.

use core::fmt;

use limits_core::QuotaResourceStatus;
use serde::Serialize;

/// How much of a quota is used: a level of use, not the level of a tracker over others that
/// [`QuotaError::level`](limits_core::QuotaError::level) names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UsageLevel {
    /// Less than 80 %.
    Normal,
    /// 80 % or more.
    Warning,
    /// 95 % or more.
    Critical,
}

impl UsageLevel {
    /// Returns the name, for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    pub(crate) fn of(status: &QuotaResourceStatus) -> Self {
        Self::at(status.is_warning(), status.is_critical())
    }

    /// Returns the level that has not been left yet: five points less than what begins it.
    pub(crate) fn still(status: &QuotaResourceStatus) -> Self {
        Self::at(status.reaches(75), status.reaches(90))
    }

    const fn at(is_warning: bool, is_critical: bool) -> Self {
        match (is_warning, is_critical) {
            (_, true) => Self::Critical,
            (true, false) => Self::Warning,
            (false, false) => Self::Normal,
        }
    }

    pub(crate) const fn code(self) -> u64 {
        match self {
            Self::Normal => 0,
            Self::Warning => 1,
            Self::Critical => 2,
        }
    }

    pub(crate) const fn from_code(code: u64) -> Self {
        match code & 3 {
            0 => Self::Normal,
            1 => Self::Warning,
            _ => Self::Critical,
        }
    }
}

impl fmt::Display for UsageLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
