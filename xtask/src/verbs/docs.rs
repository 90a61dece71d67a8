//! The documentation, twice: with private items, and as users see it.

use crate::cargo;
use crate::failure::Result;

const DENY: &[(&str, &str)] = &[("RUSTDOCFLAGS", "-D warnings")];

pub(crate) fn run() -> Result {
    let all = ["doc", "--workspace", "--no-deps", "--all-features"];
    cargo::run_with(&[&all[..], &["--document-private-items"]].concat(), DENY)?;
    // Last the public one, which stays in target/doc. Programs have no other than the private one.
    cargo::run_with(&[&all[..], &["--lib"]].concat(), DENY)
}
