//! Measurements: benchmarks, the lateness of deadlines, quotas beside other rate limiters.

use crate::cargo;
use crate::failure::Result;

/// The benches of quotas, a workspace of their own.
pub(super) const QUOTAS: &str = "benches/quota/Cargo.toml";

pub(crate) fn run() -> Result {
    cargo::run(&["bench", "-p", "limits-benches"])?;
    quotas(&["bench"], &[])?;
    cargo::run(&["run", "--release", "-p", "limits-benches", "--bin", "deadline"])?;
    // Last, so that the table of ratios stays on the screen.
    quotas(&["run", "--release", "--bin", "quota-ratios"], &[])
}

/// Runs a command of cargo on the benches of quotas. `rest` comes after the options.
pub(super) fn quotas(args: &[&str], rest: &[&str]) -> Result {
    let package = ["--manifest-path", QUOTAS, "--target-dir", "target/quota"];
    cargo::run(&[args, &package, rest].concat())
}
