//! Preparing a component's directories.

use core::fmt;
use core::ops::ControlFlow;
use std::path::PathBuf;

use quota_enforce::ComponentHandle;

use crate::directory::{Directory, DirectoryAccess};
use crate::quota::{Shared, WasiQuota};
use crate::quota_error::WasiQuotaError;
use crate::walk_progress::WalkProgress;

type Progress = Box<dyn FnMut(WalkProgress) -> ControlFlow<()> + Send>;

/// The settings of a [`WasiQuota`].
#[must_use = "a builder does nothing until it is built"]
pub struct WasiQuotaBuilder {
    component: ComponentHandle,
    directories: Vec<Directory>,
    entry_bytes: u64,
    max_blocking_threads: u32,
    progress: Progress,
}

impl WasiQuotaBuilder {
    pub(crate) fn new(component: ComponentHandle) -> Self {
        Self {
            component,
            directories: Vec::new(),
            entry_bytes: 4_096,
            max_blocking_threads: 8,
            progress: Box::new(|_| ControlFlow::Continue(())),
        }
    }

    /// Adds a directory of the host, which guests find open under the path `guest`.
    pub fn directory(
        mut self,
        host: impl Into<PathBuf>,
        guest: impl Into<String>,
        access: DirectoryAccess,
    ) -> Self {
        self.directories.push(Directory::new(host.into(), guest.into().into(), access));
        self
    }

    /// Sets the bytes that each directory entry counts as storage: 4 096 by default.
    pub fn entry_bytes(mut self, bytes: u64) -> Self {
        self.entry_bytes = bytes;
        self
    }

    /// Sets the number of the host's threads that block for the component at a time: 8 by default.
    pub fn max_blocking_threads(mut self, threads: u32) -> Self {
        self.max_blocking_threads = threads;
        self
    }

    /// Sets a function that hears how far the count of what lies in the directories has come, and
    /// may break it off.
    pub fn progress(
        mut self,
        progress: impl FnMut(WalkProgress) -> ControlFlow<()> + Send + 'static,
    ) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Opens, locks and counts the directories. Blocks the thread.
    ///
    /// # Errors
    ///
    /// [`WasiQuotaError`].
    pub fn build(self) -> Result<WasiQuota, WasiQuotaError> {
        let Self { component, directories, max_blocking_threads, .. } = self;
        if max_blocking_threads == 0 {
            return Err(WasiQuotaError::NoBlockingThreads);
        }
        Ok(WasiQuota::new(Shared { component, directories }))
    }
}

impl fmt::Debug for WasiQuotaBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiQuotaBuilder")
            .field("component", &self.component.id())
            .field("directories", &self.directories)
            .field("entry_bytes", &self.entry_bytes)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .finish_non_exhaustive()
    }
}
