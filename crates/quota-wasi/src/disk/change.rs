//! A change of a file's length: reserved, done, settled.

use std::fs::File;
use std::sync::MutexGuard;

use quota_enforce::{EnforceError, Grant};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use crate::disk::counted::Counted;
use crate::disk::inodes::{Inode, Length};
use crate::disk::locked;

/// A change of a file's length, under the lock of its inode.
///
/// Dropping it settles by the length that the file has then, whether the operation succeeded,
/// failed or panicked.
pub(crate) struct Change<'a> {
    counted: &'a Counted,
    file: &'a File,
    /// Writing to it makes it longer: it is no pipe and no device.
    grows: bool,
    length: MutexGuard<'a, Length>,
    grant: Option<Grant>,
    /// The length up to which bytes are reserved.
    reach: u64,
}

impl<'a> Change<'a> {
    pub(crate) fn of(counted: &'a Counted, file: &'a File, inode: &'a Inode) -> Self {
        let length = locked(&inode.length);
        let reach = length.len;
        Self { counted, file, grows: inode.is_file, length, grant: None, reach }
    }

    pub(crate) fn len(&self) -> u64 {
        self.length.len
    }

    /// Reserves what is missing up to a length.
    pub(crate) fn grow_to(&mut self, len: u64) -> Result<(), EnforceError> {
        let growth = self.growth(len);
        if growth > 0 {
            self.grant = Some(self.counted.reserve(growth)?);
            self.reach = len;
        }
        Ok(())
    }

    /// Reserves what is missing for the bytes from `start` to `end`, or for as many of them as fit,
    /// and returns the end of those. Less than one byte is an error.
    pub(crate) fn grow_up_to(&mut self, start: u64, end: u64) -> Result<u64, EnforceError> {
        let len = self.len();
        let growth = self.growth(end);
        if growth == 0 {
            return Ok(end);
        }
        match self.counted.reserve_up_to(growth) {
            Ok((grant, part)) if len.saturating_add(part) > start => {
                self.grant = Some(grant);
                self.reach = len.saturating_add(part);
            }
            Ok((too_few, _)) => {
                // Not even the hole before the first byte, and that byte. Asked again, the error
                // has these numbers; if it fits by now, or is only observed, it is one byte.
                drop(too_few);
                self.grow_to(start.saturating_add(1))?;
            }
            // The bytes that lie inside the file need nothing. The refusal stays counted as a
            // denial.
            Err(_) if start < len => {}
            Err(error) => return Err(error),
        }
        Ok(self.reach)
    }

    fn growth(&self, end: u64) -> u64 {
        if self.grows { end.saturating_sub(self.len()) } else { 0 }
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let before = self.length.counted();
        // A file whose length is not known has the one that was reserved.
        let now = if self.grows { len_of(self.file).unwrap_or(self.reach) } else { 0 };
        self.length.see(now);
        self.counted.settle(self.grant.take(), before, self.length.counted());
    }
}

/// Returns the length of a regular file, and leaves its cursor there.
///
/// Half the cost of `fstat`. That also reads the file's times, after which some file systems write
/// the inode anew with each write.
pub(crate) fn len_of(file: &File) -> Result<u64, Errno> {
    seek(file, SeekFrom::End(0))
}
