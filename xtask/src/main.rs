//! `cargo xtask VERB`: the checks and measurements of this workspace.
//!
//! Cargo compiles this program before every check, so its dependencies are few: `toml` and
//! `serde_json` in place of hand-written readers, `public-api` for the listings of docs/api. A
//! fresh build takes twelve seconds on two cores. There is no parser for Rust, since no rule needs
//! more than lines.
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
use crate::verbs::{VERBS, api};

fn main() -> ExitCode {
    if let Some(code) = api::wrap_rustdoc() {
        return code;
    }
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
