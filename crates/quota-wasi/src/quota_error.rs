//! Errors of preparing a component's directories.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The reason why a component's directories could not be prepared.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WasiQuotaError {
    /// A directory cannot be opened.
    #[error("cannot open directory {path:?}: {source}")]
    Open {
        /// The path on the host.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process, or another component of this one, has locked a directory.
    #[error("directory {path:?} is in use: another process, or another component, writes to it")]
    Locked {
        /// The path on the host.
        path: PathBuf,
    },
    /// What lies in the directories cannot be counted.
    #[error("cannot count what lies in the directories: {0}")]
    Walk(#[source] io::Error),
    /// The caller broke off the count of what lies in the directories.
    #[error("interrupted while counting what lies in the directories")]
    Interrupted,
    /// No thread may block for the component, so that none of its calls could end.
    #[error("max_blocking_threads is 0: expected at least 1")]
    NoBlockingThreads,
}
