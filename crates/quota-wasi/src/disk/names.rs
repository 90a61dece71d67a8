//! Changes of names.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, MutexGuard};

use quota_enforce::Grant;
use rustix::fs::{
    AtFlags, Mode, OFlags, Stat, linkat, mkdirat, openat, renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::disk::DiskLedger;
use crate::disk::error::DiskError;
use crate::disk::inodes::Held;
use crate::disk::open_file::OpenFile;

/// The lock of all names in a component's directories, and the changes under it.
///
/// `dir` is an open directory, and `name` one component of a path, in it; a link is never followed.
/// A name with a slash is `EINVAL`.
pub(crate) struct Names<'a> {
    ledger: &'a Arc<DiskLedger>,
    _lock: MutexGuard<'a, ()>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(ledger: &'a Arc<DiskLedger>, lock: MutexGuard<'a, ()>) -> Self {
        Self { ledger, _lock: lock }
    }

    /// Makes a file that does not exist, with all permissions to read and write that the umask
    /// leaves.
    ///
    /// Of `access`, `O_APPEND` and `O_TRUNC` have no effect.
    pub(crate) fn create_file(
        &self,
        dir: &File,
        name: &OsStr,
        access: OFlags,
    ) -> Result<OpenFile, DiskError> {
        check(name)?;
        let grant = self.reserve(dir, name, 0)?;
        let flags = access - OFlags::APPEND - OFlags::TRUNC;
        let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(dir, name, flags, Mode::from_raw_mode(0o666))?;
        self.ledger.counted.keep_entry(grant, 0);
        let file = Arc::new(File::from(file));
        let held = Held::of_file(self.ledger, &file)?;
        held.was_created();
        Ok(OpenFile::new(file, held))
    }

    /// Makes a directory, with all permissions that the umask leaves.
    pub(crate) fn create_dir(&self, dir: &File, name: &OsStr) -> Result<(), DiskError> {
        check(name)?;
        let grant = self.reserve(dir, name, 0)?;
        mkdirat(dir, name, Mode::from_raw_mode(0o777))?;
        self.keep_new(grant, dir, name)
    }

    /// Makes a symbolic link. Its target is any text.
    pub(crate) fn symlink(
        &self,
        target: &OsStr,
        dir: &File,
        name: &OsStr,
    ) -> Result<(), DiskError> {
        check(name)?;
        let len = u64::try_from(target.len()).unwrap_or(u64::MAX);
        let grant = self.reserve(dir, name, len)?;
        symlinkat(target, dir, name)?;
        self.keep_new(grant, dir, name)
    }

    /// Gives a file another name.
    pub(crate) fn hard_link(
        &self,
        dir: &File,
        name: &OsStr,
        to: &File,
        to_name: &OsStr,
    ) -> Result<(), DiskError> {
        check(name)?;
        check(to_name)?;
        let (held, _) = Held::of_name(self.ledger, dir, name)?;
        let grant = self.reserve(to, to_name, 0)?;
        linkat(dir, name, to, to_name, AtFlags::empty())?;
        held.got_name();
        self.ledger.counted.keep_entry(grant, 0);
        Ok(())
    }

    /// Renames a file, link or directory, over one that exists as the system does.
    pub(crate) fn rename(
        &self,
        dir: &File,
        name: &OsStr,
        to: &File,
        to_name: &OsStr,
    ) -> Result<(), DiskError> {
        check(name)?;
        check(to_name)?;
        let (source, _) = Held::of_name(self.ledger, dir, name)?;
        let target = match Held::of_name(self.ledger, to, to_name) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        renameat(dir, name, to, to_name)?;
        // Two names of one inode both stay.
        if let Some((target, stat)) = target.filter(|(target, _)| target.id() != source.id()) {
            target.lost_name(is_last_name(&stat));
        }
        Ok(())
    }

    /// Removes a file or link.
    pub(crate) fn unlink(&self, dir: &File, name: &OsStr) -> Result<(), DiskError> {
        self.remove(dir, name, AtFlags::empty())
    }

    /// Removes an empty directory.
    pub(crate) fn remove_dir(&self, dir: &File, name: &OsStr) -> Result<(), DiskError> {
        self.remove(dir, name, AtFlags::REMOVEDIR)
    }

    fn remove(&self, dir: &File, name: &OsStr, flags: AtFlags) -> Result<(), DiskError> {
        check(name)?;
        let (held, stat) = Held::of_name(self.ledger, dir, name)?;
        unlinkat(dir, name, flags)?;
        held.lost_name(is_last_name(&stat));
        Ok(())
    }

    /// Reserves an entry and bytes for a name. One that exists is refused as such, also by a quota
    /// that has nothing left.
    fn reserve(&self, dir: &File, name: &OsStr, bytes: u64) -> Result<Grant, DiskError> {
        self.ledger.counted.reserve_entry(bytes).map_err(|refusal| {
            match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Errno::EXIST.into(),
                Err(_) => refusal.into(),
            }
        })
    }

    /// Keeps the entry of a directory or link that was made.
    fn keep_new(&self, grant: Grant, dir: &File, name: &OsStr) -> Result<(), DiskError> {
        let made = Held::of_name(self.ledger, dir, name);
        // Others may have removed it.
        let len = made.map_or(0, |(held, _)| held.was_created());
        self.ledger.counted.keep_entry(grant, len);
        Ok(())
    }
}

/// Reports whether an inode has one name only. A directory has more, but no bytes.
fn is_last_name(stat: &Stat) -> bool {
    stat.st_nlink <= 1
}

fn check(name: &OsStr) -> Result<(), Errno> {
    if name.as_bytes().contains(&b'/') { Err(Errno::INVAL) } else { Ok(()) }
}
