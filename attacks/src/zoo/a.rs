//! Section A of the catalogue: CPU time inside the guest.

use crate::guest_case::GuestCase;
use crate::outcome::Outcome::{OutOfFuel, Timeout};
use crate::vector::Vector;
use crate::wat;

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    vec![
        Vector::guest(
            "A1",
            "an infinite loop, until the deadline",
            GuestCase::new(wat::run("(loop $l (br $l))"), &[Timeout]),
        ),
        Vector::guest(
            "A1",
            "an infinite loop, until the fuel is used",
            GuestCase::new(wat::run("(loop $l (br $l))"), &[OutOfFuel]).fuel(1_000_000),
        ),
    ]
}
