//! Files and directories that guests have open.

use core::fmt;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::open_file::OpenFile;
use crate::slots::Slot;

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
