//! Errors of usage files.

use std::io;
use std::path::{Path, PathBuf};

use limits_core::Escaped;
use thiserror::Error;

/// An error of a usage file. A file that cannot be read whole is not used at all; a write that
/// fails leaves an earlier file as [`UsageFile::write`](crate::UsageFile::write) describes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UsageFileError {
    /// The file cannot be read.
    #[error("cannot read the usage file `{}`: {source}", shown(path))]
    #[non_exhaustive]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the usage file `{}`: {source}", shown(path))]
    #[non_exhaustive]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not a usage file: it was truncated, corrupted, or written by something else.
    #[error("`{}` is not a whole usage file: {reason}", shown(path))]
    #[non_exhaustive]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The mistake, without hidden characters.
        reason: Box<str>,
    },
    /// The file has more than 64 MiB, or the storage of its components together is more than 64
    /// bits can count, in bytes or in entries. It is neither read nor written.
    #[error("the usage file `{}` is too large: {reason}", shown(path))]
    #[non_exhaustive]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound that it exceeds.
        reason: &'static str,
    },
    /// The file has another version of the format.
    #[error(
        "the usage file `{}` has version {version}, but this program reads versions 1 and 2",
        shown(path)
    )]
    #[non_exhaustive]
    Version {
        /// The file.
        path: PathBuf,
        /// The file's version.
        version: u32,
    },
}

impl UsageFileError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_path_buf(), source }
    }

    pub(super) fn malformed(path: &Path, reason: impl ToString) -> Self {
        const MOST: usize = 256;
        let reason = Escaped::head(&reason.to_string(), MOST).to_string();
        Self::Malformed { path: path.to_path_buf(), reason: Box::from(reason) }
    }

    pub(super) fn too_many_bytes(path: &Path) -> Self {
        const REASON: &str = "it has more than 64 MiB";
        Self::TooLarge { path: path.to_path_buf(), reason: REASON }
    }

    pub(super) fn too_much_storage(path: &Path) -> Self {
        const REASON: &str =
            "all components together have stored more than 2^64 - 1 bytes or entries";
        Self::TooLarge { path: path.to_path_buf(), reason: REASON }
    }

    pub(super) fn version(path: &Path, version: u32) -> Self {
        Self::Version { path: path.to_path_buf(), version }
    }
}

fn shown(path: &Path) -> String {
    const MOST: usize = 128;
    Escaped::tail(&path.to_string_lossy(), MOST).to_string()
}
