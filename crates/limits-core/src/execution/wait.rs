//! An execution's waits, other than for its own host functions.

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

/// The wait that an execution answers less for than its host or its quota does, in the error of a
/// deadline.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a host must decide on each")]
pub enum Wait {
    /// It waited for CPU time of a quota.
    CpuTime(CpuWait),
    /// The deadline passed while it waited for its turn on a thread of the host. The time is that
    /// of all its waits for a turn.
    Turn(Duration),
}

impl fmt::Display for CpuWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it waited {:.0?} for CPU time: {}", self.time, self.refused)
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CpuTime(wait) => fmt::Display::fmt(wait, f),
            Self::Turn(time) => write!(f, "it waited {time:.0?} for its turn on a thread"),
        }
    }
}
