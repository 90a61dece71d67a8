//! The host's data in a guest's store.

use limits_core::ResourceLimits;
use limits_wasmtime::{CancelHandle, HasLimits, LimitState, resource_table};
use quota_wasi::{StoreQuota, WasiQuotaView};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::guest::account::RunAccount;
use crate::guest::http::RefuseRequests;

/// Bytes of HTTP headers that one set of fields may hold.
const HTTP_FIELD_BYTES: usize = 16 * 1024;

/// The data of a store.
pub(crate) struct StoreData {
    limits: LimitState,
    table: ResourceTable,
    wasi: WasiCtx,
    quota: StoreQuota,
    http: WasiHttpCtx,
    requests: RefuseRequests,
}

impl StoreData {
    /// Creates the data of a store under `limits`, whose memory and CPU time are taken from
    /// `account` as well.
    pub(crate) fn new(
        limits: &ResourceLimits,
        wasi: WasiCtx,
        quota: StoreQuota,
        account: &RunAccount,
    ) -> Self {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(HTTP_FIELD_BYTES);
        Self {
            limits: LimitState::new().with_account(account.account(), account.cpu_time_policy()),
            table: resource_table(limits),
            wasi,
            quota,
            http,
            requests: RefuseRequests,
        }
    }

    pub(crate) fn cancel_handle(&self) -> CancelHandle {
        self.limits.cancel_handle()
    }
}

impl HasLimits for StoreData {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl WasiView for StoreData {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiQuotaView for StoreData {
    fn quota(&mut self) -> &mut StoreQuota {
        &mut self.quota
    }
}

impl WasiHttpView for StoreData {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.requests, table: &mut self.table, ctx: &mut self.http }
    }
}
