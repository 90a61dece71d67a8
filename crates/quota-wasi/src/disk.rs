//! The disk that a component uses, counted exactly, without knowledge of WASI.
//!
//! The use is the sum of the logical sizes of regular files, once for each inode, the lengths of
//! the targets of symbolic links, and a constant number of bytes for each directory entry.
//!
//! A change of a file locks its inode, reserves growth, acts, and settles by what the file's size
//! is then. A change of names locks [`Names`], and looks at a name, acts and settles under that
//! lock. Locks are taken in this order: names, table of inodes, one inode. Everything blocks: it
//! runs in one closure on a thread that may block, and to its end, whatever becomes of the caller.

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

/// What lies in a component's directories at the start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Baseline {
    /// It is counted.
    #[default]
    Count,
    /// It is free: only growth from there is counted, and only that is given back.
    Free,
}

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
        baseline: Baseline,
    ) -> Arc<Self> {
        let paid = match baseline {
            Baseline::Count => Paid::Everything,
            Baseline::Free => Paid::Parts(Default::default()),
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
