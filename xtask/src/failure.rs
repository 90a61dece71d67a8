//! The error of every verb: a message for the terminal.

use core::fmt;

/// The result of a verb or of a part of it.
pub(crate) type Result<T = ()> = core::result::Result<T, Failure>;

/// A message; empty if the verb has already printed why it failed.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// Makes a failure whose reason is already printed.
    pub(crate) const fn reported() -> Self {
        Self(String::new())
    }

    /// Reports whether the reason is already printed.
    pub(crate) const fn is_reported(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self(message.to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
