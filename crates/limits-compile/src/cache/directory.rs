//! The directory of a cache, in which another process may have put anything.
//!
//! # Invariants
//!
//! - I23: nothing outside the directory is opened, written or removed, and no call blocks on a pipe
//!   or a device: names are made of a key here, links are not followed, and only regular files are
//!   used.

use core::time::Duration;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use crate::cache::name::Name;

/// Names that one listing has at most. A directory with more is listed again after some were
/// removed.
const MOST_LISTED: usize = 65_536;
/// The mode of all files.
const OWN: Mode = Mode::from_raw_mode(0o600);

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory(OwnedFd);

/// A file in a listing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) name: Name,
    pub(super) is_regular: bool,
    /// The bytes of the file, or those on the disk if that is more.
    pub(super) bytes: u64,
    pub(super) used: SystemTime,
}

impl Directory {
    /// Opens a directory, and makes it and those above it if they are missing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens a file for reading. Anything but a regular file is an error, and is removed.
    pub(super) fn read(&self, name: Name) -> io::Result<File> {
        self.regular(name, OFlags::RDONLY)
    }

    /// Makes a file that did not exist.
    pub(super) fn create_new(&self, name: Name) -> io::Result<File> {
        self.regular(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
    }

    /// Opens a file for its lock alone, and makes it if it is missing.
    fn open_lock(&self, name: Name) -> io::Result<File> {
        self.regular(name, OFlags::RDONLY | OFlags::CREATE)
    }

    fn regular(&self, name: Name, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(&self.0, name.to_string(), flags, OWN);
        let is_new = flags.contains(OFlags::EXCL);
        match opened.map(File::from) {
            Ok(file) if file.metadata()?.is_file() => Ok(file),
            // The name is that of a link, a pipe or a directory: no file of this cache.
            Ok(_) | Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR | Errno::NODEV) if !is_new => {
                self.remove(name)?;
                Err(io::Error::other("it was no regular file"))
            }
            Ok(_) => Err(io::Error::other("it is no regular file")),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a file another name, in one step. A file of that name goes.
    pub(super) fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        let (from, to) = (from.to_string(), to.to_string());
        match renameat(&self.0, &from, &self.0, &to) {
            // A directory in its place.
            Err(Errno::ISDIR) => {
                unlinkat(&self.0, &to, AtFlags::REMOVEDIR)?;
                Ok(renameat(&self.0, &from, &self.0, &to)?)
            }
            done => Ok(done?),
        }
    }

    /// Removes a file, a link, or an empty directory.
    pub(super) fn remove(&self, name: Name) -> io::Result<()> {
        let name = name.to_string();
        match unlinkat(&self.0, &name, AtFlags::empty()) {
            Err(Errno::ISDIR) => Ok(unlinkat(&self.0, &name, AtFlags::REMOVEDIR)?),
            done => Ok(done?),
        }
    }

    /// Returns the files whose names are a cache's, in no order.
    pub(super) fn list(&self) -> io::Result<Vec<Listed>> {
        let mut found = Vec::new();
        for entry in Dir::read_from(&self.0)?.take(MOST_LISTED) {
            let entry = entry?;
            let Some(name) = Name::parse(OsStr::from_bytes(entry.file_name().to_bytes())) else {
                continue;
            };
            // It may have gone meanwhile.
            let Ok(stat) = statat(&self.0, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let size = u64::try_from(stat.st_size).unwrap_or(0);
            let on_disk = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
            found.push(Listed {
                name,
                is_regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
                bytes: size.max(on_disk),
                used: time(stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            });
        }
        Ok(found)
    }

    /// Locks the file of a name, and makes it if it is missing; `None` if it is locked already.
    pub(super) fn try_lock(&self, name: Name) -> io::Result<Option<File>> {
        // A holder removes the file before it unlocks it: a lock counts only if the file still has
        // its name.
        for _ in 0..8 {
            let file = self.open_lock(name)?;
            match file.try_lock() {
                Ok(()) if self.is(&file, name)? => return Ok(Some(file)),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::other("it is removed again and again"))
    }

    /// Removes a file that no process holds locked, and returns whether it did.
    pub(super) fn remove_unlocked(&self, name: Name) -> bool {
        let Ok(file) = self.read(name) else { return false };
        file.try_lock().is_ok()
            && self.is(&file, name).unwrap_or(false)
            && self.remove(name).is_ok()
    }

    /// Returns whether a name is that of an open file.
    pub(super) fn is(&self, file: &File, name: Name) -> io::Result<bool> {
        let open = file.metadata()?;
        match statat(&self.0, name.to_string(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((open.dev(), open.ino()) == (named.st_dev, named.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn time(seconds: i64, nanos: u32) -> SystemTime {
    // A time before 1970 is as old as any.
    let since =
        u64::try_from(seconds).map_or(Duration::ZERO, |seconds| Duration::new(seconds, nanos));
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
}
