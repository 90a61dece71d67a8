//! Every interleaving of small scenarios, on atomics that a model checker stands in for.

use crate::cargo;
use crate::failure::Result;

pub(crate) fn run() -> Result {
    // In a folder of its own: the flag would make everything else compile again.
    cargo::run_with(
        &["test", "-p", "limits-core", "--lib", "--target-dir", "target/loom", "interleavings"],
        &[("RUSTFLAGS", "--cfg loom")],
    )
}
