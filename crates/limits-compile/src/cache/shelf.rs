//! The entries of a cache, and the room for them.
//!
//! # Invariants
//!
//! - I32: after an entry was stored, all entries together have at most the bytes of the cache;
//!   those whose use is the longest ago went first.
//! - I33: a file whose writer has died is removed by the next process that stores an entry, and
//!   that of a living writer is not.

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

#[cfg(test)]
mod tests {
    use super::Shelf;
    use crate::cache::cache_key::CacheKey;
    use crate::cache::directory::Directory;
    use crate::cache::entry::About;
    use crate::cache::flight::{Flight, begin};
    use crate::cache::name::Name;
    use crate::cache::secret::Secret;
    use core::time::Duration;
    use limits_core::StructureLimits;
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::SystemTime;

    const SECRET: Secret = Secret::from_bytes([1; 32]);
    const MIB: usize = 1 << 20;

    fn key(number: u8) -> CacheKey {
        CacheKey::from_bytes([number; 32])
    }

    fn shelf(dir: &Path, max_bytes: u64) -> Arc<Shelf> {
        let directory = Directory::open(dir).unwrap();
        Arc::new(Shelf { directory, secret: SECRET, max_bytes })
    }

    fn store(shelf: &Arc<Shelf>, key: CacheKey, size: usize) {
        let flight = begin(shelf, key, &StructureLimits::default(), Duration::ZERO);
        let Flight::Lead(lease) = flight else { panic!("{flight:?}") };
        lease.store(&About { counts: vec![1], adapted: None }, None, &vec![5; size]);
    }

    fn kept(shelf: &Shelf) -> Vec<u8> {
        let mut kept: Vec<u8> = shelf
            .directory
            .list()
            .unwrap()
            .iter()
            .map(|file| match file.name {
                Name::Entry(key) => key.as_bytes()[0],
                other => panic!("{other}"),
            })
            .collect();
        kept.sort_unstable();
        kept
    }

    fn path(dir: &Path, name: Name) -> PathBuf {
        dir.join(name.to_string())
    }

    /// Makes an entry's last use so many seconds after 1970.
    fn use_at(dir: &Path, key: CacheKey, seconds: u64) {
        let file = File::open(path(dir, Name::Entry(key))).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }

    // I32.
    #[test]
    fn the_entries_whose_use_is_the_longest_ago_make_room() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = shelf(dir.path(), 4 * 1024 * 1024);
        for number in 1..=3 {
            store(&shelf, key(number), MIB);
            use_at(dir.path(), key(number), 100 + u64::from(number));
        }
        assert_eq!(kept(&shelf), [1, 2, 3]);
        // A use makes the oldest the newest.
        assert!(shelf.find(&key(1)).is_some());
        store(&shelf, key(4), MIB);
        assert_eq!(kept(&shelf), [1, 3, 4]);
        store(&shelf, key(5), 2 * MIB);
        assert_eq!(kept(&shelf), [4, 5], "both of them: one is not enough");
    }

    // I32: whatever times the other entries have.
    #[test]
    fn the_entry_that_was_stored_goes_last() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = shelf(dir.path(), 2 * 1024 * 1024);
        store(&shelf, key(1), MIB);
        use_at(dir.path(), key(1), 1 << 40);
        store(&shelf, key(2), MIB);
        assert_eq!(kept(&shelf), [2]);
        store(&shelf, key(3), 3 * MIB);
        assert_eq!(kept(&shelf), [2], "an entry larger than the cache is not stored");
    }

    // I32: tiny entries are bounded in number.
    #[test]
    fn each_entry_counts_for_16_kib_at_least() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = shelf(dir.path(), 3 * 16 * 1024);
        for number in 1..=9 {
            store(&shelf, key(number), 1);
            use_at(dir.path(), key(number), number.into());
        }
        assert_eq!(kept(&shelf), [7, 8, 9]);
    }

    // I33.
    #[test]
    fn files_of_dead_writers_go_and_those_of_living_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = shelf(dir.path(), 1 << 30);
        let (dead, living) = (Name::Temp(key(1), 1), Name::Temp(key(1), 2));
        let (left, held) = (Name::Lock(key(1)), Name::Lock(key(2)));
        for name in [dead, left] {
            fs::write(path(dir.path(), name), b"half").unwrap();
        }
        let writer = shelf.directory.create_new(living).unwrap();
        writer.try_lock().unwrap();
        let leader = shelf.directory.try_lock(held).unwrap().unwrap();
        fs::write(dir.path().join("notes.txt"), b"of a person").unwrap();
        shelf.make_room(None);
        let exists = |name| path(dir.path(), name).exists();
        assert_eq!([dead, left, living, held].map(exists), [false, false, true, true]);
        assert!(dir.path().join("notes.txt").exists());
        drop((writer, leader));
        shelf.make_room(None);
        assert_eq!([living, held].map(exists), [false, false]);
    }

    // I23.
    #[test]
    fn links_pipes_and_directories_in_the_place_of_files_are_removed_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        let place = |path: &Path, kind: u8| match kind {
            0 => symlink(&victim, path).unwrap(),
            1 => symlink(outside.path().join("none"), path).unwrap(),
            2 => mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap(),
            3 => fs::create_dir(path).unwrap(),
            _ => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        };
        let shelf = shelf(dir.path(), 1 << 30);
        for kind in 0..5 {
            fs::write(&victim, b"precious").unwrap();
            place(&path(dir.path(), Name::Entry(key(1))), kind);
            assert!(shelf.find(&key(1)).is_none());
            place(&path(dir.path(), Name::Lock(key(1))), kind);
            let flight = begin(&shelf, key(1), &StructureLimits::default(), Duration::ZERO);
            assert!(matches!(flight, Flight::Alone | Flight::Lead(_)), "{kind}: {flight:?}");
            drop(flight);
            // An entry that appears while its component is compiled.
            let flight = begin(&shelf, key(1), &StructureLimits::default(), Duration::ZERO);
            let Flight::Lead(lease) = flight else { panic!("{kind}: {flight:?}") };
            place(&path(dir.path(), Name::Entry(key(1))), kind);
            lease.store(&About { counts: vec![1], adapted: None }, None, b"code");
            assert!(shelf.find(&key(1)).is_some(), "{kind}");
            place(&path(dir.path(), Name::Entry(key(2))), kind);
            place(&path(dir.path(), Name::Temp(key(2), 1)), kind);
            shelf.make_room(None);
            assert_eq!(kept(&shelf), [1]);
            shelf.remove(&key(1));
            assert_eq!(fs::read(&victim).unwrap(), b"precious");
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
        }
    }

    // I21: authentic bytes in another one's place.
    #[test]
    fn an_entry_under_the_name_of_another_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = shelf(dir.path(), 1 << 30);
        store(&shelf, key(1), 10);
        fs::copy(path(dir.path(), Name::Entry(key(1))), path(dir.path(), Name::Entry(key(2))))
            .unwrap();
        assert!(shelf.find(&key(2)).is_none());
        assert_eq!(kept(&shelf), [1]);
    }

    // I22: a file of 1 EiB costs a header.
    #[test]
    fn a_vast_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = shelf(dir.path(), 1 << 30);
        store(&shelf, key(1), 10);
        let file = path(dir.path(), Name::Entry(key(1)));
        let vast = File::options().write(true).open(&file).unwrap();
        vast.set_len(1 << 42).unwrap();
        assert!(shelf.find(&key(1)).is_none());
        assert!(!file.exists());
    }
}
