//! `wasi:filesystem` with quotas and capabilities.

mod descriptor;

use core::future::Future;
use std::sync::Arc;

use limits_core::{LimitExceeded, LimitKind};
use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, Dir, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DirectoryEntry, ErrorCode, HostDirectoryEntryStream,
};
use wasmtime_wasi::p2::{FsError, FsResult, ReaddirIterator};

use crate::error_code::OverQuota;
use crate::lookup::Base;
use crate::opened::{HeldFile, Opened};
use crate::plain::on;
use crate::quota::Shared;
use crate::slots::Slot;
use crate::store_quota::StoreQuota;

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
        // As `open` answers where the system has no room for another.
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
