//! `wasi:keyvalue` under capabilities and the storage quota.

mod bindings;
mod bucket;
mod error;
