//! The walk over what lies in the directories at the start.

use core::ffi::CStr;
use core::ops::ControlFlow;
use std::collections::HashSet;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, Stat, fstat, openat, statat};
use rustix::io::Errno;

use crate::disk::error::WalkError;
use crate::disk::inode_id::{InodeId, counted_len};
use crate::disk::lock::is_locked;
use crate::walk_progress::WalkProgress;

/// The findings of the walk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

/// Counts what lies below directories.
///
/// - I9: each root, name and inode counts once, and no link is followed.
///
/// It has three directories open at most, and no recursion, so a deep tree costs memory alone: a
/// name and an identity for each level, and the names of the directories that are still to be
/// visited. The identities of files with several names are remembered too.
pub(crate) struct Walk<'p> {
    found: Found,
    progress: &'p mut dyn FnMut(WalkProgress) -> ControlFlow<()>,
    /// The roots that were visited, from their own place or from above.
    visited: HashSet<InodeId>,
    roots: HashSet<InodeId>,
    linked: HashSet<InodeId>,
    buffer: Vec<u8>,
}

/// A directory on the way down.
struct Level {
    id: InodeId,
    name: CString,
    pending: Vec<CString>,
}

/// The entries between two calls of the progress function.
pub(super) const STRIDE: u64 = if cfg!(test) { 16 } else { 1_024 };

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl<'p> Walk<'p> {
    pub(crate) fn new(progress: &'p mut dyn FnMut(WalkProgress) -> ControlFlow<()>) -> Self {
        Self {
            found: Found::default(),
            progress,
            visited: HashSet::new(),
            roots: HashSet::new(),
            linked: HashSet::new(),
            buffer: Vec::with_capacity(32 * 1024),
        }
    }

    /// Visits each root and returns the sums.
    pub(crate) fn roots(mut self, roots: &[&File]) -> Result<Found, WalkError> {
        let failed = |root, error| WalkError::Io { root, path: PathBuf::new(), error };
        for (root, dir) in roots.iter().enumerate() {
            let stat = fstat(dir).map_err(|errno| failed(root, errno.into()))?;
            self.roots.insert(InodeId::of(&stat));
        }
        for (root, dir) in roots.iter().enumerate() {
            let open = || {
                let dir = openat(dir, c".", DIRECTORY, Mode::empty())?;
                let id = InodeId::of(&fstat(&dir)?);
                Ok((dir, id))
            };
            let (dir, id) = open().map_err(|errno: Errno| failed(root, errno.into()))?;
            if self.visited.insert(id) {
                self.tree(root, dir, id)?;
            }
        }
        if self.report().is_break() { Err(WalkError::Interrupted) } else { Ok(self.found) }
    }

    fn tree(&mut self, root: usize, mut here: OwnedFd, id: InodeId) -> Result<(), WalkError> {
        let mut levels: Vec<Level> = Vec::new();
        let mut level = Level { id, name: CString::default(), pending: Vec::new() };
        level.pending = self.directory(&here).map_err(|at| at.below(root, &levels, &level))?;
        loop {
            let at = |name: &CStr, errno: Errno| Failed::At(name.to_owned(), errno.into());
            if let Some(name) = level.pending.pop() {
                let open = || {
                    let child = openat(&here, &*name, DIRECTORY, Mode::empty())?;
                    let id = InodeId::of(&fstat(&child)?);
                    Ok((child, id))
                };
                let (child, id) = match open() {
                    // Others have removed it.
                    Err(Errno::NOENT) => continue,
                    opened => {
                        opened.map_err(|errno| at(&name, errno).below(root, &levels, &level))?
                    }
                };
                let mut below = Level { id, name, pending: Vec::new() };
                if !self.roots.contains(&id) && is_locked(&child) {
                    levels.push(level);
                    return Err(Failed::InUse.below(root, &levels, &below));
                }
                match self.directory(&child) {
                    Ok(pending) => below.pending = pending,
                    Err(failed) => {
                        levels.push(level);
                        return Err(failed.below(root, &levels, &below));
                    }
                }
                if !below.pending.is_empty() {
                    levels.push(core::mem::replace(&mut level, below));
                    here = child;
                }
            } else if let Some(above) = levels.pop() {
                let back = || {
                    let parent = openat(&here, c"..", DIRECTORY, Mode::empty())?;
                    // Others may have moved it.
                    let is_above = InodeId::of(&fstat(&parent)?) == above.id;
                    if is_above { Ok(parent) } else { Err(Errno::STALE) }
                };
                match back() {
                    Ok(parent) => here = parent,
                    Err(errno) => {
                        levels.push(above);
                        return Err(at(c"..", errno).below(root, &levels, &level));
                    }
                }
                level = above;
            } else {
                return Ok(());
            }
        }
    }

    /// Counts the entries of a directory and returns the directories among them that are to be
    /// visited.
    fn directory(&mut self, dir: &OwnedFd) -> Result<Vec<CString>, Failed> {
        let mut pending = Vec::new();
        let mut buffer = core::mem::take(&mut self.buffer);
        let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|errno| Failed::Here(errno.into()))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(Failed::At(name.to_owned(), errno.into())),
                Ok(stat) => stat,
            };
            self.entry(&stat)?;
            if FileType::from_raw_mode(stat.st_mode).is_dir() && self.is_to_be_visited(&stat) {
                pending.push(name.to_owned());
            }
        }
        self.buffer = buffer;
        Ok(pending)
    }

    fn is_to_be_visited(&mut self, stat: &Stat) -> bool {
        let id = InodeId::of(stat);
        !self.roots.contains(&id) || self.visited.insert(id)
    }

    fn entry(&mut self, stat: &Stat) -> Result<(), Failed> {
        self.found.entries = self.found.entries.saturating_add(1);
        let is_new = stat.st_nlink <= 1
            || FileType::from_raw_mode(stat.st_mode).is_dir()
            || self.linked.insert(InodeId::of(stat));
        if is_new {
            self.found.bytes = self.found.bytes.saturating_add(counted_len(stat));
        }
        if self.found.entries.is_multiple_of(STRIDE) && self.report().is_break() {
            return Err(Failed::Interrupted);
        }
        Ok(())
    }

    fn report(&mut self) -> ControlFlow<()> {
        let Found { entries, bytes } = self.found;
        (self.progress)(WalkProgress::new(entries, bytes))
    }
}

/// A failure in a directory, without the way there.
enum Failed {
    Interrupted,
    InUse,
    Here(io::Error),
    At(CString, io::Error),
}

impl Failed {
    fn below(self, root: usize, levels: &[Level], level: &Level) -> WalkError {
        let last = if let Self::At(name, _) = &self { Some(name) } else { None };
        let names = levels.iter().map(|it| &it.name).chain([&level.name]).chain(last);
        let path = names
            .map(|name| OsStr::from_bytes(name.to_bytes()))
            .filter(|name| !name.is_empty())
            .collect();
        match self {
            Self::Interrupted => WalkError::Interrupted,
            Self::InUse => WalkError::InUse { root, path },
            Self::Here(error) | Self::At(_, error) => WalkError::Io { root, path, error },
        }
    }
}
