//! The inodes that are in use.

#[cfg(test)]
use core::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, FileType, Stat, fstat, statat};
use rustix::io::Errno;

use crate::disk::inode_id::{InodeId, counted_len};
use crate::disk::paid::Paid;
use crate::disk::{DiskLedger, locked};

/// The inodes that are open, or that a change of names looks at.
///
/// - I5: the bytes of an inode stay counted while it has a name or a holder, and are given back
///   once.
/// - I7: an inode is in the table while it has a holder, and only then.
///
/// Both rest on the table's lock: who takes a file looks at it under the lock, who removes its last
/// name holds it before and says so after. So either the holder finds the file without a name, or
/// the remover finds its holder. All who change a file's length hold it, and share the lock in it.
pub(crate) struct Inodes(Mutex<Table>);

struct Table {
    slots: HashMap<InodeId, Slot>,
    paid: Paid,
}

struct Slot {
    inode: Arc<Inode>,
    holders: usize,
    /// Its last name is gone, so its bytes go with the last holder.
    is_nameless: bool,
}

/// An inode in use.
#[derive(Debug)]
pub(crate) struct Inode {
    pub(crate) id: InodeId,
    /// Only regular files grow.
    pub(crate) is_file: bool,
    pub(crate) length: Mutex<Length>,
}

/// The bytes of an inode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    /// As it was seen last, with everything counted that is not free.
    pub(crate) len: u64,
    /// Those at its beginning that are not counted.
    pub(crate) free: u64,
}

impl Length {
    pub(crate) const fn counted(self) -> u64 {
        self.len.saturating_sub(self.free)
    }

    /// Sets the length that was seen. Bytes that are cut off are not free when they come again.
    pub(crate) fn see(&mut self, len: u64) {
        self.len = len;
        self.free = self.free.min(len);
    }
}

impl Inodes {
    pub(crate) fn new(paid: Paid) -> Self {
        Self(Mutex::new(Table { slots: HashMap::new(), paid }))
    }

    /// Reports whether inodes may have a part that is not counted.
    pub(crate) fn has_free(&self) -> bool {
        matches!(locked(&self.0).paid, Paid::Parts(_))
    }

    #[cfg(test)]
    pub(crate) fn in_use(&self) -> usize {
        locked(&self.0).slots.len()
    }

    #[cfg(test)]
    pub(crate) fn parts(&self) -> usize {
        if let Paid::Parts(parts) = &locked(&self.0).paid { parts.len() } else { 0 }
    }
}

impl Table {
    fn hold(&mut self, stat: &Stat) -> Arc<Inode> {
        let id = InodeId::of(stat);
        let slot = match self.slots.entry(id) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(place) => {
                let len = counted_len(stat);
                let free = self.paid.free_bytes(id, len);
                let is_file = FileType::from_raw_mode(stat.st_mode).is_file();
                let inode = Inode { id, is_file, length: Mutex::new(Length { len, free }) };
                place.insert(Slot { inode: Arc::new(inode), holders: 0, is_nameless: false })
            }
        };
        slot.holders += 1;
        Arc::clone(&slot.inode)
    }
}

/// Keeps an inode in use: its length is known to all who hold it, and its bytes stay counted after
/// its last name is gone.
pub(crate) struct Held {
    ledger: Arc<DiskLedger>,
    inode: Arc<Inode>,
    /// Closed after the inode has left the table, since a new file may get its number then, and
    /// before its bytes are given back.
    file: Option<Arc<File>>,
}

impl Held {
    /// Holds the inode of an open file, and the file.
    pub(crate) fn of_file(ledger: &Arc<DiskLedger>, file: &Arc<File>) -> io::Result<Self> {
        let mut table = locked(&ledger.inodes.0);
        // Under the lock: a name that is removed later finds the inode in use.
        let stat = fstat(file)?;
        if stat.st_nlink == 0 && !table.slots.contains_key(&InodeId::of(&stat)) {
            return Err(Errno::NOENT.into());
        }
        let file = Some(Arc::clone(file));
        Ok(Self { inode: table.hold(&stat), ledger: Arc::clone(ledger), file })
    }

    /// Holds the inode that a name in a directory stands for, which is not followed.
    pub(crate) fn of_name(
        ledger: &Arc<DiskLedger>,
        dir: &File,
        name: &OsStr,
    ) -> io::Result<(Self, Stat)> {
        let mut table = locked(&ledger.inodes.0);
        // Under the lock: a file that is not in use cannot grow before it is held.
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let held = Self { inode: table.hold(&stat), ledger: Arc::clone(ledger), file: None };
        Ok((held, stat))
    }

    pub(crate) fn id(&self) -> InodeId {
        self.inode.id
    }

    pub(crate) fn inode(&self) -> &Inode {
        &self.inode
    }

    pub(crate) fn ledger(&self) -> &DiskLedger {
        &self.ledger
    }

    /// Notes that the inode was made just now, with one name, and returns its length.
    pub(crate) fn was_created(&self) -> u64 {
        locked(&self.ledger.inodes.0).paid.add_name(self.id());
        let mut length = locked(&self.inode.length);
        length.free = 0;
        length.len
    }

    /// Notes that the inode has another name.
    pub(crate) fn got_name(&self) {
        locked(&self.ledger.inodes.0).paid.add_name(self.id());
    }

    /// Gives back the entry of a name that is gone.
    pub(crate) fn lost_name(&self, is_last: bool) {
        let mut table = locked(&self.ledger.inodes.0);
        let was_counted = table.paid.remove_name(self.id());
        if is_last && let Some(slot) = table.slots.get_mut(&self.id()) {
            slot.is_nameless = true;
        }
        drop(table);
        if was_counted {
            self.ledger.counted.release_entries(1);
        }
    }
}

#[cfg(test)]
std::thread_local! {
    /// Runs when an inode loses a holder, before others can see it.
    pub(crate) static LEAVING: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

impl Drop for Held {
    fn drop(&mut self) {
        #[cfg(test)]
        if let Some(hook) = LEAVING.take() {
            hook();
        }
        let mut table = locked(&self.ledger.inodes.0);
        let Entry::Occupied(mut slot) = table.slots.entry(self.id()) else { return };
        slot.get_mut().holders -= 1;
        if slot.get().holders > 0 {
            return;
        }
        let slot = slot.remove();
        let counted = locked(&slot.inode.length).counted();
        if slot.is_nameless {
            let names = table.paid.remove(self.id());
            drop(table);
            drop(self.file.take());
            self.ledger.counted.release_bytes(counted);
            self.ledger.counted.release_entries(names);
        } else {
            table.paid.set_bytes(self.id(), counted);
        }
    }
}
