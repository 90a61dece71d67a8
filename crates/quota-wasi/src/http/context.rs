//! The part of an execution that wasmtime-wasi-http borrows from it for fields and bodies.

use core::fmt;

use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks};

use super::hooks::TypeHooks;

/// The most bytes of one resource of fields, names and values with what they take in memory.
const FIELD_BYTES: usize = 16 * 1024;

/// The part of an execution that wasmtime-wasi-http borrows from it for fields and bodies.
#[derive(Clone)]
pub(crate) struct HttpContext {
    fields: WasiHttpCtx,
    hooks: TypeHooks,
}

impl HttpContext {
    pub(crate) fn view_with<'a>(
        &'a mut self,
        hooks: &'a mut dyn WasiHttpHooks,
        table: &'a mut ResourceTable,
    ) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView { hooks, table, ctx: &mut self.fields }
    }

    pub(crate) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView { hooks: &mut self.hooks, table, ctx: &mut self.fields }
    }
}

impl Default for HttpContext {
    fn default() -> Self {
        let mut fields = WasiHttpCtx::new();
        fields.set_field_size_limit(FIELD_BYTES);
        Self { fields, hooks: TypeHooks }
    }
}

impl fmt::Debug for HttpContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpContext").finish_non_exhaustive()
    }
}
