//! How long an execution waited for CPU time.

use core::fmt;
use core::time::Duration;

use crate::quota::quota_error::QuotaError;

/// How long an execution could have run and had to wait for a CPU time quota instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a wait is a time and its reason")]
pub struct CpuWait {
    /// Wall-clock time spent waiting, for all levels together.
    pub time: Duration,
    /// The quota that had nothing left when the wait began last. Once a parent's quota was waited
    /// for, its refusal stays here.
    pub refused: QuotaError,
}

impl fmt::Display for CpuWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it waited {:.0?} for CPU time: {}", self.time, self.refused)
    }
}
