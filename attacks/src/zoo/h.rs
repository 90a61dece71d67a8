//! Section H of the catalogue.

use crate::vector::Vector;

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    Vec::new()
}
