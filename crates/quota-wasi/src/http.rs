//! `wasi:http` under capabilities, limits and the bandwidth quota.

mod authority;
pub(crate) mod client;
mod connection;
pub(crate) mod context;
mod drained_body;
mod failure;
mod hooks;
mod limits;
pub(crate) mod options;
mod pool;
mod progress;
mod request_body;
mod response_body;
mod socket;
pub(crate) mod store_http;
pub(crate) mod view;
