//! Every interleaving of small scenarios, on atomics that a model checker stands in for.

use crate::cargo;
use crate::failure::Result;

/// The package whose interleavings are tried.
pub(super) const PACKAGE: &str = "limits-core";

/// In a folder of its own: the flag would make everything else compile again.
pub(super) const TEST: [&str; 7] =
    ["test", "-p", PACKAGE, "--lib", "--target-dir", "target/loom", "interleavings"];
pub(super) const FLAG: &[(&str, &str)] = &[("RUSTFLAGS", "--cfg loom")];

pub(crate) fn run() -> Result {
    let listed = cargo::output_with(&[&TEST[..], &["--", "--list"]].concat(), FLAG)?;
    if !listed.lines().any(|line| line.ends_with(": test")) {
        return Err("found no scenario: are they still in a module `interleavings`?".into());
    }
    cargo::run_with(&TEST, FLAG)
}
