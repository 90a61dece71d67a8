//! Measurements: benchmarks, how late executions end, and quotas against their peer.

use crate::cargo;
use crate::failure::Result;

/// The quotas' benches are a workspace of their own.
pub(super) const QUOTAS: &str = "benches/quota/Cargo.toml";

pub(crate) fn run() -> Result {
    cargo::run(&["bench", "-p", "limits-benches"])?;
    quotas(&["bench"], &[])?;
    cargo::run(&["run", "--release", "-p", "limits-benches", "--bin", "deadline"])?;
    // Last, so that the table of ratios is what is left on the screen.
    quotas(&["run", "--release", "--bin", "quota-ratios"], &[])
}

/// Runs a command of cargo in the package of the quotas' benches; `rest` comes after its options.
pub(super) fn quotas(args: &[&str], rest: &[&str]) -> Result {
    let package = ["--manifest-path", QUOTAS, "--target-dir", "target/quota"];
    cargo::run(&[args, &package, rest].concat())
}
