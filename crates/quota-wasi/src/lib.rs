#![doc = include_str!("../README.md")]

mod builder;
mod directory;
#[cfg_attr(not(test), expect(dead_code, reason = "the descriptors of guests come next"))]
mod disk;
mod limited_output;
mod linker;
mod output_budget;
mod quota;
mod quota_error;
mod store_quota;
mod store_usage;
mod view;
mod walk_progress;

pub use crate::builder::WasiQuotaBuilder;
pub use crate::directory::{Directory, DirectoryAccess};
pub use crate::limited_output::LimitedOutput;
pub use crate::linker::{add_filesystem_to_linker, add_random_to_linker, add_to_linker};
pub use crate::quota::WasiQuota;
pub use crate::quota_error::WasiQuotaError;
pub use crate::store_quota::StoreQuota;
pub use crate::store_usage::StoreUsage;
pub use crate::view::WasiQuotaView;
pub use crate::walk_progress::WalkProgress;

/// `quota_enforce`, whose handles this crate's signatures have.
pub use quota_enforce;
/// `wasmtime_wasi`, whose views and streams this crate's signatures have.
pub use wasmtime_wasi;
