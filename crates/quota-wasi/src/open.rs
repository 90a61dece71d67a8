//! Opening files and directories.

use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_primitives::fs::FollowSymlinks;
use rustix::io::Errno;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsError, FsResult};
use wasmtime_wasi::{FsPerms, OpenMode};

use crate::absence::Absence;
use crate::disk::DiskLedger;
use crate::disk::names::Names;
use crate::disk::open_file::OpenFile;
use crate::error_code::{failed, failed_io};
use crate::lookup::{Answer, Base, Found, TRIES, without_slashes};
use crate::system::Access;

/// A guest's request to open a file or directory.
#[derive(Debug)]
pub(crate) struct OpenRequest {
    path: String,
    follow: FollowSymlinks,
    flags: OpenFlags,
    access: Access,
}

/// A file or directory that was opened.
pub(crate) enum NewlyOpen {
    Directory(File),
    File(OpenFile),
}

impl OpenRequest {
    /// Reads a request, and refuses it where the flags alone or the directory's access do.
    pub(crate) fn new(
        path: String,
        path_flags: PathFlags,
        flags: OpenFlags,
        wanted: DescriptorFlags,
        perms: FsPerms,
    ) -> Result<Self, ErrorCode> {
        let changes = flags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE);
        let writes = wanted.contains(DescriptorFlags::WRITE);
        // A file that is opened for neither is opened for reading.
        let read = wanted.contains(DescriptorFlags::READ) || !writes;
        let access = Access { read, write: writes || changes };
        if wanted.intersects(
            DescriptorFlags::FILE_INTEGRITY_SYNC
                | DescriptorFlags::DATA_INTEGRITY_SYNC
                | DescriptorFlags::REQUESTED_WRITE_SYNC,
        ) {
            return Err(ErrorCode::Unsupported);
        }
        if flags.contains(OpenFlags::DIRECTORY) && flags != OpenFlags::DIRECTORY {
            return Err(ErrorCode::Invalid);
        }
        if access.write && perms.write_not_permitted() {
            return Err(ErrorCode::NotPermitted);
        }
        Ok(Self { path, follow: follow(path_flags), flags, access })
    }

    /// Returns what the descriptor allows.
    pub(crate) fn mode(&self) -> OpenMode {
        let mut mode = OpenMode::empty();
        mode.set(OpenMode::READ, self.access.read);
        mode.set(OpenMode::WRITE, self.access.write);
        mode
    }

    /// Opens the file or directory. Nothing is made, cut or read before it is decided on.
    pub(crate) fn open(&self, base: Base<'_>, ledger: &Arc<DiskLedger>) -> FsResult<NewlyOpen> {
        // Held from the look at a name until the ledger knows the file.
        let names = ledger.names();
        if self.flags.contains(OpenFlags::CREATE | OpenFlags::EXCLUSIVE) {
            let name = base.name(without_slashes(&self.path), self.access)?;
            base.judge.open(&name.place, self.access)?;
            if self.names_directory() {
                return Err(ErrorCode::IsDirectory.into());
            }
            let file = names.create_file(&name.dir, &name.name, self.access.flags());
            return Ok(NewlyOpen::File(file.map_err(failed)?));
        }
        for _ in 0..TRIES {
            match base.look(&self.path, self.follow, self.access)? {
                Answer::Found(found) => match self.open_found(found, base, ledger) {
                    Err(error) if is(&error, ErrorCode::NoEntry) => {}
                    opened => return opened,
                },
                Answer::Absent(absence, error) => match self.create(absence, error, base, &names) {
                    Err(error) if is(&error, ErrorCode::Exist) => {}
                    created => return created,
                },
            }
            // Another process was faster: look again.
        }
        Err(ErrorCode::NoEntry.into())
    }

    fn open_found(
        &self,
        found: Found,
        base: Base<'_>,
        ledger: &Arc<DiskLedger>,
    ) -> FsResult<NewlyOpen> {
        let file_type = found.file_type();
        if file_type.is_dir() {
            base.judge.enter(&found.place)?;
            let dir = found.open(self.access).map_err(failed_io)?;
            return Ok(NewlyOpen::Directory(dir));
        }
        base.judge.open(&found.place, self.access)?;
        if file_type.is_symlink() {
            return Err(ErrorCode::Loop.into());
        }
        if self.flags.contains(OpenFlags::DIRECTORY) {
            return Err(ErrorCode::NotDirectory.into());
        }
        if !file_type.is_file() {
            // Opening a pipe may wait for ever, and a device may act on it.
            return Err(ErrorCode::Unsupported.into());
        }
        let file = found.open(self.access).map_err(failed_io)?;
        let file = ledger.opened(Arc::new(file)).map_err(failed_io)?;
        if self.flags.contains(OpenFlags::TRUNCATE) {
            file.set_len(0).map_err(failed)?;
        }
        Ok(NewlyOpen::File(file))
    }

    /// Makes the file that is not there, if that was asked for.
    fn create(
        &self,
        absence: Absence,
        error: io::Error,
        base: Base<'_>,
        names: &Names<'_>,
    ) -> FsResult<NewlyOpen> {
        let creates = self.flags.contains(OpenFlags::CREATE);
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        let Some((dir, name)) = absence.vacancy.filter(|_| creates && is_missing) else {
            let is_directory = creates && self.names_directory();
            let error = if is_directory { Errno::ISDIR.into() } else { error };
            return Err(base.judge.absent(&absence.place, self.access, error));
        };
        base.judge.open(&absence.place, self.access)?;
        let file = names.create_file(&dir, &name, self.access.flags());
        Ok(NewlyOpen::File(file.map_err(failed)?))
    }

    /// Tells whether only a directory can have the name, by its end.
    fn names_directory(&self) -> bool {
        self.path.ends_with('/')
    }
}

fn is(error: &FsError, code: ErrorCode) -> bool {
    error.downcast_ref() == Some(&code)
}

/// Tells whether a link at the end of a path is followed.
pub(crate) fn follow(flags: PathFlags) -> FollowSymlinks {
    FollowSymlinks::follow(flags.contains(PathFlags::SYMLINK_FOLLOW))
}
