//! A promised restriction that could not be set up.

use core::fmt::Display;

/// A promised restriction that could not be set up: the worker compiles nothing.
#[derive(Debug)]
pub(super) struct Restriction {
    pub(super) what: &'static str,
    pub(super) reason: String,
}

impl Restriction {
    /// Returns a conversion of errors, for `map_err`.
    pub(super) fn of<E: Display>(what: &'static str) -> impl Fn(E) -> Self {
        move |error| Self { what, reason: error.to_string() }
    }
}
