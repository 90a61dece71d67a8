//! Errors of patterns.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;

use super::domain::Domain;
use super::id::IdProblem;
use crate::escaped::quoted;

/// A text that is not a pattern, or an id that does not fit into one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PatternError(Box<ErrorParts>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct ErrorParts {
    domain: Domain,
    pattern: Box<str>,
    problem: PatternProblem,
}

impl PatternError {
    pub(super) fn new(domain: Domain, pattern: &str, problem: PatternProblem) -> Self {
        Self(Box::new(ErrorParts { domain, pattern: Box::from(pattern), problem }))
    }

    /// Returns the domain that the pattern was for.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.0.domain
    }

    /// Returns the pattern as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// Returns the problem.
    #[must_use]
    pub fn problem(&self) -> &PatternProblem {
        &self.0.problem
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorParts { domain, pattern, problem } = &*self.0;
        write!(f, "{domain} pattern `{}` refused: {problem}", quoted(pattern))
    }
}

impl Error for PatternError {}

/// The problem of a pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PatternProblem {
    /// An address is ill-formed.
    Address,
    /// `**` is only a part of a segment.
    Cross,
    /// A path has a `.` or `..`.
    Dots,
    /// Each address of it has an IPv4 address inside, by which it is judged.
    Embedded {
        /// The IPv4 address or network inside.
        inside: Box<str>,
    },
    /// It is empty.
    Empty,
    /// A segment is empty: between two separators, or at an end.
    EmptySegment,
    /// The host is neither a name nor an address.
    Host,
    /// A network's address has bits set behind the prefix.
    HostBits {
        /// The network that has the address.
        network: Box<str>,
    },
    /// An id cannot stand for `<id>`.
    Id {
        /// The id.
        id: Box<str>,
        /// The problem of the id.
        why: IdProblem,
    },
    /// A network is ill-formed.
    Network,
    /// `<` and `>` enclose another text than `id`.
    Placeholder(Box<str>),
    /// The port is missing or out of range.
    Port,
    /// A path does not begin with `/`.
    Relative,
    /// A character has a meaning in other pattern languages and none here.
    Reserved(char),
    /// It is too long.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The greatest length in bytes.
        most: usize,
    },
    /// The set is full of patterns of this permission.
    TooManyPatterns {
        /// The greatest number.
        most: usize,
    },
    /// The set is full of patterns of this permission with two or more `**`.
    TooManySearching {
        /// The greatest number.
        most: usize,
    },
    /// It has too many segments.
    TooManySegments {
        /// Its number of segments.
        segments: usize,
        /// The greatest number.
        most: usize,
    },
}

impl fmt::Display for PatternProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str(
                "not an address: expected four numbers up to 255, or an IPv6 address in brackets, \
                 where `*` is a whole group and `**` the last",
            ),
            Self::Cross => f.write_str("`**` must be a whole segment"),
            Self::Dots => f.write_str("a segment is `.` or `..`"),
            Self::Embedded { inside } => write!(
                f,
                "an address with an IPv4 address inside is judged by that one: write `{inside}`"
            ),
            Self::Empty => f.write_str("it is empty"),
            Self::EmptySegment => f.write_str("a segment is empty"),
            Self::Host => f.write_str(
                "the host is neither a name nor an address: expected letters, digits, `-`, `_`, \
                 `*` and `<id>` between dots",
            ),
            Self::HostBits { network } => {
                write!(f, "the address has bits behind its prefix, the network is `{network}`")
            }
            Self::Id { id, why } => {
                write!(f, "the id `{}` cannot stand for `<id>`: {why}", quoted(id))
            }
            Self::Network => f.write_str(
                "not a network: expected one such as `10.0.0.0/8` with at most 32 bits, or \
                 `[2001:db8::/32]` with at most 128",
            ),
            Self::Placeholder(name) => {
                write!(f, "unknown placeholder `<{}>`, the only one is `<id>`", quoted(name))
            }
            Self::Port => f.write_str("the port must be a number from 1 to 65535, or `*`"),
            Self::Relative => f.write_str("a path must begin with `/`"),
            Self::Reserved(letter) => write!(
                f,
                "`{}` has no meaning here: use `*`, or one pattern for each",
                quoted(letter.encode_utf8(&mut [0; 4]))
            ),
            Self::TooLong { bytes, most } => {
                write!(f, "it has {bytes} bytes, at most {most} are allowed")
            }
            Self::TooManyPatterns { most } => {
                write!(f, "this permission has {most} patterns already, the most allowed")
            }
            Self::TooManySearching { most } => {
                write!(
                    f,
                    "this permission has {most} patterns with two or more `**` already, the most \
                     allowed"
                )
            }
            Self::TooManySegments { segments, most } => {
                write!(f, "it has {segments} segments, at most {most} are allowed")
            }
        }
    }
}
