//! The part of each inode that is counted, where not everything is.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::disk::inode_id::InodeId;

/// The counted part of each inode.
///
/// Where the baseline is free, an inode that was there at the start is free up to the length and
/// the number of names that it had then, or to the lowest that it had since. Its growth above that
/// is counted, and only that is given back.
///
/// - I8: the use is the sum of the bytes and names that the guest has put there and that are still
///   there. Removing what is free gives nothing back, so a guest never has more than its quota of
///   its own, and the directories never hold more than the start and the quota.
#[derive(Debug)]
pub(crate) enum Paid {
    /// Everything is counted.
    Everything,
    /// These parts are counted; an inode without one is free. Each takes memory, and is paid for by
    /// at least one byte or entry of the component's storage.
    Parts(HashMap<InodeId, Part>),
}

/// The counted part of an inode.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Part {
    pub(crate) bytes: u64,
    pub(crate) names: u64,
}

impl Paid {
    /// Returns the free bytes of an inode that has this length.
    pub(crate) fn free_bytes(&self, id: InodeId, len: u64) -> u64 {
        match self {
            Self::Everything => 0,
            Self::Parts(parts) => {
                len.saturating_sub(parts.get(&id).copied().unwrap_or_default().bytes)
            }
        }
    }

    /// Keeps the counted bytes of an inode that goes out of use.
    pub(crate) fn set_bytes(&mut self, id: InodeId, bytes: u64) {
        self.change(id, |part| part.bytes = bytes);
    }

    /// Adds a counted name.
    pub(crate) fn add_name(&mut self, id: InodeId) {
        self.change(id, |part| part.names = part.names.saturating_add(1));
    }

    /// Removes a name and reports whether it was counted.
    pub(crate) fn remove_name(&mut self, id: InodeId) -> bool {
        let mut counted = matches!(self, Self::Everything);
        self.change(id, |part| {
            counted = part.names > 0;
            part.names = part.names.saturating_sub(1);
        });
        counted
    }

    /// Forgets an inode that is gone, and returns the counted names that it had left: others have
    /// removed those.
    pub(crate) fn remove(&mut self, id: InodeId) -> u64 {
        match self {
            Self::Everything => 0,
            Self::Parts(parts) => parts.remove(&id).map_or(0, |part| part.names),
        }
    }

    fn change(&mut self, id: InodeId, change: impl FnOnce(&mut Part)) {
        let Self::Parts(parts) = self else { return };
        let mut part = parts.get(&id).copied().unwrap_or_default();
        change(&mut part);
        match (parts.entry(id), part == Part::default()) {
            (Entry::Occupied(entry), true) => drop(entry.remove()),
            (Entry::Vacant(_), true) => {}
            (entry, false) => *entry.or_default() = part,
        }
    }
}
