//! Errors of preparing a component's directories and pairs.

use std::io;
use std::path::{Path, PathBuf};

use limits_core::Escaped;
use thiserror::Error;

use crate::directory::Directory;
use crate::disk::error::WalkError;
use crate::disk::lock::LockError;
use crate::keyvalue::store_error::KeyValueStoreError;

/// The reason why a component's directories or pairs could not be prepared.
///
/// Its `Display` escapes hidden characters of paths.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WasiQuotaError {
    /// A directory cannot be opened.
    #[error("directory `{}` cannot be opened: {error}", shown(path))]
    Open {
        /// The path on the host.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Another process, or another component of this one, has locked a directory.
    #[error("directory `{}` is in use by another process or component", shown(path))]
    InUse {
        /// The path on the host.
        path: PathBuf,
    },
    /// As [`InUse`](Self::InUse), for a directory above it.
    #[error(
        "directory `{}` lies below one that is in use by another process or component",
        shown(path)
    )]
    AboveInUse {
        /// The path on the host.
        path: PathBuf,
    },
    /// A directory cannot be locked.
    #[error("directory `{}` cannot be locked: {error}", shown(path))]
    Lock {
        /// The path on the host.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A file or directory cannot be counted.
    #[error("`{}` cannot be counted: {error}", shown(path))]
    Count {
        /// The path on the host.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The caller broke off the count of what lies in the directories.
    #[error("the count of what lies in the directories was broken off")]
    Interrupted,
    /// The component's pairs cannot be opened in the host's store.
    #[error(transparent)]
    KeyValue(#[from] KeyValueStoreError),
    /// No thread may block for the component, so none of its calls could end.
    #[error("no thread may block for the component: expected at least 1")]
    NoBlockingThreads,
}

fn shown(path: &Path) -> String {
    Escaped::head(&path.to_string_lossy(), 4_096).in_quotes().to_string()
}

impl WasiQuotaError {
    pub(crate) fn of_lock(error: LockError) -> Self {
        match error {
            LockError::InUse { path } => Self::InUse { path },
            LockError::AboveInUse { path } => Self::AboveInUse { path },
            LockError::Io { path, error } => Self::Lock { path, error },
        }
    }

    /// `roots` are the directories that were counted.
    pub(crate) fn of_walk(error: WalkError, roots: &[&Directory]) -> Self {
        let whole = |root, path: PathBuf| {
            let root: Option<&&Directory> = roots.get(root);
            let root = root.map_or_else(PathBuf::new, |root| root.host_path().into());
            if path.as_os_str().is_empty() { root } else { root.join(path) }
        };
        match error {
            WalkError::Interrupted => Self::Interrupted,
            WalkError::InUse { root, path } => Self::InUse { path: whole(root, path) },
            WalkError::Io { root, path, error } => Self::Count { path: whole(root, path), error },
        }
    }
}
