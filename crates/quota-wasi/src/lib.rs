#![doc = include_str!("../README.md")]

mod absence;
mod blocking;
mod builder;
mod coming_lease;
mod detour;
mod directory;
mod disk;
mod error_code;
mod file_input;
mod file_output;
mod filesystem_view;
#[cfg(feature = "http")]
mod http;
mod judge;
mod keyvalue;
mod limited_output;
mod linker;
mod listing;
mod lookup;
mod messaging;
mod metadata;
mod name_changes;
mod names;
mod network;
mod open;
mod opened;
mod output_budget;
mod place;
mod plain;
mod quota;
mod quota_error;
mod random_view;
mod reach;
mod service;
mod slots;
mod sockets;
mod store_network;
mod store_quota;
mod store_usage;
mod system;
mod told_quota;
mod view;
mod walk_progress;
mod wire;

pub use crate::builder::WasiQuotaBuilder;
pub use crate::directory::{Directory, DirectoryAccess};
#[cfg(feature = "http")]
pub use crate::http::options::{CertificateError, HttpOptions};
#[cfg(feature = "http")]
pub use crate::http::view::{WasiHttpQuotaView, add_http_to_linker};
pub use crate::keyvalue::add_keyvalue_to_linker;
#[cfg(feature = "redb")]
pub use crate::keyvalue::redb_store::RedbStore;
pub use crate::keyvalue::store::{ComponentPairs, KeyValueStore, PairsChange, PairsSize, Verdict};
pub use crate::keyvalue::store_error::KeyValueStoreError;
pub use crate::limited_output::LimitedOutput;
pub use crate::linker::{add_filesystem_to_linker, add_random_to_linker, add_to_linker};
pub use crate::messaging::add_messaging_to_linker;
pub use crate::messaging::bus::{InProcessBus, QueueLimits, Subscription};
pub use crate::messaging::transport::{MessageError, MessageTransport, OutgoingMessage, Sending};
pub use crate::names::{NameLookup, Resolver, Resolving, SystemResolver};
pub use crate::quota::WasiQuota;
pub use crate::quota_error::WasiQuotaError;
pub use crate::service::Service;
pub use crate::store_quota::StoreQuota;
pub use crate::store_usage::StoreUsage;
pub use crate::view::WasiQuotaView;
pub use crate::walk_progress::WalkProgress;

/// `quota_enforce`, whose handles this crate's signatures have.
pub use quota_enforce;
/// `wasmtime_wasi`, whose views and streams this crate's signatures have.
pub use wasmtime_wasi;
