//! Requested resources, before they are matched.

use core::error::Error;
use core::fmt;

use super::domain::Domain;
use super::segment::Segments;

/// The longest resource that is accepted, in bytes.
const MAX_BYTES: usize = 4_096;
/// The most segments of a path, key or topic.
pub(super) const MAX_SEGMENTS: usize = 64;

/// The reason for which a text is not a resource of its domain.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ResourceError {
    /// It is empty.
    Empty,
    /// A segment of a key or a topic is empty: between two separators, or at an end.
    EmptySegment,
    /// The host is neither a name nor an address: letters, digits, `-` and `_` between dots, an
    /// IPv4 address, or an IPv6 address in brackets.
    Host,
    /// It is not a host name, such as an address, which is not looked up.
    Name,
    /// It has a NUL byte.
    Nul,
    /// It does not end in `:` and a number from 0 to 65 535.
    Port,
    /// The path does not begin with `/`.
    Relative,
    /// It is too long.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The greatest length in bytes.
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

impl fmt::Display for ResourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty"),
            Self::EmptySegment => f.write_str("it has an empty segment"),
            Self::Host => f.write_str("its host is neither a name nor an address"),
            Self::Name => f.write_str("it is not a host name"),
            Self::Nul => f.write_str("it has a NUL byte"),
            Self::Port => f.write_str("it has no port: expected HOST:PORT"),
            Self::Relative => f.write_str("it is relative"),
            Self::TooLong { bytes, most } => {
                write!(f, "it has {bytes} bytes, at most {most} are allowed")
            }
            Self::TooManySegments { segments, most } => {
                write!(f, "it has {segments} segments, at most {most} are allowed")
            }
        }
    }
}

impl Error for ResourceError {}

/// Checks the rules that all domains share.
pub(super) fn check_text(text: &str) -> Result<(), ResourceError> {
    if text.is_empty() {
        return Err(ResourceError::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(ResourceError::TooLong { bytes: text.len(), most: MAX_BYTES });
    }
    // Folding to the end, not stopping early, compares many bytes at a time.
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
    if count > MAX_SEGMENTS {
        let most = MAX_SEGMENTS;
        return Err(ResourceError::TooManySegments { segments: count, most });
    }
    Ok(segments)
}
