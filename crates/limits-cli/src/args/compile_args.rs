//! The place of compiling, and the cache of its results.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};

/// The place in which foreign bytes are parsed, adapted and compiled.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct CompileArgs {
    /// Parses, adapts and compiles in a process of its own, within the budget that the policy's
    /// `[compile]` sets, or in this one, without a budget.
    #[arg(long, value_name = "WHERE", value_enum, default_value = "worker")]
    pub(crate) compile: CompileIn,
    /// A program that compiles in this command's place.
    #[arg(long, value_name = "PROGRAM", hide = true)]
    pub(crate) compile_worker: Option<PathBuf>,
}

/// The process that compiles.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum CompileIn {
    /// A process of its own, without authority.
    Worker,
    /// The process of the command.
    Inline,
}

/// The directory of compiled components.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct CacheArgs {
    /// Keeps compiled components in DIR [default: wasm-limits in the user's cache directory].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) cache: Option<PathBuf>,
    /// Keeps no compiled component, and uses none.
    #[arg(long, conflicts_with = "cache")]
    pub(crate) no_cache: bool,
}
