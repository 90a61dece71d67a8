//! The choice for the time in which the store of shared quotas is away.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use crate::escaped::quoted;

/// The fate of a rate that hosts share while its store is away, once the units that are leased have
/// been spent or have reached their deadline.
///
/// The larger choice is the more generous one. A tracker does not know it: the lessor, such as the
/// driver of `quota-cluster`, enforces it, and returns to leases by itself when the store is back.
///
/// ```
/// use limits_core::StoreLoss;
///
/// let asked: StoreLoss = "share".parse()?;
/// assert!(StoreLoss::default() < asked);
/// assert_eq!(StoreLoss::default().to_string(), "closed");
/// # Ok::<(), limits_core::StoreLossError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a host grants nothing, its share, or everything")]
pub enum StoreLoss {
    /// Nothing is granted.
    #[default]
    Closed,
    /// The host grants its share of the limit: the limit divided by the largest number of hosts,
    /// rounded down, so nothing of a limit below that number.
    Share,
    /// The host grants the whole limit, so that all hosts together may grant it once each.
    Open,
}

impl StoreLoss {
    /// Returns the choice's word: `closed`, `share` or `open`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Share => "share",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for StoreLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for StoreLoss {
    type Err = StoreLossError;

    fn from_str(text: &str) -> Result<Self, StoreLossError> {
        [Self::Closed, Self::Share, Self::Open]
            .into_iter()
            .find(|choice| choice.as_str() == text)
            .ok_or_else(|| StoreLossError(Box::from(text)))
    }
}

/// A text that is not a [`StoreLoss`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreLossError(Box<str>);

impl fmt::Display for StoreLossError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no choice for the loss of the store: expected closed, share or open",
            quoted(&self.0)
        )
    }
}

impl Error for StoreLossError {}

#[cfg(test)]
mod tests {
    use super::StoreLoss::{self, Closed, Open, Share};
    use std::string::ToString as _;

    #[test]
    fn a_choice_is_read_from_its_word_and_from_no_other() {
        for choice in [Closed, Share, Open] {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        let says = |text: &str| text.parse::<StoreLoss>().unwrap_err().to_string();
        let expected = "is no choice for the loss of the store: expected closed, share or open";
        assert_eq!(says("Open"), std::format!("`Open` {expected}"));
        assert_eq!(says(""), std::format!("`` {expected}"));
        assert_eq!(says("\u{1b}[2J"), std::format!("`\\u{{1b}}[2J` {expected}"));
    }

    #[test]
    fn closed_is_the_strictest_and_the_default() {
        assert!(Closed < Share && Share < Open);
        assert_eq!(StoreLoss::default(), Closed);
    }
}
