//! The documentation, twice: with private items, and as users see it.

use crate::cargo;
use crate::failure::Result;

const DENY: &[(&str, &str)] = &[("RUSTDOCFLAGS", "-D warnings")];

pub(crate) fn run() -> Result {
    let public = ["doc", "--workspace", "--no-deps", "--all-features"];
    // Last the public one, which stays in target/doc.
    let private = [&public[..], &["--document-private-items"]].concat();
    cargo::run_with(&private, DENY)?;
    cargo::run_with(&public, DENY)
}
