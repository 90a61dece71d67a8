//! Each published crate alone, without the features that other members turn on for its
//! dependencies: it must name all that it uses.

use crate::failure::Result;
use crate::{cargo, workspace};

pub(crate) fn run() -> Result {
    for manifest in workspace::published()? {
        let name = manifest.name();
        cargo::run(&["check", "-p", name])?;
        if manifest.has_features() {
            cargo::run(&["check", "-p", name, "--no-default-features"])?;
            cargo::run(&["check", "-p", name, "--all-features"])?;
        }
    }
    Ok(())
}
