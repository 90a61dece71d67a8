//! The use of all components in a file that survives a restart.

mod atomic_write;
mod bounded_read;
mod content;
mod error;

use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use limits_core::ResourceQuota;

use self::content::{AnyVersion, Components, Content, StoredUsage};
use crate::escaped_json;
use crate::handle::ComponentHandle;
use crate::usage_snapshot::UsageSnapshot;

pub use self::error::UsageFileError;

/// The format that this version writes. It also reads version 1, without entries of storage.
const VERSION: u32 = 2;
/// The size of the largest file that is read and written: some 200 000 components.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The use of all components, with the period in which their rates were counted, to be stored over
/// a restart.
///
/// A registry [returns](crate::QuotaRegistry::usage_file) it, and is
/// [built with it](crate::QuotaRegistryBuilder::usage): a component that is registered then begins
/// with what it used before. Components that are in the file and not registered stay in it, until
/// the host [drops](Self::retain) those that will not come back.
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
    components: Components,
}

impl UsageFile {
    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`UsageFileError`] if it is no regular file, cannot be read, is larger than 64 MiB, was
    /// truncated or corrupted, or has another version. A host that goes on without the file then
    /// forgets what its components have stored: move it away only if that is wanted.
    pub fn read(path: impl AsRef<Path>) -> Result<Option<Self>, UsageFileError> {
        let path = path.as_ref();
        match bounded_read::read(path, MAX_BYTES) {
            Ok(Some(bytes)) => Self::parse(path, &bytes).map(Some),
            Ok(None) => Err(UsageFileError::too_many_bytes(path)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(UsageFileError::read(path, error)),
        }
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, UsageFileError> {
        let malformed = |error: serde_json::Error| UsageFileError::malformed(path, error);
        let AnyVersion { version } = serde_json::from_slice(bytes).map_err(malformed)?;
        let components = match version {
            VERSION => serde_json::from_slice(bytes).map(|Content { components, .. }| components),
            1 => content::read_version_1(bytes),
            other => return Err(UsageFileError::version(path, other)),
        };
        let components = components.map_err(malformed)?;
        if let Some((id, _)) = components.iter().find(|(_, stored)| stored.period_ns == 0) {
            let reason = format!("the period of `{id}` is zero");
            return Err(UsageFileError::malformed(path, reason));
        }
        if !content::storage_fits(&components) {
            return Err(UsageFileError::too_much_storage(path));
        }
        Ok(Self { components })
    }

    /// Writes the file: to a temporary file beside it, which then replaces it in one step. Both are
    /// flushed to the disk. A symbolic link is replaced by the file.
    ///
    /// On Unix, only the process's user may read a new file, and a file that is replaced hands on
    /// its mode. A process that is killed meanwhile leaves a `.usage-*.tmp` behind.
    ///
    /// It blocks, so an asynchronous host calls it on a blocking thread.
    ///
    /// # Errors
    ///
    /// [`UsageFileError::TooLarge`] if [`read`](Self::read) would refuse the file, and
    /// [`UsageFileError::Write`] if the system refuses a step. An earlier file is then still there,
    /// unless only the last step failed, the flush of the folder: then the new file is in its place
    /// and a crash may undo that.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), UsageFileError> {
        let path = path.as_ref();
        if !content::storage_fits(&self.components) {
            return Err(UsageFileError::too_much_storage(path));
        }
        let content = Content { version: VERSION, components: self.components.clone() };
        let line = escaped_json::to_line(&content);
        if u64::try_from(line.len()).is_ok_and(|len| len > MAX_BYTES) {
            return Err(UsageFileError::too_many_bytes(path));
        }
        atomic_write::replace(path, &line).map_err(|error| UsageFileError::write(path, error))
    }

    /// Keeps the components whose id the host knows, such as those that are still installed, and
    /// drops the others.
    ///
    /// ```
    /// # fn start(path: &str, installed: &[&str]) -> Result<(), quota_enforce::UsageFileError> {
    /// use quota_enforce::{QuotaRegistry, UsageFile};
    ///
    /// let mut usage = UsageFile::read(path)?.unwrap_or_default();
    /// usage.retain(|id| installed.contains(&id));
    /// let registry = QuotaRegistry::builder().usage(usage).build();
    /// # Ok(())
    /// # }
    /// # start("/absent/usage.json", &["shop"]).unwrap();
    /// ```
    pub fn retain(&mut self, mut is_known: impl FnMut(&str) -> bool) {
        self.components.retain(|id, _| is_known(id));
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

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
