//! Questions to the operating system that the standard library does not have.
//!
//! Linux and Android answer through `/proc/self/fd`, which must be mounted; Apple's systems through
//! `F_GETPATH`. No other system tells where an open file lies.

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
compile_error!(
    "quota-wasi decides on the path of what was opened, which only Linux, Android and Apple's \
     systems tell"
);

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cap_primitives::fs::{FollowSymlinks, OpenOptions};
use rustix::fs::OFlags;

/// The access to open a file with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Access {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Access {
    pub(crate) const READ: Self = Self { read: true, write: false };
    pub(crate) const WRITE: Self = Self { read: false, write: true };
    pub(crate) const BOTH: Self = Self { read: true, write: true };

    /// Returns the flags of `open` for it.
    pub(crate) fn flags(self) -> OFlags {
        match (self.read, self.write) {
            (_, false) => OFlags::RDONLY,
            (false, true) => OFlags::WRONLY,
            (true, true) => OFlags::RDWR,
        }
    }
}

/// Opens a file or directory below `base` only to look at it: nothing is read, nothing waits, and a
/// device does not notice. A link at the end of the path is itself opened unless it is followed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn look(
    base: &File,
    path: &Path,
    follow: FollowSymlinks,
    _access: Access,
) -> io::Result<File> {
    use cap_primitives::fs::OpenOptionsExt as _;

    let flags = i32::try_from(OFlags::PATH.bits()).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags)._cap_fs_ext_follow(follow);
    cap_primitives::fs::open(base, path, &options)
}

/// Opens a file or directory below `base`. Systems without a way to only look open it as it will be
/// used, without waiting for the other end of a pipe.
#[cfg(target_vendor = "apple")]
pub(crate) fn look(
    base: &File,
    path: &Path,
    follow: FollowSymlinks,
    access: Access,
) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(access.read || !access.write).write(access.write);
    options._cap_fs_ext_nonblock(true)._cap_fs_ext_follow(follow);
    cap_primitives::fs::open(base, path, &options)
}

/// Opens for use what [`look`] found: the very same file or directory, whatever became of its name.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn open(found: File, access: Access) -> io::Result<File> {
    std::fs::OpenOptions::new().read(access.read).write(access.write).open(descriptor_link(&found))
}

/// Returns what [`look`] opened.
#[cfg(target_vendor = "apple")]
pub(crate) fn open(found: File, _access: Access) -> io::Result<File> {
    Ok(found)
}

/// The path of an open file or directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Whereabouts {
    /// It lies here.
    At(PathBuf),
    /// Its name was removed; it lay here, if the system still knows.
    Removed(Option<PathBuf>),
}

/// Asks where an open file or directory lies now.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn whereabouts(file: &File) -> io::Result<Whereabouts> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    const REMOVED: &[u8] = b" (deleted)";
    let path = std::fs::read_link(descriptor_link(file))?;
    let Some(was) = path.as_os_str().as_bytes().strip_suffix(REMOVED) else {
        return Ok(Whereabouts::At(path));
    };
    let was = PathBuf::from(OsStr::from_bytes(was));
    // The name may really end so.
    let is_there = match std::fs::symlink_metadata(&path) {
        Ok(there) => is_same(&there, &file.metadata()?),
        Err(_) => false,
    };
    Ok(if is_there { Whereabouts::At(path) } else { Whereabouts::Removed(Some(was)) })
}

/// Asks where an open file or directory lies now.
#[cfg(target_vendor = "apple")]
pub(crate) fn whereabouts(file: &File) -> io::Result<Whereabouts> {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    match rustix::fs::getpath(file) {
        Ok(path) => Ok(Whereabouts::At(OsString::from_vec(path.into_bytes()).into())),
        Err(rustix::io::Errno::NOENT) => Ok(Whereabouts::Removed(None)),
        Err(error) => Err(error.into()),
    }
}

/// Sets the times of what [`look`] found, which needs no access to its content.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn set_times(found: &File, times: &rustix::fs::Timestamps) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, utimensat};

    Ok(utimensat(CWD, descriptor_link(found), times, AtFlags::empty())?)
}

/// Sets the times of what [`look`] opened.
#[cfg(target_vendor = "apple")]
pub(crate) fn set_times(found: &File, times: &rustix::fs::Timestamps) -> io::Result<()> {
    Ok(rustix::fs::futimens(found, times)?)
}

/// Tells whether two are the same file or directory.
pub(crate) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn descriptor_link(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(test)]
mod tests {
    use super::{Access, Whereabouts, look, open, whereabouts};
    use cap_primitives::fs::FollowSymlinks;
    use std::fs::{self, File};
    use std::io::Read as _;
    use std::path::Path;

    #[test]
    fn a_file_is_where_it_was_moved_to_until_its_name_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(dir.path()).unwrap();
        fs::write(home.join("a"), "content").unwrap();
        let base = File::open(&home).unwrap();
        let found = look(&base, Path::new("a"), FollowSymlinks::Yes, Access::READ).unwrap();
        assert_eq!(whereabouts(&found).unwrap(), Whereabouts::At(home.join("a")));
        fs::rename(home.join("a"), home.join("b (deleted)")).unwrap();
        assert_eq!(whereabouts(&found).unwrap(), Whereabouts::At(home.join("b (deleted)")));
        fs::remove_file(home.join("b (deleted)")).unwrap();
        let was = Some(home.join("b (deleted)"));
        assert_eq!(whereabouts(&found).unwrap(), Whereabouts::Removed(was));
        let mut content = String::new();
        open(found, Access::READ).unwrap().read_to_string(&mut content).unwrap();
        assert_eq!(content, "content");
    }

    #[test]
    fn a_name_that_only_looks_removed_is_told_from_another_file_of_that_name() {
        let dir = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(dir.path()).unwrap();
        fs::write(home.join("a"), "").unwrap();
        fs::write(home.join("a (deleted)"), "").unwrap();
        let base = File::open(&home).unwrap();
        let found = look(&base, Path::new("a"), FollowSymlinks::Yes, Access::READ).unwrap();
        fs::remove_file(home.join("a")).unwrap();
        assert_eq!(whereabouts(&found).unwrap(), Whereabouts::Removed(Some(home.join("a"))));
    }
}
