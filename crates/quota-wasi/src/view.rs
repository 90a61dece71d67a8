//! The store data that has quotas at the WASI boundary.

use wasmtime_wasi::WasiView;

use crate::store_quota::StoreQuota;

/// Store data that has a [`StoreQuota`] beside its WASI context.
pub trait WasiQuotaView: WasiView {
    /// Returns the quotas and limits of the execution. Must be the same value every time.
    fn quota(&mut self) -> &mut StoreQuota;
}
