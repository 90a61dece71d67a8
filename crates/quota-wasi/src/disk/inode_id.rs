//! The identity of a file, whatever its names.

use rustix::fs::{FileType, Stat};

/// Device and inode.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct InodeId {
    device: u64,
    inode: u64,
}

impl InodeId {
    pub(crate) const fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// Returns the bytes that an inode counts, apart from its names: the size of a regular file, or the
/// length of a link's target.
pub(crate) fn counted_len(stat: &Stat) -> u64 {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Symlink => u64::try_from(stat.st_size).unwrap_or(0),
        _ => 0,
    }
}
