//! A file that guests have open.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use rustix::io::{Errno, ReadWriteFlags, pwritev2};

use crate::disk::change::{Change, len_of};
use crate::disk::error::DiskError;
use crate::disk::inodes::Held;

/// A file that guests have open: its growth is reserved before it happens.
///
/// While it lives, the bytes of a file without a name stay counted.
pub(crate) struct OpenFile {
    // Dropped in this order, so that the other has the last share in the file.
    file: Arc<File>,
    held: Held,
}

impl OpenFile {
    pub(crate) fn new(file: Arc<File>, held: Held) -> Self {
        Self { file, held }
    }

    /// Returns the file, for everything that neither changes its length nor relies on its cursor.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Writes the bytes that fit, up to the quota's last one, and returns their number. A hole
    /// before the first of them counts.
    ///
    /// [`DiskError::Quota`] if not one byte fits; the file is unchanged then.
    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize, DiskError> {
        self.write(Some(offset), bytes, |file, bytes| file.write_at(bytes, offset))
    }

    /// Writes the bytes that fit at the file's end, as [`write_at`](Self::write_at) does.
    pub(crate) fn append(&self, bytes: &[u8]) -> Result<usize, DiskError> {
        self.write(None, bytes, append)
    }

    /// Sets the file's length; a longer one counts, although it is a hole.
    pub(crate) fn set_len(&self, len: u64) -> Result<(), DiskError> {
        if i64::try_from(len).is_err() {
            return Err(Errno::INVAL.into());
        }
        let mut change = self.change();
        change.grow_to(len)?;
        Ok(self.file.set_len(len)?)
    }

    fn change(&self) -> Change<'_> {
        Change::of(&self.held.ledger().counted, &self.file, self.held.inode())
    }

    /// Writes by `act`, at the offset or else at the end.
    pub(super) fn write(
        &self,
        offset: Option<u64>,
        bytes: &[u8],
        act: impl FnOnce(&File, &[u8]) -> io::Result<usize>,
    ) -> Result<usize, DiskError> {
        if bytes.is_empty() {
            return Ok(act(&self.file, bytes)?);
        }
        let mut change = self.change();
        let start = offset.unwrap_or_else(|| change.len());
        let end = u64::try_from(bytes.len()).ok().and_then(|len| start.checked_add(len));
        let Some(end) = end.filter(|&end| i64::try_from(end).is_ok()) else {
            return Err(Errno::INVAL.into());
        };
        let fits = change.grow_up_to(start, end)?.saturating_sub(start);
        let fits = usize::try_from(fits).unwrap_or(usize::MAX);
        Ok(act(&self.file, bytes.get(..fits).unwrap_or(bytes))?)
    }
}

fn append(file: &File, bytes: &[u8]) -> io::Result<usize> {
    match pwritev2(file, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND) {
        // The lock of the inode keeps other writes of the component away.
        Err(Errno::NOSYS | Errno::OPNOTSUPP) => file.write_at(bytes, len_of(file)?),
        written => Ok(written?),
    }
}
