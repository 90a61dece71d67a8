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

/// A change of a counter's word that has been decided and not been made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PlannedTake {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl PlannedTake {
    pub(crate) const fn is_nothing(self) -> bool {
        self.from == self.to
    }
}
