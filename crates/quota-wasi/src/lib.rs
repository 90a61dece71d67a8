#![doc = include_str!("../README.md")]

pub use quota_enforce;
pub use wasmtime_wasi;
