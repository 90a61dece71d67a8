//! Measurements: all programs of `benches/`, whose rows end in one table.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::examples::program;
use crate::failure::Result;
use crate::{cargo, workspace};

/// The benches of quotas, a workspace of their own.
const QUOTAS: &str = "benches/quota/Cargo.toml";
/// The benches beside Extism, a workspace of their own.
const EXTISM: &str = "benches/extism/Cargo.toml";
/// The workspaces that `--workspace` does not have.
pub(super) const OTHERS: [&str; 2] = [QUOTAS, EXTISM];

/// The measuring programs of `limits-benches`, in the order of the table.
const PROGRAMS: &[&str] = &[
    "kept",
    "cold",
    "throughput",
    "guests",
    "fair",
    "live-stores",
    "deadline",
    "wasi",
    "http-requests",
    "bandwidth",
    "compile",
    "address-space",
];

const MESSAGES: &str = "--message-format=json-render-diagnostics";

/// Runs all measurements; with `--quick` each for a moment, unoptimised, to see that it runs.
pub(crate) fn run(args: &[String]) -> Result {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => whole(),
        ["--quick"] => quick(),
        _ => Err("expected nothing or --quick".into()),
    }
}

/// Runs each program for a moment, as the tests are compiled. Its figures mean nothing.
pub(crate) fn quick() -> Result {
    let rows = new_file()?;
    let all = ["--workspace", "--all-features"];
    let built = build(&[&all[..], &["--bin", "wasm-limits"]].concat(), PROGRAMS)?;
    for name in PROGRAMS {
        measure(&program(&built, name)?, &rows, &["--quick"])?;
    }
    quotas(&["run", "--bin", "quota-ratios"], &["--", "--quick", "--json", text(&rows)])?;
    let command = program(&built, "wasm-limits")?;
    measure(&program(&built, "start")?, &rows, &["--quick", text(&command)])?;
    measure(&program(&built, "bench-table")?, &rows, &[])?;
    let pictures = rows.with_file_name("pictures");
    measure(&program(&built, "plots")?, &rows, &[text(&pictures)])
}

fn whole() -> Result {
    let rows = new_file()?;
    cargo::run(&["bench", "-p", "limits-benches"])?;
    quotas(&["bench"], &[])?;
    let built = build(&["--release", "-p", "limits-benches", "-p", "bench-report"], PROGRAMS)?;
    for name in PROGRAMS {
        measure(&program(&built, name)?, &rows, &[])?;
    }
    // With the features that users have, and not those of the other programs.
    let installed = cargo::output(&["build", "--release", "-p", "limits-cli", MESSAGES])?;
    let command = program(&installed, "wasm-limits")?;
    measure(&program(&built, "start")?, &rows, &[text(&command)])?;
    let options = ["--", "--json", text(&rows)];
    quotas(&["run", "--release", "--bin", "quota-ratios"], &options)?;
    let extism = ["--manifest-path", EXTISM, "--target-dir", "target/extism"];
    cargo::run(&[&["run", "--release"][..], &extism, &options].concat())?;
    let pictures = workspace::root().join("docs/picture");
    measure(&program(&built, "plots")?, &rows, &[text(&pictures)])?;
    // Last, so that the table stays on the screen.
    measure(&program(&built, "bench-table")?, &rows, &[])
}

/// Runs a command of cargo on the benches of quotas. `rest` comes after the options.
pub(super) fn quotas(args: &[&str], rest: &[&str]) -> Result {
    // In the folder of the others, which have compiled half of it.
    let target = workspace::target();
    let package = ["--manifest-path", QUOTAS, "--target-dir", text(&target)];
    cargo::run(&[args, &package, rest].concat())
}

/// Returns the empty file that rows are appended to.
fn new_file() -> Result<PathBuf> {
    let folder = workspace::target().join("bench");
    let rows = folder.join("rows.jsonl");
    let empty = || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        fs::write(&rows, "")
    };
    empty().map_err(|error| format!("cannot write {}: {error}", rows.display()))?;
    Ok(rows)
}

/// Builds programs, and those that have no Wasmtime; returns cargo's messages.
fn build(selection: &[&str], programs: &[&str]) -> Result<String> {
    let others = ["bench-table", "plots", "start"];
    let bins = programs.iter().chain(&others).flat_map(|name| ["--bin", *name]);
    let call: Vec<&str> = [&["build"], selection, &[MESSAGES]].concat();
    cargo::output(&call.into_iter().chain(bins).collect::<Vec<_>>())
}

fn measure(program: &Path, rows: &Path, args: &[&str]) -> Result {
    eprintln!("$ {} {}", program.display(), args.join(" "));
    let status = Command::new(program).args(["--json", text(rows)]).args(args).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{} ended with {status}", program.display()).into()),
        Err(error) => Err(format!("cannot run {}: {error}", program.display()).into()),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}
