//! `wasi:keyvalue` under capabilities and the storage quota.

mod bindings;
mod bucket;
pub(crate) mod cursors;
mod error;
mod listing;
mod number;
pub(crate) mod pairs;
#[cfg(feature = "redb")]
pub(crate) mod redb_store;
mod refused;
mod sizes;
pub(crate) mod store;
pub(crate) mod store_error;
pub(crate) mod view;

use wasmtime::component::Linker;

use self::bindings::{atomics, batch, store as store_bindings};
use self::view::{KeyValueView, QuotaKeyValue};
use crate::view::WasiQuotaView;

/// Links `wasi:keyvalue` (draft of 0.2.0: `store`, `atomics`, `batch`) under the capabilities
/// `storage.read`, `storage.write` and `storage.delete` and the quotas of storage and its entries.
///
/// Without a [store](crate::WasiQuotaBuilder::keyvalue), `open` is `access-denied`.
///
/// # Errors
///
/// If the linker has one of the interfaces already.
pub fn add_keyvalue_to_linker<T: WasiQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    store_bindings::add_to_linker::<T, QuotaKeyValue>(linker, pairs)?;
    atomics::add_to_linker::<T, QuotaKeyValue>(linker, pairs)?;
    batch::add_to_linker::<T, QuotaKeyValue>(linker, pairs)
}

fn pairs<T: WasiQuotaView>(data: &mut T) -> KeyValueView<'_> {
    let store = data.quota().clone();
    KeyValueView::new(data.ctx().table, store)
}
