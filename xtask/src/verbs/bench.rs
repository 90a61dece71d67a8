//! Measurements: benchmarks, then how late executions end.

use crate::cargo;
use crate::failure::Result;

pub(crate) fn run() -> Result {
    cargo::run(&["bench", "-p", "limits-benches"])?;
    cargo::run(&["run", "--release", "-p", "limits-benches", "--bin", "deadline"])
}
