//! The seam between who executes and who counts.

use core::fmt::Debug;

use crate::execution::execution_end::ExecutionEnd;
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::QuotaType;
use crate::quota::tracker::QuotaTracker;

/// What an execution takes from and reports to.
///
/// A [`QuotaTracker`] is one; others add what they want on top, such as an audit.
///
/// An execution asks `peek(QuotaType::CpuTimeMicros(1))` before each slice and charges what the slice
/// took. If it is refused the error's [`retry`](QuotaError::retry) tells when to ask again: after that
/// time, or after a millisecond if it is now; if it is never, the execution ends. One that must not
/// wait ends at once, after it has asked to reserve one microsecond, so that the denial can be put on
/// record. Memory is reserved before it grows and released with its store.
pub trait Account: Debug + Send + Sync {
    /// Tells whether something could be taken now, without taking it.
    ///
    /// # Errors
    ///
    /// What [`take`](Self::take) would say.
    fn peek(&self, quota: QuotaType) -> Result<(), QuotaError>;

    /// Takes something, which is kept until it is [released](Self::release): unlike
    /// [`QuotaTracker::reserve`], which hands back what it took.
    ///
    /// # Errors
    ///
    /// Says which resource refused, and when to try again. Nothing has been taken then.
    fn take(&self, quota: QuotaType) -> Result<(), QuotaError>;

    /// Counts what has already been used, whether it fits or not.
    fn charge(&self, quota: QuotaType);

    /// Gives back storage or memory. A rate comes back with time only.
    fn release(&self, quota: QuotaType);

    /// Hears that an execution has ended. Does nothing by default.
    ///
    /// The executor calls it once for each execution and each call into a live instance, however
    /// it ends: well, with a failure, before the guest was entered, or because the caller dropped
    /// its future. A future that was dropped before its first poll is no execution. The store's
    /// memory may still be taken from the account.
    fn ended(&self, end: &ExecutionEnd) {
        let _ = end;
    }
}

impl Account for QuotaTracker {
    fn peek(&self, quota: QuotaType) -> Result<(), QuotaError> {
        Self::peek(self, quota)
    }

    fn take(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.consume(quota)
    }

    fn charge(&self, quota: QuotaType) {
        Self::charge(self, quota);
    }

    fn release(&self, quota: QuotaType) {
        Self::release(self, quota);
    }
}
