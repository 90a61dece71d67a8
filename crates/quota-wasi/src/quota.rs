//! Quotas and capabilities of one component at the WASI boundary.

use core::fmt;
use std::fs::File;
use std::sync::Arc;

use limits_core::ResourceLimits;
use quota_enforce::ComponentHandle;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::blocking::BlockingThreads;
use crate::builder::WasiQuotaBuilder;
use crate::directory::{Directory, Lies};
use crate::disk::DiskLedger;
use crate::disk::lock::DirectoryLocks;
use crate::judge::Judge;
use crate::keyvalue::pairs::Pairs;
use crate::messaging::sender::Sender;
use crate::names::Resolver;
use crate::network::Network;
use crate::store_quota::StoreQuota;

/// Quotas and capabilities of one component at the WASI boundary: its directories, what lies in
/// them, and the host's threads that block for it.
///
/// Cheap to clone; every clone is the same component. With the last one, and the last
/// [`StoreQuota`], the storage that was counted is given back and the directories are unlocked.
#[derive(Clone)]
pub struct WasiQuota(Arc<Shared>);

/// The part of all executions of a component.
pub(crate) struct Shared {
    pub(crate) component: ComponentHandle,
    pub(crate) directories: Vec<Directory>,
    pub(crate) threads: Arc<BlockingThreads>,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) ledger: Arc<DiskLedger>,
    pub(crate) pairs: Option<Pairs>,
    pub(crate) sender: Option<Sender>,
    pub(crate) network: Network,
    /// Dropped last: until then no other ledger counts the same directories.
    pub(crate) _locks: DirectoryLocks,
}

impl WasiQuota {
    /// Starts the builder for a component's directories.
    pub fn builder(component: ComponentHandle) -> WasiQuotaBuilder {
        WasiQuotaBuilder::new(component)
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Returns the component whose quota is taken from and whose capabilities decide.
    #[must_use]
    pub fn component(&self) -> &ComponentHandle {
        &self.0.component
    }

    /// Returns the directories that guests find open, in the order in which they were given.
    pub fn directories(&self) -> impl Iterator<Item = &Directory> {
        self.0.directories.iter()
    }

    /// Returns the peak of the host's threads that blocked for the component at a time.
    #[must_use]
    pub fn peak_blocking_threads(&self) -> u32 {
        self.0.threads.peak()
    }

    /// Makes the part of one execution, within `limits`.
    #[must_use]
    pub fn store(&self, limits: &ResourceLimits) -> StoreQuota {
        StoreQuota::new(Arc::clone(&self.0), limits)
    }
}

impl Shared {
    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge::new(&self.component)
    }

    /// Decides on a change of an open file or directory that was not opened to be changed, where it
    /// lies now, or lay.
    pub(crate) fn decide_on_change(&self, file: &File, root: usize) -> FsResult<()> {
        let root = self.directories.get(root).ok_or(ErrorCode::BadDescriptor)?;
        match root.place_of(file)? {
            Lies::At(place) | Lies::NoMore(place) => self.judge().write(&place),
            Lies::Outside => Err(ErrorCode::Access.into()),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("component", &self.component.id()).finish_non_exhaustive()
    }
}

impl fmt::Debug for WasiQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiQuota")
            .field("component", &self.0.component.id())
            .field("directories", &self.0.directories)
            .finish_non_exhaustive()
    }
}
