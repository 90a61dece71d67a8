//! The number of files, directories and sockets that an execution has open.

use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use crate::store_usage::StoreUsage;

/// The use of a slot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SlotKind {
    /// A file or directory.
    Descriptor,
    /// A TCP or UDP socket.
    Socket,
}

/// The number of files and directories, or of sockets, that one execution may have open.
///
/// # Invariants
///
/// - I23: an execution never has more files and directories open than `max_descriptors`, streams
///   whose descriptor was dropped included.
/// - I50: an execution never has more sockets open than `max_sockets`, streams whose socket was
///   dropped included.
#[derive(Debug)]
pub(crate) struct Slots {
    kind: SlotKind,
    most: u32,
    taken: AtomicU32,
    usage: StoreUsage,
}

impl Slots {
    pub(crate) fn new(kind: SlotKind, most: u32, usage: StoreUsage) -> Arc<Self> {
        Arc::new(Self { kind, most, taken: AtomicU32::new(0), usage })
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
                self.usage.saw_open(self.kind, before.saturating_add(1));
                Some(Slot(Arc::clone(self)))
            }
            Err(_) => {
                self.usage.refused_open(self.kind);
                None
            }
        }
    }
}

/// The right to have one file, directory or socket open.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
