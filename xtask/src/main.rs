//! `cargo xtask VERB`: the checks and measurements of this workspace.
//!
//! Cargo compiles this program before every check, so it has two dependencies, which took the place
//! of hand-written readers: `toml` and `serde_json`, with the features that other members use. They
//! add ten seconds to a fresh build. There is no parser for Rust: no rule needs more than lines.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to a terminal")]

mod cargo;
mod failure;
mod manifest;
mod steps;
mod tidy;
mod tree;
mod verbs;
mod workspace;

use std::process::ExitCode;

use crate::failure::Result;
use crate::verbs::VERBS;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let verb = args.next().unwrap_or_else(|| String::from("help"));
    match run(&verb, &args.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_reported() {
                eprintln!("xtask {verb}: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(verb: &str, args: &[String]) -> Result {
    if matches!(verb, "help" | "--help" | "-h") {
        print!("{}", verbs::help());
        return Ok(());
    }
    match VERBS.iter().find(|known| known.name == verb) {
        Some(known) => known.run(args),
        None => Err(format!("no such verb\n\n{}", verbs::help()).into()),
    }
}
