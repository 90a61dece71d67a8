//! Ids in the place of `<id>`.

use core::fmt;

use super::domain::Domain;
use super::host_name;

/// The reason for which an id cannot stand for `<id>` in the patterns of a domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum IdProblem {
    /// It has a control character.
    Control,
    /// It is `.` or `..`, in a path.
    Dots,
    /// It is empty.
    Empty,
    /// It cannot be a part of a host name.
    HostName,
    /// It has the separator of segments, and so is more than a part of one.
    Separator(char),
}

/// Checks that an id can be a part of one segment.
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
    } else if domain == Domain::Network && !host_name::is_id(id) {
        Err(IdProblem::HostName)
    } else {
        Ok(())
    }
}

impl fmt::Display for IdProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => f.write_str("it has a control character"),
            Self::Dots => f.write_str("it is `.` or `..`, which are steps of a path"),
            Self::Empty => f.write_str("it is empty"),
            Self::HostName => f.write_str(
                "in a host name it may have at most 63 lower-case letters, digits, `-` and `_`",
            ),
            Self::Separator(separator) => write!(f, "it has the separator `{separator}`"),
        }
    }
}
