//! The seam between who executes and who counts.

use core::fmt::Debug;

use crate::{QuotaError, QuotaTracker, QuotaType};

/// What an execution takes from and reports to.
///
/// A [`QuotaTracker`] is one; others add what they want on top, such as an audit.
///
/// "May I run now?" is `peek(QuotaType::CpuTimeMicros(1))`; the error's
/// [`retry`](QuotaError::retry) tells when.
pub trait Account: Debug + Send + Sync {
    /// Tells whether something could be taken now, without taking it.
    ///
    /// # Errors
    ///
    /// What [`reserve`](Self::reserve) would say.
    fn peek(&self, quota: QuotaType) -> Result<(), QuotaError>;

    /// Takes something, which is kept until it is [released](Self::release).
    ///
    /// # Errors
    ///
    /// Says which resource refused, and when to try again. Nothing has been taken then.
    fn reserve(&self, quota: QuotaType) -> Result<(), QuotaError>;

    /// Counts what has already been used, whether it fits or not.
    fn charge(&self, quota: QuotaType);

    /// Gives back storage or memory. A rate comes back with time only.
    fn release(&self, quota: QuotaType);
}

impl Account for QuotaTracker {
    fn peek(&self, quota: QuotaType) -> Result<(), QuotaError> {
        Self::peek(self, quota)
    }

    fn reserve(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.consume(quota)
    }

    fn charge(&self, quota: QuotaType) {
        Self::charge(self, quota);
    }

    fn release(&self, quota: QuotaType) {
        Self::release(self, quota);
    }
}
