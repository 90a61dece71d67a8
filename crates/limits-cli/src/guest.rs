//! One component, from its compiled code to a finished run.

pub(crate) mod account;
mod http;
pub(crate) mod invoke;
pub(crate) mod session;
pub(crate) mod store_data;
pub(crate) mod wasi;
