//! A directory of the host that a component's guests find open.

use std::path::{Path, PathBuf};

/// What guests may do in a directory, capabilities aside.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a directory is written to or not")]
pub enum DirectoryAccess {
    /// Reading only: the directory is neither locked nor counted.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

/// A directory of the host that a component's guests find open.
#[derive(Debug)]
pub struct Directory {
    host: PathBuf,
    guest: Box<str>,
    access: DirectoryAccess,
}

impl Directory {
    pub(crate) fn new(host: PathBuf, guest: Box<str>, access: DirectoryAccess) -> Self {
        Self { host, guest, access }
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
}
