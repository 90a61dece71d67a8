//! One component, from its compiled code to a finished run.

pub(crate) mod account;
pub(crate) mod boundary;
#[cfg_attr(feature = "cluster", path = "guest/cluster/joined.rs")]
#[cfg_attr(not(feature = "cluster"), path = "guest/cluster/missing.rs")]
pub(crate) mod cluster;
pub(crate) mod compiling;
pub(crate) mod directories;
pub(crate) mod endpoint;
mod exports;
#[cfg_attr(feature = "http", path = "guest/http/limited.rs")]
#[cfg_attr(not(feature = "http"), path = "guest/http/refused.rs")]
mod http;
pub(crate) mod imports;
pub(crate) mod invoke;
#[cfg_attr(feature = "keyvalue", path = "guest/keyvalue/kept.rs")]
#[cfg_attr(not(feature = "keyvalue"), path = "guest/keyvalue/missing.rs")]
mod keyvalue;
mod message_file;
pub(crate) mod path_tree;
pub(crate) mod refusal_log;
pub(crate) mod request_log;
pub(crate) mod services;
pub(crate) mod session;
pub(crate) mod store_data;
mod stubs;
pub(crate) mod wasi;
