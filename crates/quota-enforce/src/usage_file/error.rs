//! Errors of usage files.

use std::io;
use std::path::{Path, PathBuf};

use limits_core::Escaped;
use thiserror::Error;

/// An error of a usage file. Nothing of the file is used, and an earlier file is still there.
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
    /// The file has another version of the format.
    #[error(
        "the usage file `{}` has version {version}, but this program reads version 1",
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

    pub(super) fn version(path: &Path, version: u32) -> Self {
        Self::Version { path: path.to_path_buf(), version }
    }
}

fn shown(path: &Path) -> String {
    const MOST: usize = 128;
    Escaped::tail(&path.to_string_lossy(), MOST).to_string()
}
