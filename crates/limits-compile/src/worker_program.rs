//! The program that is started as a worker.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The program that is started as a worker: the binary `limits-compile-worker` of this crate, or a
/// host's own binary that calls [`serve`](crate::serve) for an argument of its choice.
///
/// A library never starts its host again unasked, so the host says which program it is.
///
/// ```
/// use limits_compile::WorkerProgram;
///
/// // A host that serves for this argument, before it does anything else.
/// let program = WorkerProgram::new("/proc/self/exe").arg("compile-worker");
/// assert_eq!(program.path().to_str(), Some("/proc/self/exe"));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WorkerProgram {
    path: PathBuf,
    args: Vec<OsString>,
}

impl WorkerProgram {
    /// Starts the program at `path`, without a search through directories.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), args: Vec::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Returns the path of the program.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn args(&self) -> &[OsString] {
        &self.args
    }
}
