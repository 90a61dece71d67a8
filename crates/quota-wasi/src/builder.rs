//! Preparing a component's directories.

use core::fmt;
use core::ops::ControlFlow;
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use limits_core::{RatePolicy, ResourceLimits, StorageBaseline};
use quota_enforce::ComponentHandle;

use crate::blocking::BlockingThreads;
use crate::directory::{Directory, DirectoryAccess, DirectoryRequest};
use crate::disk::DiskLedger;
use crate::disk::lock::DirectoryLocks;
#[cfg(feature = "http")]
use crate::http::client::HttpClient;
use crate::keyvalue::pairs::Pairs;
use crate::keyvalue::store::KeyValueStore;
use crate::messaging::sender::Sender;
use crate::messaging::transport::MessageTransport;
use crate::names::{Resolver, SystemResolver};
use crate::network::Network;
use crate::quota::{Shared, WasiQuota};
use crate::quota_error::WasiQuotaError;
use crate::walk_progress::WalkProgress;
use crate::wire::Wire;

type Progress = Box<dyn FnMut(WalkProgress) -> ControlFlow<()> + Send>;

/// The settings of a [`WasiQuota`].
#[must_use = "a builder does nothing until it is built"]
pub struct WasiQuotaBuilder {
    component: ComponentHandle,
    directories: Vec<DirectoryRequest>,
    entry_bytes: u64,
    baseline: StorageBaseline,
    max_blocking_threads: u32,
    resolver: Arc<dyn Resolver>,
    keyvalue: Option<Box<dyn KeyValueStore>>,
    messaging: Option<Box<dyn MessageTransport>>,
    message_policy: RatePolicy,
    network: Network,
    progress: Progress,
}

impl WasiQuotaBuilder {
    /// Bytes that each directory entry counts as storage by default: 4 096.
    pub const DEFAULT_ENTRY_BYTES: u64 = 4_096;

    pub(crate) fn new(component: ComponentHandle) -> Self {
        let network = Network::new(Wire::new(component.clone(), RatePolicy::default()));
        Self {
            component,
            directories: Vec::new(),
            entry_bytes: Self::DEFAULT_ENTRY_BYTES,
            baseline: StorageBaseline::default(),
            max_blocking_threads: ResourceLimits::DEFAULT_MAX_BLOCKING_THREADS,
            resolver: Arc::new(SystemResolver),
            keyvalue: None,
            messaging: None,
            message_policy: RatePolicy::default(),
            network,
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
        self.directories.push(DirectoryRequest {
            host: host.into(),
            guest: guest.into().into(),
            access,
        });
        self
    }

    /// Sets the bytes that each directory entry counts as storage: 4 096 by default.
    pub fn entry_bytes(mut self, bytes: u64) -> Self {
        self.entry_bytes = bytes;
        self
    }

    /// Sets whether what lies in the directories at the start counts: it does by default.
    pub fn baseline(mut self, baseline: StorageBaseline) -> Self {
        self.baseline = baseline;
        self
    }

    /// Sets the number of the host's threads that block for the component at a time: 8 by default.
    pub fn max_blocking_threads(mut self, threads: u32) -> Self {
        self.max_blocking_threads = threads;
        self
    }

    /// Sets the resolver of names: the system's by default.
    pub fn resolver(mut self, resolver: impl Resolver + 'static) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Lets guests make TCP sockets, which they may not by default, and look names up. Whom a guest
    /// reaches by one is decided by `network.connect`, `network.bind` and `network.listen`.
    pub fn tcp(mut self) -> Self {
        self.network.tcp = true;
        self
    }

    /// Lets guests make UDP sockets, which they may not by default, and look names up. Whom a guest
    /// reaches by one is decided by `network.connect` and `network.bind`.
    pub fn udp(mut self) -> Self {
        self.network.udp = true;
        self
    }

    /// Lets guests make HTTP requests, which they may not by default. Whom a guest reaches by one
    /// is decided by `network.connect`.
    #[cfg(feature = "http")]
    pub fn http(mut self, options: crate::http::options::HttpOptions) -> Self {
        self.network.http = Some(HttpClient::new(options));
        self
    }

    /// Gives guests of the component a store of keys and values, which they find none of by
    /// default.
    ///
    /// All pairs that are there count as storage, also with [`StorageBaseline::Free`]: they are the
    /// component's own, and need no walk.
    pub fn keyvalue(mut self, store: impl KeyValueStore + 'static) -> Self {
        self.keyvalue = Some(Box::new(store));
        self
    }

    /// Gives guests of the component a transport of messages, which they find none of by default.
    pub fn messaging(mut self, transport: impl MessageTransport + 'static) -> Self {
        self.messaging = Some(Box::new(transport));
        self
    }

    /// Sets what becomes of bytes that the bandwidth has no room for: they wait by default, and so
    /// does the peer. Otherwise the guest reads an error.
    pub fn network_policy(mut self, policy: RatePolicy) -> Self {
        self.network.wire = Wire::new(self.component.clone(), policy);
        self
    }

    /// Sets what becomes of a message that the message rate has no room for: it waits by default.
    pub fn message_policy(mut self, policy: RatePolicy) -> Self {
        self.message_policy = policy;
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

    /// Opens, locks and counts the directories, and opens the pairs. Blocks the thread, for as long
    /// as the walk over the directories takes.
    ///
    /// # Errors
    ///
    /// [`WasiQuotaError`] if a directory cannot be opened, if one that may be written to is in use
    /// or cannot be locked or counted, if `progress` broke the count off, if the pairs cannot be
    /// opened, or if no thread may block. A directory that holds more than the quota is no error:
    /// it may be read and emptied.
    pub fn build(self) -> Result<WasiQuota, WasiQuotaError> {
        let Self {
            component,
            directories,
            entry_bytes,
            baseline,
            max_blocking_threads,
            resolver,
            keyvalue,
            messaging,
            message_policy,
            network,
            mut progress,
        } = self;
        if max_blocking_threads == 0 {
            return Err(WasiQuotaError::NoBlockingThreads);
        }
        let open = |request: DirectoryRequest| {
            let path = request.host.clone();
            Directory::open(request).map_err(|error| WasiQuotaError::Open { path, error })
        };
        let directories = directories.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let counted = counted_once(&directories)?;
        let locks: Vec<_> = counted.iter().map(|it| (&*it.dir().dir, it.host_path())).collect();
        let locks = DirectoryLocks::take(&locks).map_err(WasiQuotaError::of_lock)?;
        let ledger = DiskLedger::new(component.clone(), entry_bytes, baseline);
        let roots: Vec<_> = counted.iter().map(|it| &*it.dir().dir).collect();
        ledger
            .count(&roots, &mut *progress)
            .map_err(|error| WasiQuotaError::of_walk(error, &counted))?;
        let pairs = keyvalue.map(|store| Pairs::open(component.clone(), &*store)).transpose()?;
        let sender =
            messaging.map(|transport| Sender::new(component.clone(), transport, message_policy));
        let threads = Arc::new(BlockingThreads::new(max_blocking_threads));
        Ok(WasiQuota::new(Shared {
            component,
            directories,
            threads,
            resolver,
            ledger,
            pairs,
            sender,
            network,
            _locks: locks,
        }))
    }
}

/// Returns the directories that guests may write to, each once: guests may find one under several
/// names.
fn counted_once(directories: &[Directory]) -> Result<Vec<&Directory>, WasiQuotaError> {
    let mut known = HashSet::new();
    let mut counted = Vec::new();
    for directory in directories {
        if directory.access() == DirectoryAccess::ReadOnly {
            continue;
        }
        let metadata = directory.dir().dir.metadata().map_err(|error| WasiQuotaError::Open {
            path: directory.host_path().to_owned(),
            error,
        })?;
        if known.insert((metadata.dev(), metadata.ino())) {
            counted.push(directory);
        }
    }
    Ok(counted)
}

impl fmt::Debug for WasiQuotaBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiQuotaBuilder")
            .field("component", &self.component.id())
            .field("directories", &self.directories)
            .field("entry_bytes", &self.entry_bytes)
            .field("baseline", &self.baseline)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .finish_non_exhaustive()
    }
}
