//! The use of all components in a file that survives a restart.

mod atomic_write;
mod error;

use core::time::Duration;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::time::SystemTime;

use limits_core::{QuotaResource, ResourceQuota};
use serde::{Deserialize, Serialize};

use crate::escaped_json;
use crate::handle::ComponentHandle;
use crate::usage_snapshot::UsageSnapshot;

pub use self::error::UsageFileError;

/// The format that this version reads and writes.
const VERSION: u32 = 1;
/// The size of the largest file that is read: some 200 000 components.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The use of all components, with the period in which their rates were counted, to be stored over
/// a restart.
///
/// A registry [returns](crate::QuotaRegistry::usage_file) it, and is
/// [built with it](crate::QuotaRegistryBuilder::usage): a component that is registered then begins
/// with what it used before. Components that are in the file and not registered stay in it.
///
/// [`write`](Self::write) replaces the file in one step, so a reader finds the old file or the new
/// one, also after a crash. [`read`](Self::read) takes the whole file or none of it.
///
/// ```
/// use limits_core::{CapabilitySet, QuotaType};
/// use quota_enforce::{QuotaRegistry, SecurityContext, UsageFile};
///
/// # let path = std::env::temp_dir().join(format!("usage-{}.json", std::process::id()));
/// let registry = QuotaRegistry::new();
/// let shop = registry.register(SecurityContext::new("shop", CapabilitySet::new()))?;
/// shop.consume(QuotaType::Storage(900))?;
/// // Now and then, and at the end of the process.
/// registry.usage_file().write(&path)?;
///
/// // In the next process; the first one finds no file.
/// let usage = UsageFile::read(&path)?.unwrap_or_default();
/// let registry = QuotaRegistry::builder().usage(usage).build();
/// let shop = registry.register(SecurityContext::new("shop", CapabilitySet::new()))?;
/// assert_eq!(shop.usage().storage_used, 900);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct UsageFile {
    components: BTreeMap<Box<str>, StoredUsage>,
}

/// One component's use at one time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct StoredUsage {
    /// The time of the snapshot, in milliseconds since 1970.
    time_ms: u64,
    /// The period of the quota's windows, in nanoseconds.
    period_ns: u64,
    usage: UsageSnapshot,
}

/// The file's content.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    components: BTreeMap<Box<str>, StoredUsage>,
}

/// The part of any version's content.
#[derive(Deserialize)]
struct AnyVersion {
    version: u32,
}

impl UsageFile {
    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`UsageFileError`] if the file cannot be read, is larger than 64 MiB, was truncated or
    /// corrupted, or has another version. A host that goes on without the file then forgets what
    /// its components have stored: move it away only if that is wanted.
    pub fn read(path: impl AsRef<Path>) -> Result<Option<Self>, UsageFileError> {
        let path = path.as_ref();
        let failed = |source| UsageFileError::read(path, source);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_BYTES) {
            return Err(UsageFileError::malformed(path, "it is larger than 64 MiB"));
        }
        Self::parse(path, &bytes).map(Some)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, UsageFileError> {
        let malformed = |error: serde_json::Error| UsageFileError::malformed(path, error);
        let AnyVersion { version } = serde_json::from_slice(bytes).map_err(malformed)?;
        if version != VERSION {
            return Err(UsageFileError::version(path, version));
        }
        let Content { components, .. } = serde_json::from_slice(bytes).map_err(malformed)?;
        if let Some((id, _)) = components.iter().find(|(_, stored)| stored.period_ns == 0) {
            let reason = format!("the period of `{id}` is zero");
            return Err(UsageFileError::malformed(path, reason));
        }
        Ok(Self { components })
    }

    /// Writes the file: to a temporary file beside it, which then replaces it in one step. Both are
    /// flushed to the disk. A symbolic link is replaced by the file.
    ///
    /// It blocks, so an asynchronous host calls it on a blocking thread.
    ///
    /// # Errors
    ///
    /// [`UsageFileError`] if the system refuses a step. An earlier file is then still there.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), UsageFileError> {
        let path = path.as_ref();
        let content = Content { version: VERSION, components: self.components.clone() };
        let line = escaped_json::to_line(&content);
        atomic_write::replace(path, &line).map_err(|error| UsageFileError::write(path, error))
    }

    /// Returns the number of components in the file.
    #[must_use]
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Reports whether no component is in the file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// Adds a component's use now.
    pub(crate) fn insert(&mut self, component: &ComponentHandle) {
        let period = component.quota().reset_period.as_nanos();
        let stored = StoredUsage {
            time_ms: now_ms(),
            period_ns: u64::try_from(period).unwrap_or(u64::MAX),
            usage: component.snapshot(),
        };
        self.components.insert(Box::from(component.id()), stored);
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.components.remove(id);
    }

    /// Returns the use that a component is to be seeded with under a quota.
    pub(crate) fn usage_now(&self, id: &str, quota: &ResourceQuota) -> Option<UsageSnapshot> {
        self.components.get(id).map(|stored| stored.at(now_ms(), quota))
    }
}

impl StoredUsage {
    /// Returns the part of the use that still counts: totals, and of rates in the same period the
    /// debt that is left after the windows since then.
    fn at(&self, now_ms: u64, quota: &ResourceQuota) -> UsageSnapshot {
        if u128::from(self.period_ns) != quota.reset_period.as_nanos() {
            return self.usage.without_rates();
        }
        // A clock that was set back makes no window pass.
        let passed = Duration::from_millis(now_ms.saturating_sub(self.time_ms)).as_nanos();
        let windows = passed.checked_div(u128::from(self.period_ns)).unwrap_or(u128::MAX);
        let left = |resource: QuotaResource, used: u64| {
            let drained = units_per_window(quota, resource).saturating_mul(windows);
            u64::try_from(u128::from(used).saturating_sub(drained)).unwrap_or(u64::MAX)
        };
        let mut usage = self.usage;
        usage.message_count = left(QuotaResource::MessageRate, usage.message_count);
        usage.network_bandwidth_used =
            left(QuotaResource::NetworkBandwidth, usage.network_bandwidth_used);
        usage.cpu_time_used_us = left(QuotaResource::CpuTime, usage.cpu_time_used_us);
        usage
    }
}

/// Returns the units of a rate that drain in each window.
fn units_per_window(quota: &ResourceQuota, resource: QuotaResource) -> u128 {
    let (limit, units) = match resource {
        QuotaResource::MessageRate => (quota.max_message_rate, 1),
        QuotaResource::NetworkBandwidth => (quota.max_network_bandwidth, 1),
        // Milliseconds, counted in microseconds.
        _ => (quota.max_cpu_time_ms, 1_000),
    };
    limit.at_most().map_or(u128::MAX, |limit| u128::from(limit).saturating_mul(units))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
