//! Refusals and failures as the guest sees them.

use quota_enforce::EnforceError;
use thiserror::Error;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{FsError, StreamError};

use crate::disk::error::DiskError;

/// The error of a stream that a quota refused, by which `filesystem-error-code` knows it.
#[derive(Debug, Error)]
#[error(transparent)]
pub(crate) struct OverQuota(EnforceError);

/// Returns the error of a call that a capability or a quota refused.
///
/// A program expects `EACCES` and `EDQUOT` of them. `EPERM` stays the answer of a directory that is
/// read-only for all, as without quotas. Every other error is the host's, so the guest traps.
pub(crate) fn refused(error: EnforceError) -> FsError {
    match error {
        EnforceError::Capability(_) => ErrorCode::Access.into(),
        EnforceError::Quota(_) => ErrorCode::Quota.into(),
        other => FsError::trap(other),
    }
}

/// Returns the error of a change on the disk.
pub(crate) fn failed(error: DiskError) -> FsError {
    match error {
        DiskError::Quota(error) => refused(error),
        DiskError::Io(error) => error.into(),
    }
}

/// Returns the error of a stream's last write.
pub(crate) fn stream_failed(error: DiskError) -> StreamError {
    match error {
        DiskError::Quota(error @ EnforceError::Quota(_)) => {
            StreamError::LastOperationFailed(OverQuota(error).into())
        }
        DiskError::Quota(other) => StreamError::Trap(other.into()),
        DiskError::Io(error) => StreamError::LastOperationFailed(error.into()),
    }
}
