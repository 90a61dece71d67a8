//! What went wrong, in words for whoever ran the command.

use core::fmt;

/// The result of a verb or of a part of it.
pub(crate) type Result<T = ()> = core::result::Result<T, Failure>;

/// Why a verb failed.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl From<String> for Failure {
    fn from(says: String) -> Self {
        Self(says)
    }
}

impl From<&str> for Failure {
    fn from(says: &str) -> Self {
        Self(says.to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
