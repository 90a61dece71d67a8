//! The calls on descriptors.

use std::fs::File;
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::OpenMode;
use wasmtime_wasi::filesystem::{Descriptor, Dir};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, Filesize, HostDescriptor,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsResult, ReaddirIterator};

use super::{Fd, FilesystemView};
use crate::error_code::failed;
use crate::file_input::FileInput;
use crate::file_output::{FileOutput, WriteMode};
use crate::lookup::Base;
use crate::metadata::NewTimes;
use crate::open::{NewlyOpen, OpenRequest, follow};
use crate::opened::{HeldFile, Opened};
use crate::plain::{now, on};
use crate::quota::Shared;
use crate::system::is_same;

impl HostDescriptor for FilesystemView<'_> {
    fn read_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        if let Descriptor::Dir(_) = self.descriptor(&fd)? {
            return Err(ErrorCode::IsDirectory.into());
        }
        let stream = FileInput::new(Arc::clone(self.shared()), self.file(&fd)?, offset);
        let stream: DynInputStream = Box::new(stream);
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(
        &mut self,
        fd: Fd,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.output(&fd, WriteMode::At(offset))
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        self.output(&fd, WriteMode::Append)
    }

    async fn advise(
        &mut self,
        fd: Fd,
        offset: Filesize,
        len: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        let descriptor = self.descriptor(&fd)?.clone();
        self.plain(descriptor, move |view, fd| now(view.advise(fd, offset, len, advice))).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        let descriptor = self.descriptor(&fd)?.clone();
        self.plain(descriptor, |view, fd| now(view.sync_data(fd))).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        let descriptor = self.descriptor(&fd)?.clone();
        self.plain(descriptor, |view, fd| now(view.get_flags(fd))).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        match self.descriptor(&fd)?.clone() {
            Descriptor::Dir(_) => Ok(DescriptorType::Directory),
            file @ Descriptor::File(_) => self.plain(file, |view, fd| now(view.get_type(fd))).await,
        }
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        let held = self.changing_file(&fd)?;
        self.block(move |_| held.file().set_len(size).map_err(failed)).await
    }

    async fn set_times(
        &mut self,
        fd: Fd,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let descriptor = self.descriptor(&fd)?.clone();
        let (file, perms, mode) = match &descriptor {
            Descriptor::File(file) => (&file.file, file.perms, file.open_mode),
            // The mode of a directory is that of its own entries.
            Descriptor::Dir(dir) => (&dir.dir, dir.perms, OpenMode::empty()),
        };
        let undecided = (!mode.contains(OpenMode::WRITE) && !perms.write_not_permitted())
            .then(|| Arc::clone(file));
        let root = self.opened(&fd)?.root();
        let set = move |shared: &Shared| {
            if let Some(file) = undecided {
                shared.decide_on_change(&file, root)?;
            }
            on(descriptor, |view, fd| now(view.set_times(fd, accessed, modified)))
        };
        self.block(set).await
    }

    async fn read(&mut self, fd: Fd, len: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        let descriptor = self.descriptor(&fd)?.clone();
        self.plain(descriptor, move |view, fd| now(view.read(fd, len, offset))).await
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let held = self.changing_file(&fd)?;
        let write = move |_: &Shared| held.file().write_at(&bytes, offset).map_err(failed);
        let written = self.block(write).await?;
        // Never more than the guest's memory.
        Ok(Filesize::try_from(written).unwrap_or(Filesize::MAX))
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<ReaddirIterator>> {
        let of = self.dir(&fd)?;
        let listings = Arc::clone(self.store.listings());
        let dir = of.dir.clone();
        let (stream, listing) = self.at(of, move |_, base| listings.read(base, dir)).await?;
        let stream = self.table.push(stream)?;
        self.store.open_listings().insert(stream.rep(), listing);
        Ok(stream)
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        let descriptor = self.descriptor(&fd)?.clone();
        self.plain(descriptor, |view, fd| now(view.sync(fd))).await
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let of = self.changing_dir(&fd)?;
        self.at(of, move |shared, base| base.create_directory(&shared.ledger, &path)).await
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        let descriptor = self.descriptor(&fd)?.clone();
        self.plain(descriptor, |view, fd| now(view.stat(fd))).await
    }

    async fn stat_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let of = self.dir(&fd)?;
        self.at(of, move |_, base| base.stat(&path, follow(flags))).await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let times = NewTimes::new(accessed, modified);
        self.dir(&fd)?;
        let times = times?;
        let of = self.changing_dir(&fd)?;
        self.at(of, move |_, base| base.set_times(&path, follow(flags), &times)).await
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        to: Fd,
        to_path: String,
    ) -> FsResult<()> {
        let (of, to) = (self.dir(&fd)?, self.dir(&to)?);
        if of.dir.perms.write_not_permitted() || to.dir.perms.write_not_permitted() {
            return Err(ErrorCode::NotPermitted.into());
        }
        if flags.contains(PathFlags::SYMLINK_FOLLOW) {
            return Err(ErrorCode::Invalid.into());
        }
        let link = move |shared: &Shared, from: Base<'_>, to: Base<'_>| {
            from.link(&shared.ledger, &path, to, &to_path)
        };
        self.between(of, to, link).await
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        flags: OpenFlags,
        wanted: DescriptorFlags,
    ) -> FsResult<Fd> {
        let of = self.dir(&fd)?;
        let (root, perms) = (of.root, of.dir.perms);
        let request = OpenRequest::new(path, path_flags, flags, wanted, perms)?;
        let (mode, slot) = (request.mode(), self.slot()?);
        let open = move |shared: &Shared, base: Base<'_>| {
            Ok(match request.open(base, &shared.ledger)? {
                NewlyOpen::Directory(dir) => (
                    Descriptor::Dir(Dir::new(dir, perms, mode, true)),
                    Opened::Directory { root, _slot: Arc::new(slot) },
                ),
                NewlyOpen::File(file) => (
                    base.root.descriptor(Arc::clone(file.file()), mode),
                    Opened::File { root, file: HeldFile::new(file, slot) },
                ),
            })
        };
        let (descriptor, opened) = self.at(of, open).await?;
        let fd = self.table.push(descriptor)?;
        self.store.descriptors().insert(fd.rep(), opened);
        Ok(fd)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let of = self.dir(&fd)?;
        self.at(of, move |_, base| base.read_link(&path)).await
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let of = self.changing_dir(&fd)?;
        self.at(of, move |shared, base| base.remove_directory(&shared.ledger, &path)).await
    }

    async fn rename_at(&mut self, fd: Fd, path: String, to: Fd, to_path: String) -> FsResult<()> {
        let (of, to) = (self.dir(&fd)?, self.dir(&to)?);
        if of.dir.perms.write_not_permitted() || to.dir.perms.write_not_permitted() {
            return Err(ErrorCode::NotPermitted.into());
        }
        let rename = move |shared: &Shared, from: Base<'_>, to: Base<'_>| {
            from.rename(&shared.ledger, &path, to, &to_path)
        };
        self.between(of, to, rename).await
    }

    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        let of = self.changing_dir(&fd)?;
        self.at(of, move |shared, base| base.symlink(&shared.ledger, &target, &path)).await
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let of = self.changing_dir(&fd)?;
        self.at(of, move |shared, base| base.unlink(&shared.ledger, &path)).await
    }

    async fn is_same_object(&mut self, one: Fd, other: Fd) -> wasmtime::Result<bool> {
        let (one, other) = (file_of(self.table.get(&one)?), file_of(self.table.get(&other)?));
        let shared = Arc::clone(self.shared());
        shared.block(move |_| Ok(is_same(&one.metadata()?, &other.metadata()?))).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        let descriptor = self.descriptor(&fd)?.clone();
        self.plain(descriptor, |view, fd| now(view.metadata_hash(fd))).await
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let of = self.dir(&fd)?;
        self.at(of, move |_, base| base.metadata_hash(&path, follow(flags))).await
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        let index = fd.rep();
        self.table.delete(fd)?;
        self.store.descriptors().remove(index);
        Ok(())
    }
}

impl FilesystemView<'_> {
    fn output(&mut self, fd: &Fd, mode: WriteMode) -> FsResult<Resource<DynOutputStream>> {
        let file = self.changing_file(fd)?;
        let stream = FileOutput::new(Arc::clone(self.shared()), file, mode);
        let stream: DynOutputStream = Box::new(stream);
        Ok(self.table.push(stream)?)
    }
}

fn file_of(descriptor: &Descriptor) -> Arc<File> {
    match descriptor {
        Descriptor::File(file) => Arc::clone(&file.file),
        Descriptor::Dir(dir) => Arc::clone(&dir.dir),
    }
}
