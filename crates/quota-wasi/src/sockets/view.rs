//! The sockets of one execution.

use wasmtime::component::{HasData, ResourceTable};

use crate::store_quota::StoreQuota;

/// The type that links [`SocketsView`].
#[derive(Debug)]
pub(crate) struct QuotaSockets;

impl HasData for QuotaSockets {
    type Data<'a> = SocketsView<'a>;
}

/// The sockets of one execution.
pub(crate) struct SocketsView<'a> {
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) store: StoreQuota,
}

impl<'a> SocketsView<'a> {
    pub(crate) fn new(table: &'a mut ResourceTable, store: StoreQuota) -> Self {
        Self { table, store }
    }
}
