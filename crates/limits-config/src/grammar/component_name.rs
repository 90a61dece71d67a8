//! Names of components.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::toml::shown::quoted;

/// The name of a component: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, starting with a letter or a
/// digit.
///
/// The name in `Component.toml` is a claim. The host decides the name under which quotas and
/// overrides apply; see [`Policy::apply`](crate::Policy::apply).
///
/// ```
/// use limits_config::ComponentName;
///
/// let name: ComponentName = "data-processor".parse()?;
/// assert_eq!(name.as_str(), "data-processor");
/// assert!("../etc".parse::<ComponentName>().is_err());
/// # Ok::<(), limits_config::NameError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ComponentName(String);

impl ComponentName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ComponentName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = name.bytes().next().is_some_and(letter)
            && name.len() <= Self::MAX_LEN
            && name.bytes().all(|byte| letter(byte) || b"._-".contains(&byte));
        if fits { Ok(Self(name.to_owned())) } else { Err(NameError(name.to_owned())) }
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for ComponentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// The error of a text that is not the name of a component.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{}` is not a name: 1 to 64 of a-z, 0-9, `.`, `_` and `-`, the first a letter or digit",
    quoted(_0)
)]
pub struct NameError(String);

#[cfg(test)]
mod tests {
    use super::ComponentName;

    #[test]
    fn names_are_plain_words() {
        for name in ["a", "0", "data-processor", "a.b_c-d", &"x".repeat(64)] {
            assert_eq!(name.parse::<ComponentName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn anything_that_could_be_a_path_or_a_trick_is_refused() {
        let long = "x".repeat(65);
        for name in
            ["", " ", ".", "..", "-a", "_a", "A", "a b", "a/b", "a\\b", "a\0", "a\n", "é", &long]
        {
            let error = name.parse::<ComponentName>().unwrap_err().to_string();
            assert!(error.contains("is not a name: 1 to 64 of a-z"), "{error}");
            assert!(!error.contains(['\0', '\n']), "{error}");
        }
    }
}
