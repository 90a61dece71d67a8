//! An amount that is allowed, or no bound at all.

use core::fmt;

/// How much of something is allowed.
///
/// "Unlimited" is a value of its own and never a magic number: `AtMost(0)` allows nothing, and
/// `AtMost(u64::MAX)` is a very large bound that is still a bound (of storage and memory a tracker
/// tells it as unlimited: more could not be counted anyway).
///
/// The order is the order of generosity, so the lower of two allowances is `a.min(b)`:
///
/// ```
/// use limits_core::Allowance;
///
/// assert_eq!(Allowance::Unlimited.min(Allowance::AtMost(7)), Allowance::AtMost(7));
/// assert!(Allowance::AtMost(u64::MAX) < Allowance::Unlimited);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a bound is there or it is not; there is no third case to grow into"
)]
pub enum Allowance {
    /// At most this many units.
    AtMost(u64),
    /// No bound. Use is still counted.
    Unlimited,
}

impl Allowance {
    /// Returns the bound in units, or `None` if there is none.
    #[must_use]
    pub const fn at_most(self) -> Option<u64> {
        match self {
            Self::AtMost(units) => Some(units),
            Self::Unlimited => None,
        }
    }

    /// Tells whether `units` in total are allowed.
    #[must_use]
    pub const fn allows(self, units: u64) -> bool {
        match self {
            Self::AtMost(most) => units <= most,
            Self::Unlimited => true,
        }
    }
}

// The only one from a number: a second would leave the type of a plain literal open, and `5` would
// then be an `i32`, which is no allowance.
impl From<u64> for Allowance {
    fn from(units: u64) -> Self {
        Self::AtMost(units)
    }
}

/// Tells whether it is this bound, so that a field of a quota can be compared with a plain number.
impl PartialEq<u64> for Allowance {
    fn eq(&self, units: &u64) -> bool {
        self.at_most() == Some(*units)
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(units) => fmt::Display::fmt(units, f),
            Self::Unlimited => f.pad("unlimited"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Allowance;
    use std::string::ToString as _;

    #[test]
    fn zero_allows_nothing_but_nothing() {
        assert!(Allowance::AtMost(0).allows(0));
        assert!(!Allowance::AtMost(0).allows(1));
    }

    #[test]
    fn a_bound_equals_its_number_and_no_bound_equals_none() {
        assert_eq!(Allowance::AtMost(100 * 1024), 100 * 1024);
        assert_ne!(Allowance::AtMost(1), 2);
        assert_ne!(Allowance::Unlimited, u64::MAX);
    }

    #[test]
    fn unlimited_is_more_than_any_number_and_says_so() {
        assert!(Allowance::Unlimited.allows(u64::MAX));
        assert!(Allowance::Unlimited > Allowance::AtMost(u64::MAX));
        assert_eq!(Allowance::Unlimited.to_string(), "unlimited");
        assert_eq!(Allowance::from(5_u64).to_string(), "5");
    }
}
