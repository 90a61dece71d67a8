//! The host's data in a guest's store.

use limits_core::ResourceLimits;
use limits_wasmtime::{CancelHandle, HasLimits, LimitState, resource_table};
use quota_wasi::{StoreQuota, WasiQuotaView};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guest::account::RunAccount;
use crate::guest::http::Http;

/// The data of a store.
pub(crate) struct StoreData {
    limits: LimitState,
    table: ResourceTable,
    wasi: WasiCtx,
    quota: StoreQuota,
    http: Http,
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
        let state = LimitState::new()
            .with_account(account.account(), account.cpu_time_policy())
            .with_share(account.share());
        Self {
            limits: state,
            table: resource_table(limits),
            wasi,
            http: Http::new(quota.usage()),
            quota,
        }
    }

    /// Returns the parts that HTTP needs.
    pub(crate) fn http_parts(&mut self) -> (&mut Http, &mut StoreQuota, &mut ResourceTable) {
        (&mut self.http, &mut self.quota, &mut self.table)
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
