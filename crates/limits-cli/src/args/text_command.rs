//! The command lines of `wasm-limits completions` and `wasm-limits man`.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};
use clap_complete::Shell;

/// Texts made from the definition of the command line, without a guest and without a report.
#[derive(Debug, Subcommand)]
pub(crate) enum TextCommand {
    /// Prints a script that completes command lines in a shell.
    Completions {
        /// The shell that reads the script.
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Prints the manual page, or writes a page for each subcommand.
    Man {
        /// Writes wasm-limits.1, wasm-limits-run.1 and so on into DIR, which is made if it is not
        /// there.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
    },
}
