//! Compilation of a pattern's text into segments.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::domain::Domain;
use super::pattern_error::PatternProblem;
use super::segment::{Piece, Segment};

/// The most segments of a pattern.
const MAX_SEGMENTS: usize = 32;
/// The placeholder for the component's own id.
pub(super) const ID_PLACEHOLDER: &str = "<id>";

/// Compiles each segment between separators.
pub(super) fn compile_segments(
    domain: Domain,
    text: &str,
) -> Result<Box<[Segment]>, PatternProblem> {
    let count = text.split(domain.separator()).count();
    if count > MAX_SEGMENTS {
        return Err(PatternProblem::TooManySegments { segments: count, most: MAX_SEGMENTS });
    }
    let mut segments = Vec::with_capacity(count + 1);
    for (index, segment) in text.split(domain.separator()).enumerate() {
        if segment.is_empty() {
            return Err(PatternProblem::EmptySegment);
        }
        if domain == Domain::Filesystem && matches!(segment, "." | "..") {
            return Err(PatternProblem::Dots);
        }
        if segment != "**" {
            segments.push(Segment::compile(&pieces(domain, segment)?, None));
            continue;
        }
        let first = index == 0 && domain != Domain::Filesystem;
        if first || index + 1 == count {
            segments.push(Segment::Any);
        }
        segments.push(Segment::Cross);
    }
    Ok(segments.into_boxed_slice())
}

/// Cuts a segment at its `*` and `<id>`.
fn pieces(domain: Domain, segment: &str) -> Result<Vec<Piece>, PatternProblem> {
    if segment.contains("**") {
        return Err(PatternProblem::Cross);
    }
    let mut pieces = Vec::new();
    let mut rest = segment;
    while let Some(letter) = rest.chars().next() {
        let (piece, length) = if letter == '*' {
            (Piece::Star, 1)
        } else if rest.starts_with(ID_PLACEHOLDER) {
            (Piece::Id, ID_PLACEHOLDER.len())
        } else {
            let end = rest.find(is_special).unwrap_or(rest.len());
            if end == 0 {
                return Err(unexpected(letter, rest));
            }
            let mut text: Box<str> = Box::from(rest.get(..end).unwrap_or_default());
            if domain == Domain::Network {
                // Host names are compared without regard to case; `<ID>` is not a placeholder.
                text.make_ascii_lowercase();
            }
            (Piece::Text(text), end)
        };
        pieces.push(piece);
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(pieces)
}

const fn is_special(letter: char) -> bool {
    matches!(letter, '*' | '<' | '>' | '?' | '[' | ']' | '{' | '}' | '\\')
}

/// Returns the problem of a special character that has no meaning in its place.
fn unexpected(letter: char, rest: &str) -> PatternProblem {
    match rest.split_once('>') {
        Some((name, _)) if letter == '<' => {
            PatternProblem::Placeholder(Box::from(name.get(1..).unwrap_or_default()))
        }
        _ => PatternProblem::Reserved(letter),
    }
}
