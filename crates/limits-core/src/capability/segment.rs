//! Segments of a pattern, and the match of a pattern's segments with those of a text.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// One part of a pattern.
///
/// `**` is compiled to `Cross`, or to `Any` and `Cross` at an end of the pattern, where it stands
/// for at least one segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Segment {
    /// Any number of segments, none included.
    Cross,
    /// Any one segment.
    Any,
    /// This segment.
    Exactly(Box<str>),
    /// A segment with these pieces.
    Glob(Glob),
    /// A segment with `<id>`, which matches nothing until it is bound.
    Open(Box<[Piece]>),
}

/// A segment with at least one `*` and another piece.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Glob {
    first: Box<str>,
    middle: Box<[Box<str>]>,
    last: Box<str>,
    /// Bytes of all pieces together.
    least: usize,
}

/// A part of a segment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Piece {
    /// Exactly this text.
    Text(Box<str>),
    /// `*`: any characters of this segment, none included.
    Star,
    /// `<id>`
    Id,
}

impl Segment {
    /// Compiles the pieces of a segment; `id` stands for `<id>`.
    pub(super) fn compile(pieces: &[Piece], id: Option<&str>) -> Self {
        if id.is_none() && pieces.contains(&Piece::Id) {
            return Self::Open(Box::from(pieces));
        }
        let mut texts: Vec<String> = Vec::from([String::new()]);
        for piece in pieces {
            match piece {
                Piece::Star => texts.push(String::new()),
                Piece::Text(text) => push(&mut texts, text),
                Piece::Id => push(&mut texts, id.unwrap_or_default()),
            }
        }
        let mut texts: Vec<Box<str>> = texts.into_iter().map(String::into_boxed_str).collect();
        let last = texts.pop().unwrap_or_default();
        if texts.is_empty() {
            return Self::Exactly(last);
        }
        let first = texts.remove(0);
        texts.retain(|text| !text.is_empty());
        if first.is_empty() && texts.is_empty() && last.is_empty() {
            return Self::Any;
        }
        let least = texts.iter().map(|text| text.len()).sum::<usize>() + first.len() + last.len();
        Self::Glob(Glob { first, middle: texts.into_boxed_slice(), last, least })
    }

    /// Puts the id in the place of `<id>`.
    pub(super) fn bind(&self, id: &str) -> Self {
        match self {
            Self::Open(pieces) => Self::compile(pieces, Some(id)),
            other => other.clone(),
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Cross | Self::Any => true,
            Self::Exactly(exactly) => **exactly == *text,
            Self::Glob(glob) => glob.matches(text),
            Self::Open(_) => false,
        }
    }
}

fn push(texts: &mut [String], text: &str) {
    if let Some(last) = texts.last_mut() {
        last.push_str(text);
    }
}

impl Glob {
    /// Takes each piece where it occurs first; every search is linear and none is repeated.
    fn matches(&self, text: &str) -> bool {
        if text.len() < self.least {
            return false;
        }
        // Skip empty pieces: comparing against an empty `Box<str>` reads through its dangling
        // pointer, which costs more than the rest of the match.
        let mut rest = text;
        if !self.first.is_empty() {
            let Some(found) = rest.strip_prefix(&*self.first) else { return false };
            rest = found;
        }
        if !self.last.is_empty() {
            let Some(found) = rest.strip_suffix(&*self.last) else { return false };
            rest = found;
        }
        for piece in &self.middle {
            let Some(found) = find(rest, piece).and_then(|at| rest.get(at + piece.len()..)) else {
                return false;
            };
            rest = found;
        }
        true
    }
}

/// Returns the place of a piece's first occurrence.
fn find(text: &str, piece: &str) -> Option<usize> {
    // Setting up the standard linear search takes longer than searching a usual segment.
    const SHORT: usize = 64;
    if text.len() > SHORT {
        return text.find(piece);
    }
    text.as_bytes().windows(piece.len()).position(|window| window == piece.as_bytes())
}

/// The segments of a text, one after another, from either end.
#[derive(Clone, Debug)]
pub(super) struct Segments<'t> {
    rest: Option<&'t str>,
    separator: char,
}

impl<'t> Segments<'t> {
    pub(super) const fn of(text: &'t str, separator: char) -> Self {
        Self { rest: Some(text), separator }
    }

    pub(super) const fn none() -> Self {
        Self { rest: None, separator: '/' }
    }
}

impl<'t> Segments<'t> {
    /// Cuts a text at its first separator.
    fn split_first(&self, text: &'t str) -> Option<(&'t str, &'t str)> {
        // Setting up the standard fast search takes longer than searching a usual path.
        const SHORT: usize = 128;
        if text.len() > SHORT {
            return text.split_once(self.separator);
        }
        let is_separator = |byte: u8| char::from(byte) == self.separator;
        let at = text.bytes().position(is_separator)?;
        Some((text.get(..at)?, text.get(at + 1..)?))
    }

    /// Moves behind the first occurrence of a part of a pattern; returns whether there is one.
    fn find(&mut self, part: &[Segment]) -> bool {
        loop {
            let mut here = self.clone();
            if part.iter().all(|segment| here.next().is_some_and(|found| segment.matches(found))) {
                *self = here;
                return true;
            }
            if self.next().is_none() {
                return false;
            }
        }
    }
}

impl<'t> Iterator for Segments<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let rest = self.rest?;
        let (segment, rest) = match self.split_first(rest) {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        Some(segment)
    }
}

impl<'t> DoubleEndedIterator for Segments<'t> {
    fn next_back(&mut self) -> Option<&'t str> {
        let rest = self.rest?;
        let (rest, segment) = match rest.rsplit_once(self.separator) {
            Some((rest, segment)) => (Some(rest), segment),
            None => (None, rest),
        };
        self.rest = rest;
        Some(segment)
    }
}

/// Returns whether the segments of a text match those of a pattern.
///
/// The segments before the first `Cross` and behind the last are compared once, from both ends.
/// Each part between two of them is searched for its first occurrence, so each segment of the text
/// is compared with each of the pattern at most once: the time is bounded by the product of their
/// numbers, which are both capped. There is no recursion.
pub(super) fn matches(pattern: &[Segment], mut text: Segments<'_>) -> bool {
    let mut pattern = pattern;
    loop {
        pattern = match pattern.split_first() {
            None => return text.next().is_none(),
            Some((Segment::Cross, rest)) => break pattern = rest,
            Some((first, rest)) if text.next().is_some_and(|found| first.matches(found)) => rest,
            Some(_) => return false,
        };
    }
    loop {
        pattern = match pattern.split_last() {
            None => return true,
            Some((Segment::Cross, rest)) => break pattern = rest,
            Some((last, rest)) if text.next_back().is_some_and(|found| last.matches(found)) => rest,
            Some(_) => return false,
        };
    }
    pattern.split(|segment| matches!(segment, Segment::Cross)).all(|part| text.find(part))
}

/// Returns whether matching searches, beyond comparing from both ends.
pub(super) fn is_searching(pattern: &[Segment]) -> bool {
    pattern.iter().filter(|segment| matches!(segment, Segment::Cross)).count() > 1
}

/// Returns whether the segments of a text match those of a pattern once others are added at the
/// text's end, or none.
pub(super) fn could_match(pattern: &[Segment], text: Segments<'_>) -> bool {
    let mut rest = pattern;
    for found in text {
        rest = match rest.split_first() {
            // Takes all that is left of the text.
            Some((Segment::Cross, _)) => break,
            Some((first, rest)) if first.matches(found) => rest,
            _ => return false,
        };
    }
    // Any other segment matches some text.
    !rest.iter().any(|segment| matches!(segment, Segment::Open(_)))
}

/// Returns whether a pattern that matches a text also matches it with any segments added at its
/// end: `**` stands behind all that is not `*`.
pub(super) fn is_open_at_end(pattern: &[Segment]) -> bool {
    let last = pattern.iter().rfind(|segment| !matches!(segment, Segment::Any));
    matches!(last, Some(Segment::Cross))
}
