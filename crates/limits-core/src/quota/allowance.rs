//! A limit in units, or unlimited.

use core::fmt;

/// A limit in units, or unlimited.
///
/// Unlimited is a value of its own and never a magic number: `AtMost(0)` allows nothing, and
/// `AtMost(u64::MAX)` is a large limit that is still a limit. (A tracker reports that limit of
/// a total as unlimited, since more cannot be counted.)
///
/// The larger allowance is the more generous one, so the stricter of two is `a.min(b)`:
///
/// ```
/// use limits_core::Allowance;
///
/// assert_eq!(Allowance::Unlimited.min(Allowance::AtMost(7)), Allowance::AtMost(7));
/// assert!(Allowance::AtMost(u64::MAX) < Allowance::Unlimited);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a limit exists or not; there is no third case")]
pub enum Allowance {
    /// At most this many units.
    AtMost(u64),
    /// No limit. Use is still counted.
    Unlimited,
}

/// The word for [`Allowance::Unlimited`] in a tracker.
pub(crate) const UNLIMITED: u64 = u64::MAX;

impl Allowance {
    /// Returns the allowance that a tracker keeps in a word.
    pub(crate) const fn of_word(word: u64) -> Self {
        match word {
            UNLIMITED => Self::Unlimited,
            units => Self::AtMost(units),
        }
    }

    /// Returns the limit in units, or `None` if unlimited.
    #[must_use]
    pub const fn at_most(self) -> Option<u64> {
        match self {
            Self::AtMost(units) => Some(units),
            Self::Unlimited => None,
        }
    }

    /// Returns whether `units` in total are allowed.
    #[must_use]
    pub const fn allows(self, units: u64) -> bool {
        match self {
            Self::AtMost(most) => units <= most,
            Self::Unlimited => true,
        }
    }
}

// The only conversion from a number: with a second one, a plain literal would be an `i32`.
impl From<u64> for Allowance {
    fn from(units: u64) -> Self {
        Self::AtMost(units)
    }
}

/// Compares the limit with a plain number, for the fields of a quota.
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
    fn zero_allows_only_a_request_of_nothing() {
        assert!(Allowance::AtMost(0).allows(0));
        assert!(!Allowance::AtMost(0).allows(1));
    }

    #[test]
    fn a_limit_equals_its_number_and_unlimited_equals_no_number() {
        assert_eq!(Allowance::AtMost(100 * 1024), 100 * 1024);
        assert_ne!(Allowance::AtMost(1), 2);
        assert_ne!(Allowance::Unlimited, u64::MAX);
    }

    #[test]
    fn unlimited_is_more_than_any_number_and_has_its_own_word() {
        assert!(Allowance::Unlimited.allows(u64::MAX));
        assert!(Allowance::Unlimited > Allowance::AtMost(u64::MAX));
        assert_eq!(Allowance::Unlimited.to_string(), "unlimited");
        assert_eq!(Allowance::from(5_u64).to_string(), "5");
    }
}
