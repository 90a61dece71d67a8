//! Locks of directories against other processes and components.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, openat};
use rustix::io::Errno;

use crate::disk::inode_id::InodeId;

/// The directories that one component has locked. Dropping it unlocks them.
///
/// Each has an exclusive `flock` of its own, so a second holder is refused in this process as well.
///
/// - I10: of two holders of a directory, or of one and of one below it, one is refused.
///
/// A holder asks for the directories above its own; those below are asked for by the walk over
/// them. So a directory above one that is in use is not noticed where the baseline is free and
/// nothing is counted. Neither are directories that were moved below another since, those that are
/// reached through another mount, and programs that do not ask for the lock.
#[derive(Debug)]
pub(crate) struct DirectoryLocks {
    held: Vec<OwnedFd>,
}

/// The reason why directories are not locked.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another process, or another component of this process, has locked it.
    InUse {
        /// The path that was given.
        path: PathBuf,
    },
    /// As [`InUse`](Self::InUse), for a directory above it.
    AboveInUse {
        /// The path that was given.
        path: PathBuf,
    },
    /// The file system has no such locks, or the directory cannot be read.
    Io {
        /// The path that was given.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl DirectoryLocks {
    /// Locks all the directories of one component, or none of them. They may lie below each other,
    /// and be given twice. The paths are for errors.
    pub(crate) fn take(directories: &[(&File, &Path)]) -> Result<Self, LockError> {
        let mut locks = Self { held: Vec::new() };
        let mut own = HashSet::new();
        for (dir, path) in directories {
            locks.lock(dir, &mut own).map_err(|errno| match errno {
                Errno::WOULDBLOCK => LockError::InUse { path: path.to_path_buf() },
                errno => LockError::Io { path: path.to_path_buf(), error: errno.into() },
            })?;
        }
        // After all are locked: of two holders that start at once, one sees the other's lock.
        for (dir, path) in directories {
            if is_locked_above(dir, &own) {
                return Err(LockError::AboveInUse { path: path.to_path_buf() });
            }
        }
        Ok(locks)
    }

    fn lock(&mut self, dir: &File, own: &mut HashSet<InodeId>) -> Result<(), Errno> {
        // Opened anew: the lock belongs to this open directory, not to the caller's.
        let fd = openat(dir, c".", DIRECTORY, Mode::empty())?;
        if own.insert(InodeId::of(&fstat(&fd)?)) {
            flock(&fd, FlockOperation::NonBlockingLockExclusive)?;
            self.held.push(fd);
        }
        Ok(())
    }
}

/// Reports whether another holder has locked a directory above this one. A directory that cannot be
/// read ends the search.
fn is_locked_above(dir: &File, own: &HashSet<InodeId>) -> bool {
    let above = |here: &dyn AsFd| -> Result<_, Errno> {
        let fd = openat(here, c"..", DIRECTORY, Mode::empty())?;
        let id = InodeId::of(&fstat(&fd)?);
        Ok((fd, id))
    };
    let mut below = fstat(dir).ok().map(|stat| InodeId::of(&stat));
    let mut next = above(dir);
    while let Ok((fd, id)) = next {
        // The root lies in itself.
        if below.replace(id) == Some(id) {
            break;
        }
        if !own.contains(&id) && is_locked(&fd) {
            return true;
        }
        next = above(&fd);
    }
    false
}

/// Reports whether another holder has locked a directory that was opened just now. If not, it is
/// shared until it is closed.
pub(crate) fn is_locked(dir: &OwnedFd) -> bool {
    flock(dir, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}
