//! Guests in C through wasi-libc, adapted from WASI preview 1: the same as under plain
//! wasmtime-wasi within their quotas, and `EDQUOT` at the last byte.
//!
//! The target has `test = false`, since it needs clang: `cargo xtask c-guests` runs it.

mod capabilities;
mod compiler;
mod differential;
mod example;
mod fixture;
mod kills;
mod plain;
mod program;
mod quotas;
mod quoted;
mod tree;
