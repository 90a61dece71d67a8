//! What may stand for `<id>` in a pattern.

use core::fmt;

use super::domain::Domain;
use super::endpoint;

/// Why an id cannot stand for `<id>` in the patterns of a domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum IdProblem {
    /// It has a control character.
    Control,
    /// It is `.` or `..`, in a path.
    Dots,
    /// It is empty.
    Empty,
    /// It cannot be a part of a host's name.
    HostName,
    /// It has what separates segments, and so is more than a part of one.
    Separator(char),
}

/// Tells whether an id can be a part of one segment.
pub(super) fn check(domain: Domain, id: &str) -> Result<(), IdProblem> {
    let separator = domain.separator();
    if id.is_empty() {
        Err(IdProblem::Empty)
    } else if id.contains(separator) {
        Err(IdProblem::Separator(separator))
    } else if id.contains(char::is_control) {
        Err(IdProblem::Control)
    } else if domain == Domain::Filesystem && matches!(id, "." | "..") {
        Err(IdProblem::Dots)
    } else if domain == Domain::Network && !endpoint::is_id(id) {
        Err(IdProblem::HostName)
    } else {
        Ok(())
    }
}

impl fmt::Display for IdProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => f.write_str("it has a control character"),
            Self::Dots => f.write_str("it would be a step in a path"),
            Self::Empty => f.write_str("it is empty"),
            Self::HostName => f.write_str(
                "in a host's name it needs at most 63 lower-case letters, digits, `-` and `_`",
            ),
            Self::Separator(separator) => write!(f, "it has the separator `{separator}`"),
        }
    }
}
