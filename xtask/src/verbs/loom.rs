//! Every interleaving of small scenarios, on atomics that a model checker stands in for.

use crate::cargo;
use crate::failure::Result;

/// In a folder of its own: the flag would make everything else compile again.
const TEST: [&str; 7] =
    ["test", "-p", "limits-core", "--lib", "--target-dir", "target/loom", "interleavings"];
const FLAG: &[(&str, &str)] = &[("RUSTFLAGS", "--cfg loom")];

pub(crate) fn run() -> Result {
    let listed = cargo::output_with(&[&TEST[..], &["--", "--list"]].concat(), FLAG)?;
    if !listed.lines().any(|line| line.ends_with(": test")) {
        return Err("found no scenario: are they still in a module `interleavings`?".into());
    }
    cargo::run_with(&TEST, FLAG)
}
