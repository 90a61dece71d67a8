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
        if bytes.fold(0, u64::saturating_add) > self.shelf.max_bytes {
            return Err(io::Error::other("it is larger than the cache"));
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
    use std::hash::{BuildHasher as _, RandomState};
    // Keys of its own for each process, a count for each call.
    RandomState::new().hash_one(std::process::id())
}
