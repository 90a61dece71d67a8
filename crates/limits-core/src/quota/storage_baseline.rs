//! The choice between counting and not counting the files that are there at the start.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use crate::escaped::quoted;

/// The treatment of the files that a component's directories hold before its first execution.
///
/// Growth counts either way. `quota-wasi` enforces it.
///
/// ```
/// use limits_core::StorageBaseline;
///
/// let given: StorageBaseline = "count".parse()?;
/// assert_eq!(given, StorageBaseline::default());
/// assert_eq!(StorageBaseline::Free.to_string(), "free");
/// # Ok::<(), limits_core::StorageBaselineError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "files that are there already count or do not")]
pub enum StorageBaseline {
    /// They count as the component's own.
    #[default]
    Count,
    /// They are free.
    Free,
}

impl StorageBaseline {
    /// Returns the baseline's word: `count` or `free`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Free => "free",
        }
    }
}

impl fmt::Display for StorageBaseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for StorageBaseline {
    type Err = StorageBaselineError;

    fn from_str(text: &str) -> Result<Self, StorageBaselineError> {
        [Self::Count, Self::Free]
            .into_iter()
            .find(|baseline| baseline.as_str() == text)
            .ok_or_else(|| StorageBaselineError(Box::from(text)))
    }
}

/// A text that is not a [`StorageBaseline`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StorageBaselineError(Box<str>);

impl fmt::Display for StorageBaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a storage baseline: expected count or free", quoted(&self.0))
    }
}

impl Error for StorageBaselineError {}

#[cfg(test)]
mod tests {
    use super::StorageBaseline;
    use std::string::ToString as _;

    #[test]
    fn a_baseline_is_read_from_its_word_and_from_no_other() {
        for baseline in [StorageBaseline::Count, StorageBaseline::Free] {
            assert_eq!(baseline.to_string().parse(), Ok(baseline));
        }
        let says = |text: &str| text.parse::<StorageBaseline>().unwrap_err().to_string();
        assert_eq!(says("Count"), "`Count` is not a storage baseline: expected count or free");
        assert_eq!(
            says("\u{1b}[2J"),
            "`\\u{1b}[2J` is not a storage baseline: expected count or free"
        );
    }
}
