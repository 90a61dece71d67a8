//! The replacement of a file in one step.

#[cfg(unix)]
use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

/// Replaces a file by one with this content. A reader, and the disk after a crash, has the old file
/// or the new one.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.file_name().is_none() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the path has no file name"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    // Before the rename: a folder that cannot be flushed then gets no new file.
    let folder_handle = open_folder(folder)?;
    // A random name: process numbers and counters repeat, in containers and after a crash.
    let mut temporary =
        tempfile::Builder::new().prefix(".usage-").suffix(".tmp").make_in(folder, create)?;
    temporary.as_file_mut().write_all(content)?;
    keep_mode(path, temporary.as_file())?;
    // Before the rename: else a crash could leave the new name with no content.
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|refused| refused.error)?;
    folder_handle.as_ref().map_or(Ok(()), File::sync_all)
}

/// Creates a file that no other user may read.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives a file the mode of the one that it will replace.
#[cfg(unix)]
fn keep_mode(replaced: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    match fs::symlink_metadata(replaced) {
        Ok(earlier) if earlier.is_file() => {
            let mode = earlier.permissions().mode() & 0o777;
            file.set_permissions(fs::Permissions::from_mode(mode))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
const fn keep_mode(_replaced: &Path, _file: &File) -> io::Result<()> {
    Ok(())
}

/// Opens a folder so that the rename in it can be flushed, where the system knows that.
#[cfg(unix)]
fn open_folder(folder: &Path) -> io::Result<Option<File>> {
    File::open(folder).map(Some)
}

#[cfg(not(unix))]
const fn open_folder(_folder: &Path) -> io::Result<Option<File>> {
    Ok(None)
}
