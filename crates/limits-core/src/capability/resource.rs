//! What a component asks for, before it is matched.

use core::error::Error;
use core::fmt;

use super::domain::Domain;
use super::path;
use super::segment::Segments;

/// The longest resource that is looked at, in bytes.
const MAX_BYTES: usize = 4_096;

/// Why a text names nothing that could be allowed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ResourceError {
    /// It is empty.
    Empty,
    /// A key or a topic has nothing between two separators, or at an end.
    EmptySegment,
    /// The host is neither a name nor an address: letters, digits, `-` and `_` between dots, an IPv4
    /// address, or an IPv6 address in brackets.
    Host,
    /// It has a NUL byte.
    Nul,
    /// There is no `:` and number from 0 to 65 535 at the end.
    Port,
    /// The path does not begin with `/`.
    Relative,
    /// It is longer than what is looked at, in bytes.
    TooLong {
        /// How long it is.
        bytes: usize,
        /// The most that is looked at.
        most: usize,
    },
    /// It has more segments than are looked at.
    TooManySegments {
        /// How many it has, or one more than the most.
        segments: usize,
        /// The most that are looked at.
        most: usize,
    },
}

impl fmt::Display for ResourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::EmptySegment => f.write_str("it has an empty segment"),
            Self::Host => f.write_str("its host is neither a name nor an address"),
            Self::Nul => f.write_str("it has a NUL byte"),
            Self::Port => f.write_str("it has no port: expected HOST:PORT"),
            Self::Relative => f.write_str("it is relative"),
            Self::TooLong { bytes, most } => {
                write!(f, "it has {bytes} bytes, the most is {most}")
            }
            Self::TooManySegments { segments, most } => {
                write!(f, "it has {segments} segments, the most is {most}")
            }
        }
    }
}

impl Error for ResourceError {}

/// Checks what holds for every resource.
pub(super) fn check_text(text: &str) -> Result<(), ResourceError> {
    if text.is_empty() {
        return Err(ResourceError::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(ResourceError::TooLong { bytes: text.len(), most: MAX_BYTES });
    }
    // To the end in any case: that is one pass over many bytes at a time.
    if text.bytes().fold(false, |found, byte| found | (byte == 0)) {
        return Err(ResourceError::Nul);
    }
    Ok(())
}

/// Returns the segments of a key or a topic.
pub(super) fn segments(domain: Domain, text: &str) -> Result<Segments<'_>, ResourceError> {
    check_text(text)?;
    let segments = Segments::of(text, domain.separator());
    let mut count = 0;
    for segment in segments.clone() {
        if segment.is_empty() {
            return Err(ResourceError::EmptySegment);
        }
        count += 1;
    }
    if count > path::MAX_SEGMENTS {
        let most = path::MAX_SEGMENTS;
        return Err(ResourceError::TooManySegments { segments: count, most });
    }
    Ok(segments)
}
