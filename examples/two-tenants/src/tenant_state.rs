//! The data of a tenant's store.

use limits_wasmtime::{HasLimits, LimitState, resource_table};
use quota_enforce::ConfiguredComponent;
use quota_wasi::wasmtime_wasi::cli::StdoutStream;
use quota_wasi::wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use quota_wasi::{StoreQuota, WasiQuota, WasiQuotaView};

/// The data of a tenant's store.
pub(crate) struct TenantState {
    limits: LimitState,
    quota: StoreQuota,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl TenantState {
    /// Makes the data of a new store: arguments and an output, and the directories of `wasi`.
    pub(crate) fn new(
        tenant: &ConfiguredComponent,
        wasi: &WasiQuota,
        stdout: impl StdoutStream + 'static,
        args: &[&str],
    ) -> Self {
        let quota = wasi.store(&tenant.limits);
        let context =
            WasiCtx::builder().arg("fill").args(args).stdout(quota.stdout(stdout)).build();
        Self {
            limits: LimitState::new().with_account(&tenant.handle, tenant.cpu_time_policy),
            quota,
            wasi: context,
            table: resource_table(&tenant.limits),
        }
    }
}

impl HasLimits for TenantState {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl WasiView for TenantState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiQuotaView for TenantState {
    fn quota(&mut self) -> &mut StoreQuota {
        &mut self.quota
    }
}
