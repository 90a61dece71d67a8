//! The replacement of a file in one step.

use core::sync::atomic::{AtomicU64, Ordering};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Replaces a file by one with this content. A reader, and the disk after a crash, has the old file
/// or the new one.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = Temporary(beside(path)?);
    let mut file = File::options().write(true).create_new(true).open(&temporary.0)?;
    file.write_all(content)?;
    // Before the rename: else a crash could leave the new name with no content.
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary.0, path)?;
    core::mem::forget(temporary);
    sync_folder(path)
}

/// Returns a name in the same folder that no other writer has.
fn beside(path: &Path) -> io::Result<PathBuf> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "the path has no file name"));
    };
    let write = WRITES.fetch_add(1, Ordering::Relaxed);
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.{write}.tmp", std::process::id()));
    Ok(path.with_file_name(temporary))
}

/// Flushes the rename itself.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
const fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// A file that is removed unless it has become another.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
