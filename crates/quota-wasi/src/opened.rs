//! Files and directories that guests have open.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::open_file::OpenFile;
use crate::store_usage::StoreUsage;

/// A file or directory that a guest has a descriptor of, with the place of the directory that it
/// was reached from, among the component's.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    Directory { root: usize, _slot: Arc<Slot> },
    File { root: usize, file: Arc<HeldFile> },
}

impl Opened {
    pub(crate) fn root(&self) -> usize {
        match self {
            Self::Directory { root, _slot: _ } | Self::File { root, file: _ } => *root,
        }
    }
}

/// An open file, with the right to have it open; streams share it.
pub(crate) struct HeldFile {
    file: OpenFile,
    _slot: Slot,
}

impl HeldFile {
    pub(crate) fn new(file: OpenFile, slot: Slot) -> Arc<Self> {
        Arc::new(Self { file, _slot: slot })
    }

    pub(crate) fn file(&self) -> &OpenFile {
        &self.file
    }
}

impl fmt::Debug for HeldFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldFile").field("file", self.file.file()).finish_non_exhaustive()
    }
}

/// The number of files and directories that one execution may have open.
///
/// # Invariants
///
/// - I23: an execution never has more open than `max_descriptors`, streams whose descriptor was
///   dropped included.
#[derive(Debug)]
pub(crate) struct Slots {
    most: u32,
    taken: AtomicU32,
    usage: StoreUsage,
}

impl Slots {
    pub(crate) fn new(most: u32, usage: StoreUsage) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicU32::new(0), usage })
    }

    pub(crate) fn most(&self) -> u32 {
        self.most
    }

    /// Takes a slot, or counts the refusal.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Slot> {
        // Nothing but the number depends on its order.
        let taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            taken.checked_add(1).filter(|more| *more <= self.most)
        });
        match taken {
            Ok(before) => {
                self.usage.saw_descriptors(before.saturating_add(1));
                Some(Slot(Arc::clone(self)))
            }
            Err(_) => {
                self.usage.refused_descriptor();
                None
            }
        }
    }
}

/// The right to have one file or directory open.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Facts about resources in a store's table, by their index there.
#[derive(Debug)]
pub(crate) struct SideTable<V>(Mutex<HashMap<u32, V>>);

impl<V> SideTable<V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    pub(crate) fn insert(&self, index: u32, value: V) {
        self.lock().insert(index, value);
    }

    pub(crate) fn remove(&self, index: u32) -> Option<V> {
        self.lock().remove(&index)
    }

    pub(crate) fn get(&self, index: u32) -> Option<V>
    where
        V: Clone,
    {
        self.lock().get(&index).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, V>> {
        // No panic leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
