//! Names that are made, changed and removed.

use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, readlinkat, statat};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::detour::has_detour;
use crate::disk::DiskLedger;
use crate::error_code::failed;
use crate::lookup::{Base, Name, without_slashes};
use crate::system::Access;

impl Name {
    /// Tells whether it is the name that a directory has for itself.
    fn is_the_directory(&self) -> bool {
        self.name == "."
    }

    /// Asks what has the name now; a link is not followed.
    fn file_type(&self) -> std::io::Result<FileType> {
        let stat = statat(&*self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(FileType::from_raw_mode(stat.st_mode))
    }
}

/// Changes of names, each under the lock of names: nothing changes between the decision and the
/// change but by the hand of another process.
impl Base<'_> {
    pub(crate) fn create_directory(self, ledger: &Arc<DiskLedger>, path: &str) -> FsResult<()> {
        let names = ledger.names();
        let name = self.name(without_slashes(path), Access::WRITE)?;
        // A program that makes all directories on its way hears that those above its own exist.
        let is_there = name.file_type().is_ok_and(|file_type| file_type.is_dir());
        if is_there && self.judge.is_way(&name.place) {
            return Err(ErrorCode::Exist.into());
        }
        self.judge.write(&name.place)?;
        names.create_dir(&name.dir, &name.name).map_err(failed)
    }

    pub(crate) fn symlink(
        self,
        ledger: &Arc<DiskLedger>,
        target: &str,
        path: &str,
    ) -> FsResult<()> {
        if target.starts_with('/') {
            return Err(ErrorCode::NotPermitted.into());
        }
        let names = ledger.names();
        let name = self.name(path, Access::WRITE)?;
        self.judge.write(&name.place)?;
        self.decide_on_target(target)?;
        names.symlink(target.as_ref(), &name.dir, &name.name).map_err(failed)
    }

    pub(crate) fn unlink(self, ledger: &Arc<DiskLedger>, path: &str) -> FsResult<()> {
        let names = ledger.names();
        let name = self.name(path, Access::WRITE)?;
        self.judge.write(&name.place)?;
        names.unlink(&name.dir, &name.name).map_err(failed)
    }

    pub(crate) fn remove_directory(self, ledger: &Arc<DiskLedger>, path: &str) -> FsResult<()> {
        let names = ledger.names();
        let name = self.name(path, Access::WRITE)?;
        self.judge.write(&name.place)?;
        names.remove_dir(&name.dir, &name.name).map_err(failed)
    }

    pub(crate) fn link(
        self,
        ledger: &Arc<DiskLedger>,
        path: &str,
        to: Base<'_>,
        to_path: &str,
    ) -> FsResult<()> {
        let names = ledger.names();
        let source = self.name(path, Access::BOTH)?;
        let target = to.name(to_path, Access::WRITE)?;
        self.judge.open(&source.place, Access::BOTH)?;
        self.judge.write(&target.place)?;
        to.decide_on_link(&source)?;
        names.hard_link(&source.dir, &source.name, &target.dir, &target.name).map_err(failed)
    }

    pub(crate) fn rename(
        self,
        ledger: &Arc<DiskLedger>,
        path: &str,
        to: Base<'_>,
        to_path: &str,
    ) -> FsResult<()> {
        let names = ledger.names();
        let source = self.name(without_slashes(path), Access::BOTH)?;
        let target = to.name(without_slashes(to_path), Access::WRITE)?;
        self.judge.open(&source.place, Access::BOTH)?;
        self.judge.write(&target.place)?;
        if source.is_the_directory() || target.is_the_directory() {
            return Err(ErrorCode::Busy.into());
        }
        let file_type = source.file_type()?;
        if file_type.is_dir() {
            self.judge.take_tree(&source.place)?;
            self.judge.put_tree(&target.place)?;
        } else if path.ends_with('/') || to_path.ends_with('/') {
            return Err(ErrorCode::NotDirectory.into());
        }
        if file_type.is_symlink() {
            to.decide_on_link(&source)?;
        }
        names.rename(&source.dir, &source.name, &target.dir, &target.name).map_err(failed)
    }

    pub(crate) fn read_link(self, path: &str) -> FsResult<String> {
        let name = self.name(path, Access::READ)?;
        self.judge.read(&name.place)?;
        let target =
            readlinkat(&*name.dir, &name.name, Vec::new()).map_err(std::io::Error::from)?;
        let target = target.into_bytes();
        // The host's own paths do not show.
        if target.starts_with(b"/") {
            return Err(ErrorCode::NotPermitted.into());
        }
        String::from_utf8(target).ok().ok_or_else(|| ErrorCode::IllegalByteSequence.into())
    }

    /// Decides on the target of a link in this directory.
    fn decide_on_target(self, target: &str) -> FsResult<()> {
        if has_detour(target) { self.judge.point_anywhere(&self.root.place()) } else { Ok(()) }
    }

    /// Decides on a name in this directory for what may be a link, which means something else here.
    fn decide_on_link(self, link: &Name) -> FsResult<()> {
        match readlinkat(&*link.dir, &link.name, Vec::new()) {
            Ok(target) => self.decide_on_target(&target.to_string_lossy()),
            Err(_) => Ok(()),
        }
    }
}
