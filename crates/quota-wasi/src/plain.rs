//! The calls that stay wasmtime-wasi's own, on a thread that may block.

use core::future::Future;
use core::pin::pin;

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::{FsError, FsResult};
use wasmtime_wasi::runtime::poll_noop;

/// wasmtime-wasi's view of a table of its own, so that its calls can run anywhere.
///
/// A descriptor that this crate opens may block the thread that uses it, so each call is over with
/// one poll.
pub(crate) struct Plain {
    table: ResourceTable,
    context: WasiFilesystemCtx,
}

impl Plain {
    pub(crate) fn new() -> Self {
        Self { table: ResourceTable::new(), context: WasiFilesystemCtx::default() }
    }

    pub(crate) fn push(&mut self, descriptor: Descriptor) -> FsResult<Resource<Descriptor>> {
        Ok(self.table.push(descriptor)?)
    }

    pub(crate) fn view(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.context, table: &mut self.table }
    }

    /// Takes what a call has left in the table.
    pub(crate) fn take<T: Send + 'static>(&mut self, resource: Resource<T>) -> FsResult<T> {
        Ok(self.table.delete(resource)?)
    }
}

/// Runs a call of wasmtime-wasi's on one descriptor.
pub(crate) fn on<R>(
    descriptor: Descriptor,
    call: impl FnOnce(&mut WasiFilesystemCtxView<'_>, Resource<Descriptor>) -> FsResult<R>,
) -> FsResult<R> {
    let mut plain = Plain::new();
    let descriptor = plain.push(descriptor)?;
    call(&mut plain.view(), descriptor)
}

/// Returns the result of a call that does not wait.
pub(crate) fn now<R>(call: impl Future<Output = FsResult<R>>) -> FsResult<R> {
    poll_noop(pin!(call)).unwrap_or_else(|| Err(FsError::trap(StillWaiting)))
}

/// A call that should have blocked its thread waits instead: wasmtime-wasi has changed.
#[derive(Debug, thiserror::Error)]
#[error(
    "a call of wasmtime-wasi waits where it should block: quota-wasi does not fit this version"
)]
pub(crate) struct StillWaiting;
