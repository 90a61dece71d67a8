//! A directory of the host that a component's guests find open.

use core::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_primitives::ambient_authority;
use cap_primitives::fs::open_ambient_dir;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File as OpenedFile};
use wasmtime_wasi::{FsPerms, OpenMode};

use crate::place::Place;
use crate::system::{self, Whereabouts};

/// The access of guests to a directory, capabilities aside.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a directory is written to or not")]
pub enum DirectoryAccess {
    /// Reading only: the directory is neither locked nor counted.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

/// A directory of the host that a component's guests find open.
pub struct Directory {
    host: PathBuf,
    guest: Box<str>,
    access: DirectoryAccess,
    dir: Dir,
    /// The template of descriptors of files in it; its own file is not used.
    file: OpenedFile,
}

impl Directory {
    /// Opens a directory.
    pub(crate) fn open(request: DirectoryRequest) -> io::Result<Self> {
        let DirectoryRequest { host, guest, access } = request;
        let file = open_ambient_dir(&host, ambient_authority())?;
        // Without an answer here there would be none for any file in it.
        system::whereabouts(&file).map_err(|error| {
            io::Error::new(error.kind(), format!("the system does not tell where it lies: {error}"))
        })?;
        let (perms, mode) = match access {
            DirectoryAccess::ReadOnly => (FsPerms::ReadOnly, OpenMode::READ),
            DirectoryAccess::ReadWrite => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
        };
        // Guests' calls run where threads may block.
        let template = OpenedFile::new(file.try_clone()?, perms, mode, true);
        let dir = Dir::new(file, perms, mode, true);
        Ok(Self { host, guest, access, dir, file: template })
    }

    /// Returns the path on the host, as it was given.
    #[must_use]
    pub fn host_path(&self) -> &Path {
        &self.host
    }

    /// Returns the path under which guests find it.
    #[must_use]
    pub fn guest_path(&self) -> &str {
        &self.guest
    }

    /// Returns what guests may do in it.
    #[must_use]
    pub const fn access(&self) -> DirectoryAccess {
        self.access
    }

    /// Returns the open directory, as guests get it.
    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Returns its own place.
    pub(crate) fn place(&self) -> Place {
        Place::new(&self.guest)
    }

    /// Makes a guest's descriptor of a file in the directory.
    pub(crate) fn descriptor(&self, file: Arc<File>, mode: OpenMode) -> Descriptor {
        let mut descriptor = self.file.clone();
        (descriptor.file, descriptor.open_mode) = (file, mode);
        Descriptor::File(descriptor)
    }

    /// Returns where an open file or directory lies, as guests name it.
    ///
    /// Both are asked now: the host may have moved the directory since it was opened.
    pub(crate) fn place_of(&self, file: &File) -> io::Result<Lies> {
        let Whereabouts::At(root) = system::whereabouts(&self.dir.dir)? else {
            return Ok(Lies::Outside);
        };
        let (path, is_there) = match system::whereabouts(file)? {
            Whereabouts::At(path) => (path, true),
            Whereabouts::Removed(Some(path)) => (path, false),
            Whereabouts::Removed(None) => return Ok(Lies::Outside),
        };
        let Some(below) = path.strip_prefix(&root).ok().and_then(Path::to_str) else {
            return Ok(Lies::Outside);
        };
        let place = self.place().join(below);
        Ok(if is_there { Lies::At(place) } else { Lies::NoMore(place) })
    }
}

/// Where an open file or directory lies.
#[derive(Debug)]
pub(crate) enum Lies {
    /// In the directory, at this place.
    At(Place),
    /// Not in the directory, or under a name that is not UTF-8, which guests have no name for.
    Outside,
    /// Its name was removed from this place.
    NoMore(Place),
}

/// A directory that a host asks for.
#[derive(Debug)]
pub(crate) struct DirectoryRequest {
    pub(crate) host: PathBuf,
    pub(crate) guest: Box<str>,
    pub(crate) access: DirectoryAccess,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("host", &self.host)
            .field("guest", &self.guest)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
