//! Refusals and failures as the guest sees them.

use core::fmt;
use std::io;

use limits_core::QuotaError;
use quota_enforce::EnforceError;
use rustix::io::Errno;
use thiserror::Error;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{FsError, StreamError};

use crate::disk::error::DiskError;
use crate::told_quota::ToldQuota;

/// The error of a stream that a quota refused, by which `filesystem-error-code` knows it.
#[derive(Error)]
#[error("{}", ToldQuota(.0))]
pub(crate) struct OverQuota(QuotaError);

impl fmt::Debug for OverQuota {
    /// The text of `to-debug-string`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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

/// Returns the error of a call of the system's.
///
/// Descriptors that the host has no more of are missed as those are that the guest may not have
/// more of; wasmtime-wasi has no code for them, and says `io`.
pub(crate) fn failed_io(error: io::Error) -> FsError {
    match Errno::from_io_error(&error) {
        Some(Errno::MFILE | Errno::NFILE) => ErrorCode::InsufficientMemory.into(),
        _ => error.into(),
    }
}

/// Returns the error of a change on the disk.
pub(crate) fn failed(error: DiskError) -> FsError {
    match error {
        DiskError::Quota(error) => refused(error),
        DiskError::Io(error) => failed_io(error),
    }
}

/// Returns the error of a stream's last write.
pub(crate) fn stream_failed(error: DiskError) -> StreamError {
    match error {
        DiskError::Quota(EnforceError::Quota(error)) => {
            StreamError::LastOperationFailed(OverQuota(error).into())
        }
        DiskError::Quota(other) => StreamError::Trap(other.into()),
        DiskError::Io(error) => StreamError::LastOperationFailed(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{failed, failed_io};
    use crate::disk::error::DiskError;
    use rustix::io::Errno;
    use std::io;
    use wasmtime_wasi::p2::FsError;
    use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

    fn code(error: FsError) -> ErrorCode {
        error.downcast().unwrap()
    }

    #[test]
    fn the_systems_lack_of_descriptors_is_told_as_the_guests_own() {
        for errno in [Errno::MFILE, Errno::NFILE] {
            assert_eq!(code(failed_io(errno.into())), ErrorCode::InsufficientMemory);
            assert_eq!(code(failed(DiskError::Io(errno.into()))), ErrorCode::InsufficientMemory);
        }
        assert_eq!(code(failed_io(Errno::NOENT.into())), ErrorCode::NoEntry);
        assert_eq!(code(failed_io(io::Error::other("else"))), ErrorCode::Io);
    }
}
