//! Levels of use: normal, warning, critical.

use core::fmt;

use limits_core::QuotaResourceStatus;
use serde::Serialize;

// The thresholds, in percent of the limit. A level is left below the point where it is reached, so
// that a use which goes to and fro does not report each time.
const REACHES_WARNING: u32 = QuotaResourceStatus::WARNING_PERCENT;
const REACHES_CRITICAL: u32 = QuotaResourceStatus::CRITICAL_PERCENT;
const LEAVES_WARNING: u32 = 75;
const LEAVES_CRITICAL: u32 = 90;

/// The level of use of one quota.
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
        Self::at(status.reaches(REACHES_WARNING), status.reaches(REACHES_CRITICAL))
    }

    /// Returns the level that a use of so much has not left, if it had reached it.
    pub(crate) fn not_left(status: &QuotaResourceStatus) -> Self {
        Self::at(status.reaches(LEAVES_WARNING), status.reaches(LEAVES_CRITICAL))
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
