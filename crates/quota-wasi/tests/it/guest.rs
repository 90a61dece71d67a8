//! The calls of a guest.

use quota_wasi::StoreUsage;
use wasmtime::component::{ComponentNamedList, Instance, Lift, Lower, Resource};
use wasmtime::{Error, Store};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorStat, DirectoryEntry, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::bindings::io::streams::StreamError;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, ReaddirIterator};

use crate::host::Host;

/// A guest in its store. A call that traps panics, unless it is made by
/// [`try_call`](Self::try_call).
pub(crate) struct Guest {
    pub(crate) store: Store<Host>,
    pub(crate) instance: Instance,
}

/// An answer of WASI's filesystem.
pub(crate) type Answer<T> = Result<T, ErrorCode>;

/// The failure of a stream, with its code if it has one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Broken {
    Closed,
    Failed(Option<ErrorCode>),
}

/// A handle of a resource.
pub(crate) struct Handle<T>(u32, core::marker::PhantomData<T>);

impl<T> core::fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "handle {}", self.0)
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T: 'static> Handle<T> {
    fn of(resource: &Resource<T>) -> Self {
        Self(resource.rep(), core::marker::PhantomData)
    }

    pub(crate) fn borrow(self) -> Resource<T> {
        Resource::new_borrow(self.0)
    }

    pub(crate) fn own(self) -> Resource<T> {
        Resource::new_own(self.0)
    }
}

pub(crate) type Fd = Handle<Descriptor>;
pub(crate) type Input = Handle<DynInputStream>;
pub(crate) type Output = Handle<DynOutputStream>;
pub(crate) type Listing = Handle<ReaddirIterator>;

pub(crate) const READ: DescriptorFlags = DescriptorFlags::READ;
pub(crate) const WRITE: DescriptorFlags = DescriptorFlags::WRITE;
pub(crate) const CREATE: OpenFlags = OpenFlags::CREATE;
pub(crate) const FOLLOW: PathFlags = PathFlags::SYMLINK_FOLLOW;

/// Opens what is there.
pub(crate) fn existing() -> OpenFlags {
    OpenFlags::empty()
}

pub(crate) fn no_follow() -> PathFlags {
    PathFlags::empty()
}

impl Guest {
    /// The counters of its execution.
    pub(crate) fn usage(&self) -> StoreUsage {
        self.store.data().quota.as_ref().unwrap().usage()
    }

    pub(crate) async fn try_call<P, R>(&mut self, name: &str, params: P) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        (R,): ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let function = self.instance.get_typed_func::<P, (R,)>(&mut self.store, name).unwrap();
        let (result,) = function.call_async(&mut self.store, params).await?;
        Ok(result)
    }

    pub(crate) async fn call<P, R>(&mut self, name: &str, params: P) -> R
    where
        P: ComponentNamedList + Lower + Send + Sync,
        (R,): ComponentNamedList + Lift + Send + Sync + 'static,
    {
        self.try_call(name, params).await.unwrap()
    }

    async fn drop_of<T: 'static>(&mut self, name: &str, handle: Handle<T>) {
        let function = self.instance.get_typed_func::<(Resource<T>,), ()>(&mut self.store, name);
        function.unwrap().call_async(&mut self.store, (handle.own(),)).await.unwrap();
    }

    pub(crate) async fn directories(&mut self) -> Vec<(Fd, String)> {
        self.try_directories().await.unwrap()
    }

    pub(crate) async fn try_directories(&mut self) -> Result<Vec<(Fd, String)>, Error> {
        let given: Vec<(Resource<Descriptor>, String)> =
            self.try_call("get-directories", ()).await?;
        Ok(given.into_iter().map(|(fd, path)| (Handle::of(&fd), path)).collect())
    }

    /// The first directory that it finds open.
    pub(crate) async fn root(&mut self) -> Fd {
        self.directories().await[0].0
    }

    pub(crate) async fn open(
        &mut self,
        dir: Fd,
        path: &str,
        flags: OpenFlags,
        wanted: DescriptorFlags,
    ) -> Answer<Fd> {
        self.open_at(dir, FOLLOW, path, flags, wanted).await
    }

    pub(crate) async fn open_at(
        &mut self,
        dir: Fd,
        follow: PathFlags,
        path: &str,
        flags: OpenFlags,
        wanted: DescriptorFlags,
    ) -> Answer<Fd> {
        let params = (dir.borrow(), follow, path, flags, wanted);
        let opened: Answer<Resource<Descriptor>> = self.call("open-at", params).await;
        opened.map(|fd| Handle::of(&fd))
    }

    pub(crate) async fn close(&mut self, fd: Fd) {
        self.drop_of("drop-descriptor", fd).await;
    }

    pub(crate) async fn write(&mut self, fd: Fd, bytes: &[u8], offset: u64) -> Answer<u64> {
        self.call("write", (fd.borrow(), bytes, offset)).await
    }

    pub(crate) async fn read(&mut self, fd: Fd, len: u64, offset: u64) -> Answer<(Vec<u8>, bool)> {
        self.call("read", (fd.borrow(), len, offset)).await
    }

    pub(crate) async fn set_size(&mut self, fd: Fd, size: u64) -> Answer<()> {
        self.call("set-size", (fd.borrow(), size)).await
    }

    pub(crate) async fn stat(&mut self, fd: Fd) -> Answer<DescriptorStat> {
        self.call("stat", (fd.borrow(),)).await
    }

    pub(crate) async fn stat_at(
        &mut self,
        dir: Fd,
        follow: PathFlags,
        path: &str,
    ) -> Answer<DescriptorStat> {
        self.call("stat-at", (dir.borrow(), follow, path)).await
    }

    pub(crate) async fn flags(&mut self, fd: Fd) -> Answer<DescriptorFlags> {
        self.call("get-flags", (fd.borrow(),)).await
    }

    pub(crate) async fn set_times(&mut self, fd: Fd) -> Answer<()> {
        self.call("set-times", (fd.borrow(), NewTimestamp::Now, NewTimestamp::Now)).await
    }

    pub(crate) async fn set_times_at(
        &mut self,
        dir: Fd,
        follow: PathFlags,
        path: &str,
        time: NewTimestamp,
    ) -> Answer<()> {
        let params = (dir.borrow(), follow, path, time, NewTimestamp::NoChange);
        self.call("set-times-at", params).await
    }

    pub(crate) async fn mkdir(&mut self, dir: Fd, path: &str) -> Answer<()> {
        self.call("create-directory-at", (dir.borrow(), path)).await
    }

    pub(crate) async fn rmdir(&mut self, dir: Fd, path: &str) -> Answer<()> {
        self.call("remove-directory-at", (dir.borrow(), path)).await
    }

    pub(crate) async fn unlink(&mut self, dir: Fd, path: &str) -> Answer<()> {
        self.call("unlink-file-at", (dir.borrow(), path)).await
    }

    pub(crate) async fn rename(&mut self, dir: Fd, path: &str, to: Fd, new: &str) -> Answer<()> {
        self.call("rename-at", (dir.borrow(), path, to.borrow(), new)).await
    }

    pub(crate) async fn link(&mut self, dir: Fd, path: &str, to: Fd, new: &str) -> Answer<()> {
        self.call("link-at", (dir.borrow(), no_follow(), path, to.borrow(), new)).await
    }

    pub(crate) async fn symlink(&mut self, dir: Fd, target: &str, path: &str) -> Answer<()> {
        self.call("symlink-at", (dir.borrow(), target, path)).await
    }

    pub(crate) async fn readlink(&mut self, dir: Fd, path: &str) -> Answer<String> {
        self.call("readlink-at", (dir.borrow(), path)).await
    }

    pub(crate) async fn list(&mut self, dir: Fd) -> Answer<Listing> {
        let listing: Answer<Resource<ReaddirIterator>> =
            self.call("read-directory", (dir.borrow(),)).await;
        listing.map(|listing| Handle::of(&listing))
    }

    pub(crate) async fn next_entry(&mut self, listing: Listing) -> Answer<Option<DirectoryEntry>> {
        self.call("read-directory-entry", (listing.borrow(),)).await
    }

    pub(crate) async fn close_listing(&mut self, listing: Listing) {
        self.drop_of("drop-directory-entry-stream", listing).await;
    }

    /// The names in a directory, sorted.
    pub(crate) async fn names(&mut self, dir: Fd) -> Answer<Vec<String>> {
        let listing = self.list(dir).await?;
        let mut names = Vec::new();
        while let Some(entry) = self.next_entry(listing).await? {
            names.push(entry.name);
        }
        self.close_listing(listing).await;
        names.sort();
        Ok(names)
    }

    pub(crate) async fn write_stream(&mut self, fd: Fd, offset: u64) -> Answer<Output> {
        let params = (fd.borrow(), offset);
        let stream: Answer<Resource<DynOutputStream>> = self.call("write-via-stream", params).await;
        stream.map(|stream| Handle::of(&stream))
    }

    pub(crate) async fn append_stream(&mut self, fd: Fd) -> Answer<Output> {
        let stream: Answer<Resource<DynOutputStream>> =
            self.call("append-via-stream", (fd.borrow(),)).await;
        stream.map(|stream| Handle::of(&stream))
    }

    pub(crate) async fn read_stream(&mut self, fd: Fd, offset: u64) -> Answer<Input> {
        let params = (fd.borrow(), offset);
        let stream: Answer<Resource<DynInputStream>> = self.call("read-via-stream", params).await;
        stream.map(|stream| Handle::of(&stream))
    }

    pub(crate) async fn stdout(&mut self) -> Output {
        let stream: Resource<DynOutputStream> = self.call("get-stdout", ()).await;
        Handle::of(&stream)
    }

    pub(crate) async fn stderr(&mut self) -> Output {
        let stream: Resource<DynOutputStream> = self.call("get-stderr", ()).await;
        Handle::of(&stream)
    }

    /// Writes without waiting; `check_write` must have allowed it.
    pub(crate) async fn start_write(&mut self, to: Output, bytes: &[u8]) -> Result<(), Broken> {
        let started: Result<(), StreamError> =
            self.call("output-write", (to.borrow(), bytes)).await;
        self.unbroken(started).await
    }

    /// Writes and waits, at most 4 KiB.
    pub(crate) async fn put(&mut self, to: Output, bytes: &[u8]) -> Result<(), Broken> {
        let written: Result<(), StreamError> =
            self.call("blocking-write-and-flush", (to.borrow(), bytes)).await;
        self.unbroken(written).await
    }

    pub(crate) async fn check_write(&mut self, to: Output) -> Result<u64, Broken> {
        let room: Result<u64, StreamError> = self.call("check-write", (to.borrow(),)).await;
        self.unbroken(room).await
    }

    pub(crate) async fn flush(&mut self, to: Output) -> Result<(), Broken> {
        let flushed: Result<(), StreamError> = self.call("flush", (to.borrow(),)).await;
        self.unbroken(flushed).await
    }

    pub(crate) async fn blocking_flush(&mut self, to: Output) -> Result<(), Broken> {
        let flushed: Result<(), StreamError> = self.call("blocking-flush", (to.borrow(),)).await;
        self.unbroken(flushed).await
    }

    /// Waits until a stream is ready.
    pub(crate) async fn wait_for(&mut self, to: Output) {
        let pollable: Resource<DynPollable> = self.call("output-subscribe", (to.borrow(),)).await;
        self.block_on(Handle::of(&pollable)).await;
    }

    pub(crate) async fn wait_for_input(&mut self, from: Input) {
        let pollable: Resource<DynPollable> = self.call("input-subscribe", (from.borrow(),)).await;
        self.block_on(Handle::of(&pollable)).await;
    }

    async fn block_on(&mut self, pollable: Handle<DynPollable>) {
        let block = self
            .instance
            .get_typed_func::<(Resource<DynPollable>,), ()>(&mut self.store, "block")
            .unwrap();
        block.call_async(&mut self.store, (pollable.borrow(),)).await.unwrap();
        self.drop_of("drop-pollable", pollable).await;
    }

    pub(crate) async fn splice(
        &mut self,
        to: Output,
        from: Input,
        len: u64,
    ) -> Result<u64, Broken> {
        let moved: Result<u64, StreamError> =
            self.call("splice", (to.borrow(), from.borrow(), len)).await;
        self.unbroken(moved).await
    }

    pub(crate) async fn take(&mut self, from: Input, len: u64) -> Result<Vec<u8>, Broken> {
        let read: Result<Vec<u8>, StreamError> =
            self.call("input-blocking-read", (from.borrow(), len)).await;
        self.unbroken(read).await
    }

    pub(crate) async fn close_output(&mut self, stream: Output) {
        self.drop_of("drop-output-stream", stream).await;
    }

    pub(crate) async fn close_input(&mut self, stream: Input) {
        self.drop_of("drop-input-stream", stream).await;
    }

    pub(crate) async fn random(&mut self, len: u64) -> Result<Vec<u8>, Error> {
        self.try_call("get-random-bytes", (len,)).await
    }

    /// Writes to a stream until it is stopped.
    pub(crate) async fn storm(&mut self, to: Output) {
        let storm = self
            .instance
            .get_typed_func::<(Resource<DynOutputStream>,), ()>(&mut self.store, "storm");
        let _ = storm.unwrap().call_async(&mut self.store, (to.own(),)).await;
    }

    async fn unbroken<T>(&mut self, result: Result<T, StreamError>) -> Result<T, Broken> {
        match result {
            Ok(value) => Ok(value),
            Err(StreamError::Closed) => Err(Broken::Closed),
            Err(StreamError::LastOperationFailed(error)) => {
                let error = Handle::of(&error);
                let code = self.call("filesystem-error-code", (error.borrow(),)).await;
                self.drop_of("drop-error", error).await;
                Err(Broken::Failed(code))
            }
        }
    }
}
