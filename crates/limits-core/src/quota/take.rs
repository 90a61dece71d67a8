//! The outcomes of a take on one counter.

use super::retry::Wait;

/// The numbers of a take that one counter refused, in units.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TakeRefused {
    pub(crate) used: u64,
    pub(crate) limit: u64,
    /// The time until it would be granted.
    pub(crate) wait: Wait,
}

/// A take of a part of what is asked for, which has been decided and not been made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PlannedPart {
    /// The counter's word when it was decided.
    pub(crate) from: u64,
    /// The window that counts the take; 0 for a total.
    pub(crate) window: u64,
    /// The use in that window before.
    pub(crate) used: u64,
    /// The most units that may be taken.
    pub(crate) units: u64,
}
