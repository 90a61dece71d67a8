//! The command line of `wasm-limits cache`.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

use crate::args::OutputArgs;

/// The work on the compiled components.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Lists the compiled components and refusals that are kept, the last used ones first.
    List(CachePlaceArgs),
    /// Removes all of them. The key stays.
    Clear(CachePlaceArgs),
}

/// The cache, and the form of the report.
#[derive(clap::Args, Debug)]
pub(crate) struct CachePlaceArgs {
    /// The directory [default: wasm-limits in the user's cache directory].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) cache: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl CacheCommand {
    pub(crate) const fn place(&self) -> &CachePlaceArgs {
        match self {
            Self::List(place) | Self::Clear(place) => place,
        }
    }
}
