//! A million seeded mutations for each parser of strangers' input.

use super::attacks;
use crate::failure::Result;

/// Feeds all targets.
pub(crate) fn all() -> Result {
    run(&[])
}

/// Feeds the targets that the arguments of `fuzz-cases` name.
pub(crate) fn run(args: &[String]) -> Result {
    attacks::run("fuzz-cases", args)
}
