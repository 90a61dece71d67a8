//! Locks of directories against other processes and components.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::Errno;
use thiserror::Error;

/// The directories that one component has locked. Dropping it unlocks them.
#[derive(Debug)]
pub(crate) struct DirectoryLocks {
    _held: Vec<OwnedFd>,
}

/// The reason why a directory is not locked.
#[derive(Debug, Error)]
pub(crate) enum LockError {
    /// Another process, or another component of this process, has locked it.
    #[error("directory `{}` is in use by another process or component", path.display())]
    InUse {
        /// The path that was given.
        path: PathBuf,
    },
    /// The file system has no such locks, or the directory cannot be read.
    #[error("directory `{}` cannot be locked: {error}", path.display())]
    Io {
        /// The path that was given.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl DirectoryLocks {
    /// Locks all the directories of one component or none. The paths are for errors.
    pub(crate) fn take(directories: &[(&File, &Path)]) -> Result<Self, LockError> {
        let lock = |dir: &File, path: &Path| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            // Opened anew: the lock belongs to this open directory, not to the caller's.
            let own = openat(dir, c".", flags, Mode::empty());
            let own = own.and_then(|own| {
                flock(&own, FlockOperation::NonBlockingLockExclusive).map(|()| own)
            });
            own.map_err(|errno| match errno {
                Errno::WOULDBLOCK => LockError::InUse { path: path.to_owned() },
                errno => LockError::Io { path: path.to_owned(), error: errno.into() },
            })
        };
        let held = directories.iter().map(|(dir, path)| lock(dir, path));
        Ok(Self { _held: held.collect::<Result<_, _>>()? })
    }
}
