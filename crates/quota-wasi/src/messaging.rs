//! `wasi:messaging` under capabilities and the quota of messages.

mod bindings;
pub(crate) mod bus;
mod client;
mod error;
pub(crate) mod held;
mod message;
mod refused;
pub(crate) mod sender;
pub(crate) mod transport;
mod view;

use wasmtime::component::Linker;

use self::bindings::{producer, types};
use self::view::{MessagingView, QuotaMessaging};
use crate::view::WasiQuotaView;

/// Links `wasi:messaging` (draft of 0.2.0: `types`, `producer`) under the capability
/// `messaging.send` and the message rate.
///
/// Guests send; they receive nothing, and cannot wait for replies: `request-reply` and
/// `incoming-handler` are not there. Without a [transport](crate::WasiQuotaBuilder::messaging),
/// `connect` is `permission-denied`.
///
/// # Errors
///
/// If the linker has one of the interfaces already.
pub fn add_messaging_to_linker<T: WasiQuotaView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    types::add_to_linker::<T, QuotaMessaging>(linker, messages)?;
    producer::add_to_linker::<T, QuotaMessaging>(linker, messages)
}

fn messages<T: WasiQuotaView>(data: &mut T) -> MessagingView<'_> {
    let store = data.quota().clone();
    MessagingView::new(data.ctx().table, store)
}
