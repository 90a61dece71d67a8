//! One compilation for each key at a time, over all threads and processes.
//!
//! # Invariants
//!
//! - I24: of all threads of all processes at most one leads for a key at one time, and a leader has
//!   looked for the entry after it began to lead.
//! - I25: a thread waits for a leader at most for the time that it gave; a process that ends leads
//!   no more.
//! - I26: a process that is killed at any point leaves the entry that was there before, or the one
//!   that it wrote, whole.

use core::time::Duration;
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use limits_core::StructureLimits;

use crate::cache::cache_key::CacheKey;
use crate::cache::code::within_file_limit;
use crate::cache::entry::{About, Kept, seal_component, seal_verdict};
use crate::cache::name::Name;
use crate::cache::shelf::{Found, Shelf};
use crate::cache::verdict::Verdict;
use crate::compile_error::CompileError;

/// The time between two looks at the lock of another leader: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// The way on for a thread that wants an entry.
#[derive(Debug)]
pub(crate) enum Flight {
    /// The entry is there.
    Hit(Kept),
    /// The verdict is there, and holds.
    Refused(CompileError),
    /// The thread compiles, and stores the result for all others.
    Lead(Lease),
    /// The thread compiles for itself: it has waited for long enough, or the cache is unusable.
    Alone,
}

/// The right to store the entry of one key. Others wait until this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    shelf: Arc<Shelf>,
    key: CacheKey,
    lock: File,
}

/// Looks for an entry, and waits while another thread or process makes it.
pub(super) fn begin(
    shelf: &Arc<Shelf>,
    key: CacheKey,
    limits: &StructureLimits,
    wait: Duration,
) -> Flight {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    if let Some(flight) = look(shelf, &key, limits) {
        return flight;
    }
    loop {
        match shelf.directory.try_lock(Name::Lock(key)) {
            Ok(Some(lock)) => {
                let lease = Lease { shelf: Arc::clone(shelf), key, lock };
                // The last leader may have stored it since the last look.
                return look(shelf, &key, limits).unwrap_or(Flight::Lead(lease));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(%key, %error, "a component is compiled without its cache");
                return Flight::Alone;
            }
        }
        let left = wait.saturating_sub(start.elapsed());
        if left.is_zero() {
            tracing::debug!(%key, ?wait, "another process compiles a component for too long");
            return Flight::Alone;
        }
        thread::sleep(pause.min(left));
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

fn look(shelf: &Shelf, key: &CacheKey, limits: &StructureLimits) -> Option<Flight> {
    match shelf.find(key)? {
        Found::Component(kept) => Some(Flight::Hit(kept)),
        Found::Refused(verdict) => verdict.under(limits).map(Flight::Refused),
    }
}

impl Lease {
    /// Stores a compiled component, with the translated binary if the source was none. A failure
    /// is the cache's own.
    pub(crate) fn store(self, about: &About, translated: Option<&[u8]>, code: &[u8]) {
        let bodies = [translated.unwrap_or_default(), code];
        let head = seal_component(&self.shelf.secret, &self.key, about, bodies);
        self.keep(head, bodies);
    }

    /// Stores a verdict.
    pub(crate) fn refuse(self, verdict: &Verdict) {
        let head = seal_verdict(&self.shelf.secret, &self.key, verdict);
        self.keep(head, [b"", b""]);
    }

    fn keep(self, head: Option<Vec<u8>>, bodies: [&[u8]; 2]) {
        let key = self.key;
        let Some(head) = head else {
            tracing::debug!(%key, "an entry is not stored: its header is too long");
            return;
        };
        match self.write([&head, bodies[0], bodies[1]]) {
            Ok(()) => self.shelf.make_room(Some(&key)),
            Err(error) => tracing::debug!(%key, %error, "an entry is not stored"),
        }
    }

    fn write(&self, parts: [&[u8]; 3]) -> io::Result<()> {
        let bytes = parts.iter().map(|part| u64::try_from(part.len()).unwrap_or(u64::MAX));
        let bytes = bytes.fold(0, u64::saturating_add);
        if bytes > self.shelf.max_bytes || !within_file_limit(bytes) {
            return Err(io::Error::other("it is larger than the cache, or than a file may be"));
        }
        let directory = &self.shelf.directory;
        let temp = Name::Temp(self.key, fresh_number());
        let mut file = directory.create_new(temp)?;
        // The lock tells others that the writer lives: I33.
        file.try_lock()?;
        let written = parts
            .iter()
            .try_for_each(|part| file.write_all(part))
            .and_then(|()| directory.rename(temp, Name::Entry(self.key)));
        if written.is_err() {
            // It is of no use; a failure leaves it to the next one that makes room.
            let _ = directory.remove(temp);
        }
        written
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let directory = &self.shelf.directory;
        // Before the lock goes: after it, the name could be the next leader's.
        if directory.is(&self.lock, Name::Lock(self.key)).unwrap_or(false) {
            let _ = directory.remove(Name::Lock(self.key));
        }
    }
}

/// Returns a number that no other file of this process has, and hardly one of another.
fn fresh_number() -> u64 {
    use core::hash::BuildHasher as _;
    use std::hash::RandomState;
    // Keys of its own for each process, a count for each call.
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::{Flight, Lease};
    use crate::cache::Cache;
    use crate::cache::cache_key::CacheKey;
    use crate::cache::entry::{About, Kept};
    use crate::cache::verdict::{Verdict, tests::too_many_functions};
    use crate::compile_report::CompileMode;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use core::time::Duration;
    use limits_core::{StructureCount, StructureLimits};
    use std::io::{BufRead as _, BufReader};
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::Barrier;
    use std::{fs, thread};

    const KEY: CacheKey = CacheKey::from_bytes([3; 32]);
    const LONG: Duration = Duration::from_secs(600);

    fn open(dir: &Path) -> Cache {
        Cache::open(&dir.join("cache"), &dir.join("key"), 1 << 30).unwrap()
    }

    fn fly(cache: &Cache, wait: Duration) -> Flight {
        cache.flight(KEY, &StructureLimits::default(), wait)
    }

    fn lead(cache: &Cache) -> Lease {
        match fly(cache, Duration::ZERO) {
            Flight::Lead(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    fn hit(cache: &Cache) -> Option<Kept> {
        match fly(cache, Duration::ZERO) {
            Flight::Hit(kept) => Some(kept),
            _ => None,
        }
    }

    fn store(lease: Lease, code: &[u8]) {
        lease.store(&About { counts: vec![1], adapted: None }, None, code);
    }

    fn bytes(kept: &Kept) -> Vec<u8> {
        kept.code().to_vec().unwrap()
    }

    fn files(dir: &Path) -> Vec<String> {
        let files = fs::read_dir(dir.join("cache")).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    // I24: each thread opens the lock anew, as each process does.
    #[test]
    fn one_thread_leads_and_all_others_have_what_it_stored() {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..20_u8 {
            let (leaders, start) = (AtomicUsize::new(0), Barrier::new(8));
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let cache = open(dir.path());
                        start.wait();
                        match fly(&cache, LONG) {
                            Flight::Lead(lease) => {
                                leaders.fetch_add(1, Ordering::SeqCst);
                                store(lease, &[round]);
                            }
                            Flight::Hit(kept) => assert_eq!(bytes(&kept), [round]),
                            other => panic!("{other:?}"),
                        }
                    });
                }
            });
            assert_eq!(leaders.into_inner(), 1);
            assert_eq!(files(dir.path()), [format!("{KEY}.entry")]);
            open(dir.path()).clear().unwrap();
        }
    }

    // I24: also where a leader fails, the next one leads alone.
    #[test]
    fn threads_lead_one_after_another_while_nothing_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let leading = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let cache = open(dir.path());
                    for _ in 0..50 {
                        let Flight::Lead(lease) = fly(&cache, LONG) else { panic!("it waits") };
                        assert_eq!(leading.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        leading.fetch_sub(1, Ordering::SeqCst);
                        drop(lease);
                    }
                });
            }
        });
        assert_eq!(files(dir.path()), [""; 0]);
    }

    // I25.
    #[test]
    fn a_thread_that_has_waited_compiles_for_itself() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path());
        let lease = lead(&cache);
        assert!(matches!(fly(&cache, Duration::ZERO), Flight::Alone));
        assert!(matches!(fly(&cache, Duration::from_millis(30)), Flight::Alone));
        let other = CacheKey::from_bytes([4; 32]);
        let other = cache.flight(other, &StructureLimits::default(), Duration::ZERO);
        assert!(matches!(other, Flight::Lead(_)), "another component does not wait");
        store(lease, b"code");
        assert!(hit(&cache).is_some());
    }

    // I20: the file is not looked at again after its bytes were found authentic.
    #[test]
    fn an_entry_that_changes_after_it_was_read_stays_as_it_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path());
        // Short code is kept in plain memory, long code in a file.
        for size in [4, 1 << 20] {
            let good = vec![b'g'; size];
            store(lead(&cache), &good);
            let kept = hit(&cache).unwrap();
            let file = dir.path().join(format!("cache/{KEY}.entry"));
            let mut entry = fs::read(&file).unwrap();
            let end = entry.len();
            entry[end - 4..].copy_from_slice(b"evil");
            // In place: a mapping of the file would show it.
            fs::write(&file, &entry).unwrap();
            assert_eq!(bytes(&kept), good);
            assert!(hit(&cache).is_none());
            assert_eq!(files(dir.path()), [""; 0], "the false entry is gone");
        }
    }

    // I27.
    #[test]
    fn a_verdict_is_met_again_under_its_limits_and_replaced_under_others() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path());
        let limits = StructureLimits::default();
        let error = too_many_functions();
        lead(&cache).refuse(&Verdict::of(&error, CompileMode::Worker, &limits).unwrap());
        let Flight::Refused(again) = fly(&cache, Duration::ZERO) else { panic!("no verdict") };
        assert_eq!(again.to_string(), error.to_string());
        let more = limits.with(StructureCount::Functions, 1_000_000);
        let Flight::Lead(lease) = cache.flight(KEY, &more, Duration::ZERO) else { panic!("a hit") };
        store(lease, b"code");
        assert!(hit(&cache).is_some());
    }

    // I28.
    #[test]
    fn without_its_directory_a_cache_lets_each_compile_alone() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path());
        let lease = lead(&cache);
        fs::remove_dir_all(dir.path().join("cache")).unwrap();
        assert!(matches!(fly(&cache, LONG), Flight::Alone));
        store(lease, b"code");
        assert!(matches!(fly(&cache, LONG), Flight::Alone));
    }

    /// Not a test: the process that `a_killed_writer_leaves_an_entry_or_none` kills.
    #[test]
    fn writes_until_it_is_killed() {
        let Ok(dir) = std::env::var("LIMITS_COMPILE_TEST_WRITER") else { return };
        let cache = open(Path::new(&dir));
        for round in 0.. {
            let code = vec![round; 2 << 20];
            if round == 1 {
                // The tests' output goes to standard output, which the other side reads.
                std::io::Write::write_all(&mut std::io::stderr(), b"begun\n").unwrap();
            }
            let Flight::Lead(lease) = fly(&cache, LONG) else { panic!("no lead") };
            store(lease, &code);
            cache.forget(&KEY);
        }
    }

    // I26, I25 and I33: nothing that a dead process leaves is wrong, waits, or stays.
    #[test]
    fn a_killed_writer_leaves_an_entry_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let cache = open(dir.path());
        for round in 0..40_u64 {
            let mut writer = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "cache::flight::tests::writes_until_it_is_killed"])
                .args(["--nocapture", "--test-threads=1"])
                .env("LIMITS_COMPILE_TEST_WRITER", dir.path())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut words = String::new();
            BufReader::new(writer.stderr.take().unwrap()).read_line(&mut words).unwrap();
            assert_eq!(words, "begun\n");
            // Any point of its work will do: the times only spread them.
            thread::sleep(Duration::from_micros(137 * round));
            writer.kill().unwrap();
            writer.wait().unwrap();
            match fly(&cache, Duration::ZERO) {
                Flight::Hit(kept) => {
                    let code = bytes(&kept);
                    assert_eq!(code, vec![code[0]; 2 << 20]);
                    cache.forget(&KEY);
                }
                // The lock of a dead process is free.
                Flight::Lead(lease) => {
                    store(lease, b"code");
                    assert_eq!(files(dir.path()), [format!("{KEY}.entry")]);
                    cache.forget(&KEY);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
