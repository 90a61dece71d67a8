//! The seam between executing a component and counting its use.

use core::fmt::Debug;

use crate::execution::execution_end::ExecutionEnd;
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::QuotaType;
use crate::quota::tracker::QuotaTracker;

/// The account that an execution takes from and charges.
///
/// A [`QuotaTracker`] is one; other implementations add to it, such as an audit of denials.
///
/// An execution peeks at one microsecond of CPU time before each slice, and charges the slice's
/// time after it. If the peek is refused, the execution peeks again after the error's
/// [`retry`](QuotaError::retry) (after a millisecond for `Now`), and ends for `Never`. An execution
/// that must not wait takes one microsecond instead, so that the account can record the denial, and
/// ends. Memory is taken before it grows and released with its store.
pub trait Account: Debug + Send + Sync {
    /// Checks whether an amount could be taken now, without taking it.
    ///
    /// # Errors
    ///
    /// The refusal of [`take`](Self::take).
    fn peek(&self, quota: QuotaType) -> Result<(), QuotaError>;

    /// Takes an amount and keeps it until it is [released](Self::release).
    ///
    /// # Errors
    ///
    /// The refusal, with the time to retry. Nothing has been taken.
    fn take(&self, quota: QuotaType) -> Result<(), QuotaError>;

    /// Counts use after the fact, whether it fits or not.
    fn charge(&self, quota: QuotaType);

    /// Releases units of a total: of storage, its entries or memory. A rate cannot be released.
    fn release(&self, quota: QuotaType);

    /// Receives the end of an execution. Does nothing by default.
    ///
    /// The executor calls it once for each execution and each call into a live instance, after
    /// every end: success, failure, an end before the guest was entered, or a future dropped by the
    /// caller. A future dropped before its first poll is not an execution. The store's memory may
    /// still be taken from the account.
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
        let _counted = Self::charge(self, quota);
    }

    fn release(&self, quota: QuotaType) {
        Self::release(self, quota);
    }
}
