//! `wasi:http` under capabilities, limits and the bandwidth quota.

pub(crate) mod context;
pub(crate) mod hooks;
pub(crate) mod options;
pub(crate) mod view;
