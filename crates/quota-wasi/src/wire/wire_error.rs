//! A refusal of bandwidth, as a guest reads it.

use core::error::Error;
use core::fmt;
use std::io;

use quota_enforce::EnforceError;
use wasmtime_wasi::p2::StreamError;

use crate::told_quota::ToldQuota;

/// A refusal of bandwidth. Its texts, of `Display` and `Debug`, are what a guest reads.
pub(crate) struct WireError(EnforceError);

impl WireError {
    /// Returns the error of the quota, or of the host.
    pub(crate) fn cause(&self) -> &EnforceError {
        &self.0
    }

    /// Reports whether a quota refused; every other error is the host's.
    pub(crate) fn is_of_quota(&self) -> bool {
        matches!(self.0, EnforceError::Quota(_))
    }
}

impl From<EnforceError> for WireError {
    fn from(error: EnforceError) -> Self {
        Self(error)
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            EnforceError::Quota(error) => fmt::Display::fmt(&ToldQuota(error), f),
            other => fmt::Display::fmt(other, f),
        }
    }
}

impl fmt::Debug for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for WireError {}

impl From<WireError> for StreamError {
    /// A refusal is the guest's to read; any other error is the host's, so the guest traps.
    fn from(error: WireError) -> Self {
        match error.0 {
            EnforceError::Quota(_) => Self::LastOperationFailed(error.into()),
            other => Self::Trap(other.into()),
        }
    }
}

impl From<WireError> for io::Error {
    fn from(error: WireError) -> Self {
        Self::new(io::ErrorKind::QuotaExceeded, error)
    }
}
