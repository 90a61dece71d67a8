//! `wasi:filesystem` with quotas and capabilities.

use core::future::Future;
use std::fs::File;
use std::sync::Arc;

use limits_core::{LimitExceeded, LimitKind};
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::OpenMode;
use wasmtime_wasi::filesystem::{Descriptor, Dir, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    Filesize, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult, ReaddirIterator};

use crate::error_code::{OverQuota, failed};
use crate::file_input::FileInput;
use crate::file_output::{FileOutput, WriteMode};
use crate::lookup::Base;
use crate::metadata::NewTimes;
use crate::open::{NewlyOpen, OpenRequest, follow};
use crate::opened::{HeldFile, Opened, Slot};
use crate::plain::{now, on};
use crate::quota::Shared;
use crate::store_quota::StoreQuota;
use crate::system::is_same;

type Fd = Resource<Descriptor>;

/// The type that links [`FilesystemView`].
#[derive(Debug)]
pub(crate) struct QuotaFilesystem;

impl HasData for QuotaFilesystem {
    type Data<'a> = FilesystemView<'a>;
}

/// The files of one execution.
///
/// Each call is at most one closure on a thread of the component's, which decides and acts; the
/// table is touched before and after it.
pub(crate) struct FilesystemView<'a> {
    table: &'a mut ResourceTable,
    store: StoreQuota,
}

/// An open directory, and the place of the one that it was reached from, among the component's.
struct OpenDir {
    dir: Dir,
    root: usize,
}

impl Shared {
    fn base<'a>(&'a self, of: &'a OpenDir) -> FsResult<Base<'a>> {
        let root = self.directories.get(of.root).ok_or(ErrorCode::BadDescriptor)?;
        Ok(Base { dir: &of.dir.dir, root, judge: self.judge() })
    }
}

impl<'a> FilesystemView<'a> {
    pub(crate) fn new(table: &'a mut ResourceTable, store: StoreQuota) -> Self {
        Self { table, store }
    }

    fn shared(&self) -> &Arc<Shared> {
        self.store.shared()
    }

    fn descriptor(&self, fd: &Fd) -> FsResult<&Descriptor> {
        Ok(self.table.get(fd)?)
    }

    fn opened(&self, fd: &Fd) -> FsResult<Opened> {
        let opened = self.store.descriptors().get(fd.rep());
        opened.ok_or_else(|| FsError::trap(ForeignDescriptor))
    }

    fn dir(&self, fd: &Fd) -> FsResult<OpenDir> {
        match self.descriptor(fd)? {
            Descriptor::Dir(dir) => Ok(OpenDir { dir: dir.clone(), root: self.opened(fd)?.root() }),
            Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
        }
    }

    /// Returns a directory in which names may change.
    fn changing_dir(&self, fd: &Fd) -> FsResult<OpenDir> {
        let of = self.dir(fd)?;
        if of.dir.perms.write_not_permitted() {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(of)
    }

    fn file(&self, fd: &Fd) -> FsResult<Arc<HeldFile>> {
        self.descriptor(fd)?;
        match self.opened(fd)? {
            Opened::File { file, .. } => Ok(file),
            Opened::Directory { .. } => Err(ErrorCode::BadDescriptor.into()),
        }
    }

    /// Returns a file that lies where changes are permitted. Whether it was opened for them, the
    /// system knows.
    fn changing_file(&self, fd: &Fd) -> FsResult<Arc<HeldFile>> {
        let held = self.file(fd)?;
        match self.descriptor(fd)? {
            Descriptor::File(file) if file.perms.write_not_permitted() => {
                Err(ErrorCode::NotPermitted.into())
            }
            _ => Ok(held),
        }
    }

    /// Takes the right to have one more file or directory open.
    fn slot(&self) -> FsResult<Slot> {
        // What `open` answers where the system has no room for another.
        self.store.slots().take().ok_or_else(|| ErrorCode::InsufficientMemory.into())
    }

    /// Runs work on a thread that may block. The future keeps nothing of the store.
    fn block<R: Send + 'static, W>(
        &self,
        work: W,
    ) -> impl Future<Output = FsResult<R>> + Send + use<R, W>
    where
        W: FnOnce(&Shared) -> FsResult<R> + Send + 'static,
    {
        let shared = Arc::clone(self.shared());
        async move { shared.block(work).await }
    }

    /// Asks wasmtime-wasi about a descriptor.
    fn plain<R: Send + 'static, C>(
        &self,
        descriptor: Descriptor,
        call: C,
    ) -> impl Future<Output = FsResult<R>> + Send + use<R, C>
    where
        C: FnOnce(&mut WasiFilesystemCtxView<'_>, Fd) -> FsResult<R> + Send + 'static,
    {
        self.block(move |_| on(descriptor, call))
    }

    /// Decides and acts in an open directory.
    fn at<R: Send + 'static, A>(
        &self,
        of: OpenDir,
        act: A,
    ) -> impl Future<Output = FsResult<R>> + Send + use<R, A>
    where
        A: FnOnce(&Shared, Base<'_>) -> FsResult<R> + Send + 'static,
    {
        self.block(move |shared| act(shared, shared.base(&of)?))
    }

    /// Decides and acts in two open directories.
    fn between<A>(
        &self,
        of: OpenDir,
        to: OpenDir,
        act: A,
    ) -> impl Future<Output = FsResult<()>> + Send + use<A>
    where
        A: FnOnce(&Shared, Base<'_>, Base<'_>) -> FsResult<()> + Send + 'static,
    {
        self.block(move |shared| act(shared, shared.base(&of)?, shared.base(&to)?))
    }

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

/// A descriptor in the table that this crate did not open.
#[derive(Debug, thiserror::Error)]
#[error("a descriptor was put into the table by others than quota-wasi, which has no place for it")]
struct ForeignDescriptor;

impl preopens::Host for FilesystemView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let shared = Arc::clone(self.shared());
        let mut given = Vec::with_capacity(shared.directories.len());
        for (index, directory) in shared.directories.iter().enumerate() {
            let Some(slot) = self.store.slots().take() else {
                let most = u64::from(self.store.slots().most());
                let refused = LimitExceeded::new(LimitKind::Descriptors, most);
                return Err(refused.with_request(most, 1).into());
            };
            let opened = Opened::Directory { root: index, _slot: Arc::new(slot) };
            let fd = self.table.push(Descriptor::Dir(directory.dir().clone()))?;
            self.store.descriptors().insert(fd.rep(), opened);
            given.push((fd, directory.guest_path().to_owned()));
        }
        Ok(given)
    }
}

impl types::Host for FilesystemView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        if self.table.get(&error)?.is::<OverQuota>() {
            return Ok(Some(ErrorCode::Quota));
        }
        let mut context = WasiFilesystemCtx::default();
        let mut plain = WasiFilesystemCtxView { ctx: &mut context, table: self.table };
        plain.filesystem_error_code(error)
    }
}

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

impl HostDirectoryEntryStream for FilesystemView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<ReaddirIterator>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let mut context = WasiFilesystemCtx::default();
        let mut plain = WasiFilesystemCtxView { ctx: &mut context, table: self.table };
        plain.read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<ReaddirIterator>) -> wasmtime::Result<()> {
        let index = stream.rep();
        self.table.delete(stream)?;
        self.store.open_listings().remove(index);
        Ok(())
    }
}
