//! The data of a plugin's store.

use limits_wasmtime::{HasLimits, LimitState};
use quota_enforce::{ComponentHandle, ConfiguredComponent};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

use crate::folder::Folder;

/// The data of a plugin's store: its identity is here, where the guest cannot reach it.
pub(crate) struct PluginState {
    limits: LimitState,
    wasi: WasiCtx,
    table: ResourceTable,
    pub(crate) component: ComponentHandle,
    pub(crate) folder: Folder,
}

impl PluginState {
    /// Makes the data of a new store. The plugin gets nothing of the process: no arguments, no
    /// environment, no directories, no sockets.
    pub(crate) fn new(plugin: &ConfiguredComponent, folder: Folder) -> Self {
        Self {
            limits: LimitState::new().with_account(&plugin.handle, plugin.cpu_time_policy),
            wasi: WasiCtx::builder().build(),
            table: limits_wasmtime::resource_table(&plugin.limits),
            component: plugin.handle.clone(),
            folder,
        }
    }
}

impl HasLimits for PluginState {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl WasiView for PluginState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
