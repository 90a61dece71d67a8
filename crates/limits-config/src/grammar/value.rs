//! The value of a setting.

use core::fmt;

use limits_core::Allowance;
use serde::{Serialize, Serializer};

/// The value of a setting: an amount or a word.
///
/// It is serialised as a number, as `"unlimited"`, or as the word.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// An amount in the unit of the setting, or unlimited.
    Amount(Allowance),
    /// One of the words that the setting knows, such as `throttle`.
    Word(&'static str),
}

impl Value {
    /// The word for an amount without a limit.
    pub(crate) const UNLIMITED: &'static str = "unlimited";

    /// Returns a limited amount.
    pub(crate) const fn number(number: u64) -> Self {
        Self::Amount(Allowance::AtMost(number))
    }

    /// Returns the amount, or `None` for a word.
    #[must_use]
    pub const fn amount(self) -> Option<Allowance> {
        match self {
            Self::Amount(amount) => Some(amount),
            Self::Word(_) => None,
        }
    }

    /// Returns the number of a limited amount; `None` for a word and for an unlimited amount.
    #[must_use]
    pub const fn at_most(self) -> Option<u64> {
        match self {
            Self::Amount(amount) => amount.at_most(),
            Self::Word(_) => None,
        }
    }
}

impl From<Allowance> for Value {
    fn from(amount: Allowance) -> Self {
        Self::Amount(amount)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount(amount) => fmt::Display::fmt(amount, f),
            Self::Word(word) => f.pad(word),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Amount(Allowance::AtMost(number)) => s.serialize_u64(*number),
            Self::Amount(Allowance::Unlimited) => s.serialize_str(Self::UNLIMITED),
            Self::Word(word) => s.serialize_str(word),
        }
    }
}
