//! The documentation, twice: as users see it and with private items.

use crate::cargo;
use crate::failure::Result;

const DENY: &[(&str, &str)] = &[("RUSTDOCFLAGS", "-D warnings")];

pub(crate) fn run() -> Result {
    let public = ["doc", "--workspace", "--no-deps", "--all-features"];
    // Private first, so that what stays in target/doc is what users see.
    let private = [&public[..], &["--document-private-items"]].concat();
    cargo::run_with(&private, DENY)?;
    cargo::run_with(&public, DENY)
}
