//! What went wrong, in words for whoever ran the command.

use core::fmt;

/// The result of a verb or of a part of it.
pub(crate) type Result<T = ()> = core::result::Result<T, Failure>;

/// Why a verb failed.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// Makes a failure that was told already, so that nothing is printed after it.
    pub(crate) const fn told() -> Self {
        Self(String::new())
    }

    /// Tells whether nothing is left to say.
    pub(crate) const fn is_told(&self) -> bool {
        self.0.is_empty()
    }
}

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
