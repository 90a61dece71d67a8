//! Files and directories found by the names that a guest has for them.

use std::ffi::{OsStr, OsString};
use std::fs::{File, FileType, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;

use cap_primitives::fs::{FollowSymlinks, open_dir};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::absence::{Absence, locate};
use crate::directory::{Directory, Lies};
use crate::judge::Judge;
use crate::place::Place;
use crate::system::{self, Access};

/// The directory that a guest's path begins at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base<'a> {
    /// The open directory.
    pub(crate) dir: &'a Arc<File>,
    /// The directory of the host that it was reached from.
    pub(crate) root: &'a Directory,
    pub(crate) judge: Judge<'a>,
}

/// The most look-ups of a name that others change meanwhile.
pub(crate) const TRIES: usize = 16;

/// A file, directory or link that exists.
#[derive(Debug)]
pub(crate) struct Found {
    /// Opened to look at.
    pub(crate) file: File,
    pub(crate) place: Place,
    pub(crate) metadata: Metadata,
}

impl Found {
    pub(crate) fn file_type(&self) -> FileType {
        self.metadata.file_type()
    }

    /// Opens for use what was found.
    pub(crate) fn open(self, access: Access) -> io::Result<File> {
        system::open(self.file, access)
    }
}

/// The answer to a name.
#[derive(Debug)]
pub(crate) enum Answer {
    Found(Found),
    /// The error says why.
    Absent(Absence, io::Error),
}

/// A name in an open directory: one component, which is not followed.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) dir: Arc<File>,
    /// `.` for the directory itself.
    pub(crate) name: OsString,
    pub(crate) place: Place,
}

impl Base<'_> {
    /// Looks for what a path names. A refusal is the answer if it leads through a directory that
    /// the guest may not enter, and out of it again.
    pub(crate) fn look(
        self,
        path: &str,
        follow: FollowSymlinks,
        access: Access,
    ) -> FsResult<Answer> {
        self.look_straight(&self.without_detours(path, access)?, follow, access)
    }

    /// Looks for what a path without detours names.
    pub(crate) fn look_straight(
        self,
        path: &str,
        follow: FollowSymlinks,
        access: Access,
    ) -> FsResult<Answer> {
        for _ in 0..TRIES {
            match system::look(self.dir, Path::new(path), follow, access) {
                Ok(file) => {
                    if let Some(place) = self.place_of(&file)? {
                        let metadata = file.metadata()?;
                        return Ok(Answer::Found(Found { file, place, metadata }));
                    }
                }
                Err(error) => {
                    if let Some(absence) = self.locate(path, follow, &error)? {
                        return Ok(Answer::Absent(absence, error));
                    }
                }
            }
        }
        Err(ErrorCode::NoEntry.into())
    }

    /// Finds what a path names, which `access` is wanted to.
    pub(crate) fn find(
        self,
        path: &str,
        follow: FollowSymlinks,
        access: Access,
    ) -> FsResult<Found> {
        match self.look(path, follow, access)? {
            Answer::Found(found) => Ok(found),
            Answer::Absent(absence, error) => Err(self.judge.absent(&absence.place, access, error)),
        }
    }

    /// Opens the directory that holds the last component of a path, which `access` is wanted to.
    pub(crate) fn name(self, path: &str, access: Access) -> FsResult<Name> {
        let Some((parent, name)) = split_last(path) else { return Err(ErrorCode::NoEntry.into()) };
        let parent = &*self.without_detours(parent, access)?;
        for _ in 0..TRIES {
            let opened = match parent {
                "" => Ok(Arc::clone(self.dir)),
                parent => open_dir(self.dir, Path::new(parent)).map(Arc::new),
            };
            match opened {
                Ok(dir) => {
                    if let Some(place) = self.place_of(&dir)? {
                        let place = if name == "." { place } else { place.join(name) };
                        return Ok(Name { dir, name: OsString::from(name), place });
                    }
                }
                Err(error) => {
                    if let Some(absence) = self.locate(parent, FollowSymlinks::Yes, &error)? {
                        let place = absence.place.join(name);
                        return Err(self.judge.absent(&place, access, error));
                    }
                }
            }
        }
        Err(ErrorCode::NoEntry.into())
    }

    /// Returns where an open file or directory lies, or `None` if its name was removed, so that it
    /// is to be looked for again. A directory that is gone is empty, and stays where it was.
    pub(crate) fn place_of(self, file: &File) -> FsResult<Option<Place>> {
        match self.root.place_of(file)? {
            Lies::At(place) => Ok(Some(place)),
            Lies::NoMore(place) => Ok(file.metadata()?.is_dir().then_some(place)),
            Lies::Outside => Err(ErrorCode::Access.into()),
        }
    }

    /// Returns the place that a path without anything at its end names, or `None` if there is
    /// something by now.
    fn locate(
        self,
        path: &str,
        follow: FollowSymlinks,
        error: &io::Error,
    ) -> FsResult<Option<Absence>> {
        // The path says by itself that it names nothing: whatever is there does not show.
        if path.is_empty() || !is_plain(path) {
            return Err(copy_of(error).into());
        }
        locate(self, OsStr::new(path), follow)
    }
}

/// Tells whether the system looks at all at what a path names.
pub(crate) fn is_plain(path: &str) -> bool {
    !path.starts_with('/') && !path.contains('\0') && path.len() < LONGEST_PATH
}

/// Bytes of a path, its NUL byte included, from which on the system refuses it.
pub(crate) const LONGEST_PATH: usize = 4_096;

/// Returns another error with the same meaning.
fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// Splits a path into its parent and its last component: `.` where the path names a directory by
/// its end, `None` where it is empty.
fn split_last(path: &str) -> Option<(&str, &str)> {
    if path.is_empty() {
        return None;
    }
    if path.ends_with('/') || path.ends_with("/.") || path == ".." || path.ends_with("/..") {
        return Some((path, "."));
    }
    let Some((parent, name)) = path.rsplit_once('/') else { return Some(("", path)) };
    Some((if parent.is_empty() { "/" } else { parent }, name))
}

/// Removes the slashes at the end of a path, of which some calls take no notice.
pub(crate) fn without_slashes(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" if !path.is_empty() => "/",
        path => path,
    }
}
