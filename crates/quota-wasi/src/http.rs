//! `wasi:http` under capabilities, limits and the bandwidth quota.
//!
//! A request is counted in its call (`view.rs`, `store_http.rs`), and then runs in a task of the
//! guest's future (`client.rs`). It waits for its place, asks `reach.rs` for addresses, and takes a
//! kept connection (`pool.rs`) or makes one (`connection.rs`), whose task moves the bytes. The
//! response's body (`response_body.rs`) has connection and place until it is over.
//!
//! Connections are no sockets of `max_sockets`: at most `max_requests_in_flight` of each execution
//! are in use, and at most 16 of each component are kept.

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
