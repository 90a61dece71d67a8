//! The folder that plugins write to.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use quota_enforce::CheckedResource;

/// A folder of the host that plugins know as `/`.
#[derive(Clone, Debug)]
pub(crate) struct Folder(Arc<PathBuf>);

impl Folder {
    /// Takes a folder for the plugins.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(Arc::new(path))
    }

    /// Appends a line to a file. The path is the one that the plugin's patterns were matched with.
    pub(crate) fn append(&self, path: &CheckedResource<'_>, line: &str) -> io::Result<()> {
        let path = self.0.join(path.as_str().trim_start_matches('/'));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::options().append(true).create(true).open(path)?;
        file.write_all(line.as_bytes())?;
        file.write_all(b"\n")
    }
}
