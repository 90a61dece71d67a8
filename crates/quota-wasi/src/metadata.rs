//! Metadata of files, directories and links that paths name.

use core::time::Duration;
use std::io;
use std::path::{Component, Path};
use std::time::SystemTime;

use cap_primitives::fs::FollowSymlinks;
use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_OMIT, utimensat};
use wasmtime_wasi::OpenMode;
use wasmtime_wasi::filesystem::{Descriptor, File};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, ErrorCode, HostDescriptor as _, MetadataHashValue, NewTimestamp,
};

use crate::lookup::{Base, Found};
use crate::plain::{now, on};
use crate::system::{self, Access};

impl Base<'_> {
    pub(crate) fn stat(self, path: &str, follow: FollowSymlinks) -> FsResult<DescriptorStat> {
        let found = self.find_to_read(path, follow)?;
        on(self.described(found), |view, descriptor| now(view.stat(descriptor)))
    }

    pub(crate) fn metadata_hash(
        self,
        path: &str,
        follow: FollowSymlinks,
    ) -> FsResult<MetadataHashValue> {
        let found = self.find_to_read(path, follow)?;
        on(self.described(found), |view, descriptor| now(view.metadata_hash(descriptor)))
    }

    pub(crate) fn set_times(
        self,
        path: &str,
        follow: FollowSymlinks,
        times: &NewTimes,
    ) -> FsResult<()> {
        if follow == FollowSymlinks::Yes {
            let found = self.find(path, follow, Access::WRITE)?;
            self.judge.write(&found.place)?;
            return Ok(system::set_times(&found.file, &times.0)?);
        }
        let name = self.name(path, Access::WRITE)?;
        self.judge.write(&name.place)?;
        let set = utimensat(&*name.dir, &name.name, &times.0, AtFlags::SYMLINK_NOFOLLOW);
        Ok(set.map_err(io::Error::from)?)
    }

    /// Finds something whose metadata the guest may read: a directory that it may open, or anything
    /// else that it may read.
    fn find_to_read(self, path: &str, follow: FollowSymlinks) -> FsResult<Found> {
        let found = self.find(name_alone(path, follow), follow, Access::READ)?;
        if found.file_type().is_dir() {
            self.judge.enter(&found.place)?;
        } else {
            self.judge.read(&found.place)?;
        }
        Ok(found)
    }

    /// Makes a descriptor of what was found, for wasmtime-wasi's questions about it.
    fn described(self, found: Found) -> Descriptor {
        let perms = self.root.dir().perms;
        Descriptor::File(File::new(found.file, perms, OpenMode::empty(), true))
    }
}

/// Removes the slashes behind a name without a parent where it is not followed: the link that has
/// the name is asked for then, as in plain wasmtime-wasi.
fn name_alone(path: &str, follow: FollowSymlinks) -> &str {
    let mut components = Path::new(path).components();
    match (follow, components.next(), components.next()) {
        (FollowSymlinks::No, Some(Component::Normal(name)), None) => name.to_str().unwrap_or(path),
        _ => path,
    }
}

/// The times that a guest sets.
#[derive(Debug)]
pub(crate) struct NewTimes(Timestamps);

impl NewTimes {
    pub(crate) fn new(accessed: NewTimestamp, modified: NewTimestamp) -> Result<Self, ErrorCode> {
        Ok(Self(Timestamps {
            last_access: timespec(accessed)?,
            last_modification: timespec(modified)?,
        }))
    }
}

fn timespec(time: NewTimestamp) -> Result<Timespec, ErrorCode> {
    let since = match time {
        NewTimestamp::NoChange => return Ok(Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }),
        // The host's clock, not the kernel's coarse one, as without quotas.
        NewTimestamp::Now => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok(),
        NewTimestamp::Timestamp(time) => {
            let whole = u64::from(time.nanoseconds / 1_000_000_000);
            let seconds = time.seconds.checked_add(whole);
            seconds.map(|seconds| Duration::new(seconds, time.nanoseconds % 1_000_000_000))
        }
    };
    let since = since.ok_or(ErrorCode::Overflow)?;
    let tv_sec = i64::try_from(since.as_secs()).ok().ok_or(ErrorCode::Overflow)?;
    Ok(Timespec { tv_sec, tv_nsec: since.subsec_nanos().into() })
}
