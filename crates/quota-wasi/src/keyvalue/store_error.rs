//! Errors of stores of keys and values.

use core::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use limits_core::Escaped;
use thiserror::Error;

/// The reason why a store of keys and values cannot be opened or used.
///
/// Guests hear only that their host's store failed. Its `Display` escapes hidden characters of
/// paths and ids.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyValueStoreError {
    /// The pairs of a component are in use by another `WasiQuota`.
    #[error("the pairs of component `{}` are in use already", Escaped::head(component, 64))]
    ComponentInUse {
        /// The component's id.
        component: Box<str>,
    },
    /// The store's file cannot be opened.
    #[error("file `{}` cannot be opened: {error}", shown(path))]
    Open {
        /// The path on the host.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The store's file is in use by another process, or opened a second time.
    #[error("file `{}` is in use by another process, or opened a second time", shown(path))]
    FileInUse {
        /// The path on the host.
        path: PathBuf,
    },
    /// The file holds something else than a store of this kind, or is damaged.
    #[error("file `{}` is no intact store of keys and values: {reason}", shown(path))]
    NotAStore {
        /// The path on the host.
        path: PathBuf,
        /// The fault.
        reason: Box<str>,
    },
    /// An operation failed.
    #[error("the store of keys and values failed: {0}")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}

impl KeyValueStoreError {
    /// Returns the error of an operation that failed.
    pub fn failed(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }
}

fn shown(path: &Path) -> String {
    Escaped::head(&path.to_string_lossy(), 4_096).in_quotes().to_string()
}
