//! An execution's wait for CPU time.

use core::fmt;
use core::time::Duration;

use crate::quota::quota_error::QuotaError;

/// The time in which an execution could have run and waited for a CPU time quota instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a wait is a time and its reason")]
pub struct CpuWait {
    /// Wall-clock time waited, for all levels together.
    pub time: Duration,
    /// The refusal of the quota waited for last; that of a parent's quota stays once there is one.
    pub refused: QuotaError,
}

impl fmt::Display for CpuWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it waited {:.0?} for CPU time: {}", self.time, self.refused)
    }
}
