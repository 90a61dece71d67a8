//! A count of what is on disk, by the standard library alone.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::disk::open_file::OpenFile;

#[derive(Debug, Default)]
pub(super) struct OnDisk {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    seen: HashSet<(u64, u64)>,
}

/// Counts what lies below the directories, and open files that have no name there.
pub(super) fn recount(roots: &[&Path], open: &[&OpenFile]) -> OnDisk {
    let mut on_disk = OnDisk::default();
    for root in roots {
        on_disk.below(root);
    }
    for file in open {
        on_disk.inode(&file.file().metadata().unwrap());
    }
    on_disk
}

impl OnDisk {
    fn below(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            self.entries += 1;
            if metadata.is_dir() {
                self.below(&path);
            } else {
                self.inode(&metadata);
            }
        }
    }

    fn inode(&mut self, metadata: &Metadata) {
        let has_bytes = metadata.is_file() || metadata.is_symlink();
        if has_bytes && self.seen.insert((metadata.dev(), metadata.ino())) {
            self.bytes += metadata.len();
        }
    }
}
