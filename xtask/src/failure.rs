//! The error of every verb: a message for the terminal.

use core::fmt;

/// The result of a verb or of a part of it.
pub(crate) type Result<T = ()> = core::result::Result<T, Failure>;

/// A message; empty if the verb has already printed why it failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    is_missing_tool: bool,
}

impl Failure {
    /// Makes a failure whose reason is already printed.
    pub(crate) const fn reported() -> Self {
        Self { message: String::new(), is_missing_tool: false }
    }

    /// Makes the failure of a verb that did not run, since this machine lacks a tool. The message
    /// has the command that installs it.
    pub(crate) fn missing_tool(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_missing_tool: true }
    }

    /// Reports whether the reason is already printed.
    pub(crate) const fn is_reported(&self) -> bool {
        self.message.is_empty()
    }

    /// Reports whether the verb did not run, since this machine lacks a tool.
    pub(crate) const fn is_missing_tool(&self) -> bool {
        self.is_missing_tool
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { message, is_missing_tool: false }
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
