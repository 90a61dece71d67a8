#![doc = include_str!("../README.md")]

mod artifact;
mod cache;
mod compile_error;
mod compile_report;
mod compiler;
mod fingerprint;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod process;
mod protocol;
mod source;
#[doc(hidden)]
pub mod testing;
mod turns;
mod worker;
mod worker_failure;
mod worker_program;

pub use crate::cache::cache_error::{CacheError, KeyDefect};
pub use crate::cache::{Cache, CacheEntry, Cleared, Held};
pub use crate::compile_error::CompileError;
pub use crate::compile_report::{CacheUse, CompileMode, CompileReport, Confinement};
pub use crate::compiler::{Compiled, Compiler, Translated};
pub use crate::source::Source;
pub use crate::source::adapter::{Adapted, Adapter};
pub use crate::source::module_error::{ImportNames, ModuleBound, ModuleError};
pub use crate::source::source_error::SourceError;
pub use crate::worker::{Worker, serve};
pub use crate::worker_failure::WorkerFailure;
pub use crate::worker_program::WorkerProgram;
