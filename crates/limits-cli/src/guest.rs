//! One component, from its compiled code to a finished run.

pub(crate) mod account;
pub(crate) mod directories;
mod exports;
mod http;
pub(crate) mod imports;
pub(crate) mod invoke;
pub(crate) mod path_tree;
pub(crate) mod refusal_log;
pub(crate) mod request_log;
pub(crate) mod session;
pub(crate) mod store_data;
mod stubs;
pub(crate) mod wasi;
