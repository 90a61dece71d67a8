//! The disk that a component uses, counted exactly, without knowledge of WASI.
//!
//! The use is the sum of the logical lengths of regular files, once for each inode, the lengths of
//! the targets of symbolic links, and a constant number of bytes for each directory entry but the
//! roots. Blocks that the file system needs besides, or saves in holes, do not count.
//!
//! A change of a file locks its inode, reserves growth, acts, and settles by the length that the
//! file has then. A change of names locks [`Names`], looks at the names, reserves, acts and
//! settles. Locks are taken in this order: names, table of inodes, one inode. Everything blocks: it
//! runs in one closure on a thread that may block, and to its end, whatever becomes of the caller.
//!
//! # Invariants
//!
//! - I1: the component's use is never below the sum over what is on disk, and equal to it whenever
//!   no change is under way.
//! - I2: growth is reserved before it happens, so the use never passes the quota, in any
//!   interleaving; a refused change has changed nothing on disk.
//! - I3: a change is settled by the length after it, whether it succeeds, fails, is short or
//!   panics.
//! - I4: a write that fits in part is written up to the quota's last byte.
//!
//! # Others
//!
//! They hold as long as others change nothing in the directories. A file that others have grown or
//! cut while it is open is settled at its next change, past the quota if need be. Changes of files
//! that are not open, and of names, are not noticed: the use is then wrong by those until the
//! ledger is dropped, but never below zero, and never at the cost of the component's other use. An
//! inode with names outside of the directories stays counted when it has none inside.

mod change;
mod counted;
pub(crate) mod error;
mod inode_id;
mod inodes;
pub(crate) mod lock;
pub(crate) mod names;
pub(crate) mod open_file;
mod paid;
mod walk;

use core::fmt;
use core::ops::ControlFlow;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use limits_core::StorageBaseline;
use quota_enforce::ComponentHandle;
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;

use crate::disk::counted::Counted;
use crate::disk::error::WalkError;
use crate::disk::inodes::{Held, Inodes};
use crate::disk::names::Names;
use crate::disk::open_file::OpenFile;
use crate::disk::paid::Paid;
use crate::disk::walk::Walk;
use crate::walk_progress::WalkProgress;

/// The storage of one component in its directories.
///
/// Dropped with the last open file, it gives back what it has counted.
pub(crate) struct DiskLedger {
    counted: Counted,
    inodes: Inodes,
    names: Mutex<()>,
}

impl DiskLedger {
    /// Each directory entry counts as `entry_bytes` of storage.
    pub(crate) fn new(
        component: ComponentHandle,
        entry_bytes: u64,
        baseline: StorageBaseline,
    ) -> Arc<Self> {
        let paid = match baseline {
            StorageBaseline::Count => Paid::Everything,
            StorageBaseline::Free => Paid::Parts(Default::default()),
        };
        Arc::new(Self {
            counted: Counted::new(component, entry_bytes),
            inodes: Inodes::new(paid),
            names: Mutex::new(()),
        })
    }

    /// Counts what lies below the directories, also above the quota; nothing if that is free.
    ///
    /// A directory below another, or given twice, is counted once. Links are not followed. File
    /// systems that are mounted below a directory are counted too. Nothing is counted if it fails.
    pub(crate) fn count(
        &self,
        roots: &[&File],
        progress: &mut dyn FnMut(WalkProgress) -> ControlFlow<()>,
    ) -> Result<(), WalkError> {
        if self.inodes.has_free() {
            return Ok(());
        }
        let found = Walk::new(progress).roots(roots)?;
        self.counted.charge(found.entries, found.bytes);
        Ok(())
    }

    /// Takes a file that guests have opened into the ledger.
    ///
    /// The file must not have been opened to append or to truncate: `EINVAL` for the former. A file
    /// that has lost its last name since it was opened is `ENOENT`, unless it is open elsewhere:
    /// its bytes were given back.
    pub(crate) fn opened(self: &Arc<Self>, file: Arc<File>) -> io::Result<OpenFile> {
        if fcntl_getfl(&file)?.contains(OFlags::APPEND) {
            // It would write at the end, whatever the offset that was reserved for.
            return Err(Errno::INVAL.into());
        }
        let held = Held::of_file(self, &file)?;
        Ok(OpenFile::new(file, held))
    }

    /// Locks the names in all directories of the component.
    ///
    /// The caller looks, decides and changes under this lock, and waits for nothing but the disk.
    pub(crate) fn names(self: &Arc<Self>) -> Names<'_> {
        Names::new(self, locked(&self.names))
    }
}

impl fmt::Debug for DiskLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskLedger").field("counted", &self.counted).finish_non_exhaustive()
    }
}

/// Locks a mutex, also after a panic: guards settle what they protect before they unlock.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
