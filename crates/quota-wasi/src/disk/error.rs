//! Errors of changes on disk, and of the walk over it.

use std::io;
use std::path::PathBuf;

use quota_enforce::EnforceError;
use rustix::io::Errno;
use thiserror::Error;

/// The reason why something on disk was not changed.
#[derive(Debug, Error)]
pub(crate) enum DiskError {
    /// The component's quota, or that of all components, has not enough left.
    #[error(transparent)]
    Quota(#[from] EnforceError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for DiskError {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// The reason why what lies in the directories is not counted.
#[derive(Debug)]
pub(crate) enum WalkError {
    /// The caller broke it off.
    Interrupted,
    /// Another process, or another component of this process, has locked a directory below a root.
    InUse {
        /// The position of the root in the list.
        root: usize,
        /// The path below the root.
        path: PathBuf,
    },
    /// A file or directory cannot be read.
    Io {
        /// The position of the root in the list.
        root: usize,
        /// The path below the root; empty for the root itself.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}
