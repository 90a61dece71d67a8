//! A cache of compiled components.
//!
//! # Invariants
//!
//! - I28: an unusable cache, a full disk or a damaged entry never fails a compilation.

pub(crate) mod cache_error;
pub(crate) mod cache_key;
pub(crate) mod code;
mod directory;
pub(crate) mod entry;
pub(crate) mod flight;
mod name;
pub(crate) mod secret;
mod shelf;
pub(crate) mod verdict;

use core::time::Duration;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use limits_core::StructureLimits;

use crate::cache::cache_error::CacheError;
use crate::cache::cache_key::CacheKey;
use crate::cache::directory::Directory;
use crate::cache::entry::Kind;
use crate::cache::flight::Flight;
use crate::cache::name::Name;
use crate::cache::secret::Secret;
use crate::cache::shelf::Shelf;

/// A directory with compiled components, each authenticated by a key outside of it.
///
/// An entry is found by the hash of the component's bytes and of all that its compilation depends
/// on. A process that can write the directory, but cannot read the key, cannot make the host run
/// code: it can remove entries and fill the disk. Entries whose use is the longest ago are removed
/// for new ones.
///
/// Refusals are kept, too, if the same bytes will always meet them: those of the pre-pass, of
/// translation and of validation. Of several threads and processes that want one component at a
/// time, one compiles it.
///
/// Cheap to clone. It does not authenticate against other processes of the same user, which can
/// read the key.
///
/// ```
/// use limits_compile::Cache;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let home = home.path();
/// let key_file = home.join("state/cache.key");
/// let cache = Cache::open(&home.join("cache"), &key_file, Cache::DEFAULT_MAX_BYTES)?;
/// assert_eq!(cache.entries()?.len(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cache {
    shelf: Arc<Shelf>,
    path: Arc<Path>,
}

/// An entry of a [`Cache`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CacheEntry {
    /// The hash under which it is found, in hexadecimal digits.
    pub key: String,
    /// The contents.
    pub holds: Held,
    /// Bytes of the file.
    pub bytes: u64,
    /// The time of the last use.
    pub used: SystemTime,
}

/// The contents of a [`CacheEntry`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Held {
    /// A compiled component.
    Component,
    /// A component that was made of text or a core module, and compiled.
    Translated,
    /// A refusal.
    Verdict,
    /// Bytes that this cache's key does not authenticate. They are never used.
    Foreign,
}

/// The number of files that [`Cache::clear`] removed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Cleared {
    /// Entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Cache {
    /// The most bytes of all entries that most hosts choose: 1 GiB.
    pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;

    /// Opens the cache in `dir`, with the key in `key_file`; both are made if they are missing. All
    /// entries together have at most `max_bytes` bytes; each counts for 16 KiB at least.
    ///
    /// Processes that write at one time each add a file while they do.
    ///
    /// # Errors
    ///
    /// A [`CacheError`] if the directory cannot be opened, or the key file is not the current
    /// user's alone. Compile without a cache then.
    pub fn open(dir: &Path, key_file: &Path, max_bytes: u64) -> Result<Self, CacheError> {
        let secret = Secret::in_file(key_file)?;
        let directory = Directory::open(dir)
            .map_err(|error| CacheError::Directory { dir: dir.to_path_buf(), error })?;
        let shelf = Arc::new(Shelf { directory, secret, max_bytes });
        Ok(Self { shelf, path: Arc::from(dir) })
    }

    /// Returns all entries, the last used ones first.
    ///
    /// # Errors
    ///
    /// [`CacheError::Directory`] if the directory cannot be listed.
    pub fn entries(&self) -> Result<Vec<CacheEntry>, CacheError> {
        let mut entries = Vec::new();
        for file in self.list()? {
            let Name::Entry(key) = file.name else { continue };
            let holds = match self.shelf.kind(&key) {
                Some(Kind::Component { is_translated: false }) => Held::Component,
                Some(Kind::Component { is_translated: true }) => Held::Translated,
                Some(Kind::Refused) => Held::Verdict,
                None => Held::Foreign,
            };
            let (key, bytes, used) = (key.to_string(), file.bytes, file.used);
            entries.push(CacheEntry { key, holds, bytes, used });
        }
        entries.sort_by(|one, two| (two.used, &one.key).cmp(&(one.used, &two.key)));
        Ok(entries)
    }

    /// Removes all entries, and files that dead processes left behind. Files with other names than
    /// a cache's stay, and so does the key.
    ///
    /// # Errors
    ///
    /// [`CacheError::Directory`] if the directory cannot be listed, or an entry not be removed.
    pub fn clear(&self) -> Result<Cleared, CacheError> {
        let mut cleared = Cleared::default();
        for file in self.list()? {
            match file.name {
                Name::Entry(_) => {
                    self.shelf.directory.remove(file.name).map_err(|error| self.failed(error))?;
                    cleared.entries += 1;
                    cleared.bytes = cleared.bytes.saturating_add(file.bytes);
                }
                Name::Lock(_) | Name::Temp(..) => {
                    self.shelf.directory.remove_unlocked(file.name);
                }
            }
        }
        Ok(cleared)
    }

    fn list(&self) -> Result<Vec<directory::Listed>, CacheError> {
        self.shelf.directory.list().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> CacheError {
        CacheError::Directory { dir: PathBuf::from(&*self.path), error }
    }

    /// Looks for an entry, and waits at most for `wait` while another thread or process makes it.
    pub(crate) fn flight(&self, key: CacheKey, limits: &StructureLimits, wait: Duration) -> Flight {
        flight::begin(&self.shelf, key, limits, wait)
    }

    /// Removes an entry that turned out to be of no use.
    pub(crate) fn forget(&self, key: &CacheKey) {
        self.shelf.remove(key);
    }
}
