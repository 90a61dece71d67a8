//! Every interleaving of small scenarios, on atomics that a model checker stands in for.

use crate::cargo;
use crate::failure::Result;

/// The crates that have scenarios, in a module `loom`.
pub(super) const CRATES: [&str; 2] = ["limits-core", "quota-enforce"];
pub(super) const FLAG: &[(&str, &str)] = &[("RUSTFLAGS", "--cfg loom")];

/// Returns the arguments that make cargo run the scenarios of a crate.
pub(super) const fn test(name: &str) -> [&str; 7] {
    // In a folder of its own: the flag would make everything else compile again.
    ["test", "-p", name, "--lib", "--target-dir", "target/loom", "loom::"]
}

pub(crate) fn run() -> Result {
    CRATES.into_iter().try_for_each(check)
}

fn check(name: &str) -> Result {
    let test = test(name);
    let listed = cargo::output_with(&[&test[..], &["--", "--list"]].concat(), FLAG)?;
    if !listed.lines().any(|line| line.ends_with(": test")) {
        return Err(
            format!("found no scenario in {name}: are they still in a module `loom`?").into()
        );
    }
    cargo::run_with(&test, FLAG)
}
