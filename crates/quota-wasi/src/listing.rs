//! Listings of directories.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use cap_primitives::fs::read_base_dir;
use wasmtime_wasi::filesystem::{Descriptor, Dir};
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, HostDescriptor as _};
use wasmtime_wasi::p2::{FsResult, ReaddirIterator};

use crate::error_code::failed_io;
use crate::lookup::Base;
use crate::plain::{Plain, now};
use crate::store_usage::StoreUsage;

/// The entries that the open listings of one execution hold in the host's memory.
///
/// wasmtime-wasi reads a whole directory before it gives the first entry.
///
/// # Invariants
///
/// - I24: the open listings of an execution were made of directories that together had at most
///   `max_directory_entries` when each was counted.
#[derive(Debug)]
pub(crate) struct Listings {
    most: u64,
    held: AtomicU64,
    usage: StoreUsage,
}

impl Listings {
    pub(crate) fn new(most: u64, usage: StoreUsage) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicU64::new(0), usage })
    }

    /// Reads a directory. One call at a time reads for an execution, as for all its host calls.
    pub(crate) fn read(
        self: &Arc<Self>,
        base: Base<'_>,
        dir: Dir,
    ) -> FsResult<(ReaddirIterator, Listing)> {
        let Some(place) = base.place_of(&dir.dir)? else { return Err(ErrorCode::NoEntry.into()) };
        base.judge.list(&place)?;
        let left = self.most.saturating_sub(self.held.load(Ordering::Relaxed));
        let mut entries = 0_u64;
        for entry in read_base_dir(&dir.dir).map_err(failed_io)? {
            entry?;
            if entries == left {
                self.usage.refused_listing();
                return Err(ErrorCode::InsufficientMemory.into());
            }
            entries += 1;
        }
        let mut plain = Plain::new();
        let descriptor = plain.push(Descriptor::Dir(dir))?;
        let stream = now(plain.view().read_directory(descriptor))?;
        let stream = plain.take(stream)?;
        // Counters of one execution, whose calls are ordered by the store.
        self.held.fetch_add(entries, Ordering::Relaxed);
        Ok((stream, Listing { entries, listings: Arc::clone(self) }))
    }
}

/// The entries of one listing, counted until dropped.
#[derive(Debug)]
pub(crate) struct Listing {
    entries: u64,
    listings: Arc<Listings>,
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.listings.held.fetch_sub(self.entries, Ordering::Relaxed);
    }
}
