//! Every interleaving of small scenarios, under the model checker loom.

use crate::cargo;
use crate::failure::Result;

/// The crates that have scenarios, in a module `loom`.
const CRATES: [&str; 3] = ["limits-core", "limits-fair", "quota-enforce"];
const FLAG: &[(&str, &str)] = &[("RUSTFLAGS", "--cfg loom")];

pub(crate) fn run() -> Result {
    CRATES.into_iter().try_for_each(check)
}

fn check(name: &str) -> Result {
    // In a folder of its own: with other flags cargo would compile everything again.
    let test = ["test", "-p", name, "--lib", "--target-dir", "target/loom", "loom::"];
    let listed = cargo::output_with(&[&test[..], &["--", "--list"]].concat(), FLAG)?;
    if !listed.lines().any(|line| line.ends_with(": test")) {
        return Err(
            format!("found no scenario in {name}: are they still in a module `loom`?").into()
        );
    }
    cargo::run_with(&test, FLAG)
}
