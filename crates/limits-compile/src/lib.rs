#![doc = include_str!("../README.md")]

#[expect(dead_code, reason = "the compiler, which is to come, translates sources")]
mod source;

pub use crate::source::Source;
pub use crate::source::adapter::{Adapted, Adapter};
pub use crate::source::module_error::{ImportNames, ModuleBound, ModuleError};
pub use crate::source::source_error::SourceError;
