//! `wasi:messaging` under capabilities and the quota of messages.

mod bindings;
mod client;
mod error;
mod message;
