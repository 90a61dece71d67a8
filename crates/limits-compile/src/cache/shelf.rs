//! The entries of a cache, and the room for them.
//!
//! # Invariants
//!
//! - I32: after an entry was stored, all entries together have at most the bytes of the cache; those
//!   whose use is the longest ago went first.
//! - I33: a file whose writer has died is removed by the next one that stores an entry, and that of a
//!   living writer is not.

use std::fs::FileTimes;
use std::io;
use std::time::SystemTime;

use crate::cache::cache_key::CacheKey;
use crate::cache::directory::{Directory, Listed};
use crate::cache::entry::{self, Entry, Kept, Kind};
use crate::cache::name::Name;
use crate::cache::secret::Secret;
use crate::cache::verdict::Verdict;

/// Bytes that an entry counts for at least, so that their number is bounded as well.
const LEAST_BYTES: u64 = 16 * 1024;

/// The entries of a cache.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) directory: Directory,
    pub(super) secret: Secret,
    pub(super) max_bytes: u64,
}

/// An authentic entry.
#[derive(Debug)]
pub(super) enum Found {
    Component(Kept),
    Refused(Verdict),
}

impl Shelf {
    /// Returns the entry of a key, whose time of use becomes this one. Removes a file that is not
    /// authentic.
    pub(super) fn find(&self, key: &CacheKey) -> Option<Found> {
        match self.read(key) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::debug!(%key, %error, "an entry cannot be read");
                None
            }
        }
    }

    fn read(&self, key: &CacheKey) -> io::Result<Option<Found>> {
        let name = Name::Entry(*key);
        let mut file = self.directory.read(name)?;
        let length = file.metadata()?.len();
        let Some(entry) = entry::read(&mut file, length, &self.secret, key)? else {
            tracing::debug!(%key, "an entry is not authentic, and removed");
            // Unless it was replaced meanwhile.
            if self.directory.is(&file, name)? {
                self.directory.remove(name)?;
            }
            return Ok(None);
        };
        // A cache that cannot be written can be read.
        let _ = file.set_times(FileTimes::new().set_modified(SystemTime::now()));
        Ok(Some(match entry {
            Entry::Component(kept) => Found::Component(kept),
            Entry::Refused(verdict) => Found::Refused(verdict),
        }))
    }

    /// Returns the kind of an entry's contents, if it is authentic.
    pub(super) fn kind(&self, key: &CacheKey) -> Option<Kind> {
        let mut file = self.directory.read(Name::Entry(*key)).ok()?;
        let length = file.metadata().ok()?.len();
        entry::read_kind(&mut file, length, &self.secret, key).ok()?
    }

    pub(super) fn remove(&self, key: &CacheKey) {
        let _ = self.directory.remove(Name::Entry(*key));
    }

    /// Removes files of dead processes, and the entries whose use is the longest ago until all
    /// others fit. `newest` goes last.
    pub(super) fn make_room(&self, newest: Option<&CacheKey>) {
        let listed = match self.directory.list() {
            Ok(listed) => listed,
            Err(error) => {
                tracing::debug!(%error, "the cache cannot be listed");
                return;
            }
        };
        let mut entries: Vec<(bool, Listed)> = Vec::new();
        for file in listed {
            match file.name {
                Name::Entry(key) if file.is_regular => entries.push((newest == Some(&key), file)),
                Name::Entry(_) => drop(self.directory.remove(file.name)),
                Name::Lock(_) | Name::Temp(..) => {
                    self.directory.remove_unlocked(file.name);
                }
            }
        }
        let costs = |file: &Listed| file.bytes.max(LEAST_BYTES);
        let mut total =
            entries.iter().fold(0, |sum: u64, (_, file)| sum.saturating_add(costs(file)));
        entries.sort_by_key(|(is_newest, file)| (*is_newest, file.used, file.name));
        for (_, file) in entries {
            if total <= self.max_bytes {
                return;
            }
            if self.directory.remove(file.name).is_ok() {
                total = total.saturating_sub(costs(&file));
            }
        }
    }
}
