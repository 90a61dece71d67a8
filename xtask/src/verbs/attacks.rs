//! The attack suite: its table, and its soak.

use std::process::Command;

use super::examples::program;
use crate::cargo;
use crate::failure::Result;

/// Executions of the soak in CI: about half a minute.
const SHORT: &str = "3000";

/// The programs of the suite, of chaos and of fuzzing, and those that the suite starts.
const PROGRAMS: [&str; 6] =
    ["attacks", "soak", "chaos", "fuzz-cases", "wasm-limits", "limits-compile-worker"];

/// Carries out all attacks, in a host and in the command, and prints the table.
pub(crate) fn table() -> Result {
    run("attacks", &[])
}

/// Carries out attacks in random order; `args` are those of the program.
pub(crate) fn soak(args: &[String]) -> Result {
    run("soak", args)
}

/// The soak of CI.
pub(crate) fn short_soak() -> Result {
    soak(&["--executions", SHORT].map(String::from))
}

/// Runs a program of the workspace, with all that is built beside it.
pub(super) fn run(name: &str, args: &[String]) -> Result {
    let build = ["build", "--workspace", "--all-features"];
    let messages = ["--message-format=json-render-diagnostics"];
    // Not all binaries: this program is one of them, and must not be replaced while it runs.
    let programs = PROGRAMS.iter().flat_map(|program| ["--bin", *program]);
    let call: Vec<&str> = build.into_iter().chain(programs).chain(messages).collect();
    let built = cargo::output(&call)?;
    let status = Command::new(program(&built, name)?)
        .args(args)
        .status()
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}").into()) }
}
