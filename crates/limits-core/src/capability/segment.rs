//! The parts of a pattern between separators, and how they match.

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
    /// A segment with `<id>`, which matches nothing until the id is known.
    Open(Box<[Piece]>),
}

/// A segment with at least one `*` and something else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Glob {
    first: Box<str>,
    middle: Box<[Box<str>]>,
    last: Box<str>,
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
        Self::Glob(Glob { first, middle: texts.into_boxed_slice(), last })
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
        let Some(rest) = text.strip_prefix(&*self.first) else { return false };
        let Some(mut rest) = rest.strip_suffix(&*self.last) else { return false };
        for piece in &self.middle {
            let Some(found) = rest.find(&**piece).and_then(|at| rest.get(at + piece.len()..))
            else {
                return false;
            };
            rest = found;
        }
        true
    }
}

/// The segments of a text, one after another.
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

impl<'t> Iterator for Segments<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let rest = self.rest?;
        let end = rest.bytes().position(|byte| char::from(byte) == self.separator);
        let (segment, rest) = match end.and_then(|end| rest.split_at_checked(end)) {
            Some((segment, rest)) => (segment, rest.get(1..)),
            None => (rest, None),
        };
        self.rest = rest;
        Some(segment)
    }
}

/// Tells whether the segments of a text are those of a pattern.
///
/// Each `Cross` first takes nothing and then, when what follows does not fit, one segment more; only
/// the last one met is ever taken back to. So each segment of the text is compared with each of the
/// pattern at most once per position: the time is bounded by the product of their numbers, which are
/// both capped, and nothing recurses.
pub(super) fn matches(pattern: &[Segment], mut text: Segments<'_>) -> bool {
    let mut pattern = pattern.iter();
    // Where to go on after the last `Cross` has taken one segment more.
    let mut back: Option<(core::slice::Iter<'_, Segment>, Segments<'_>)> = None;
    loop {
        let here = text.clone();
        match pattern.next() {
            Some(Segment::Cross) => {
                back = Some((pattern.clone(), here));
                continue;
            }
            Some(segment) => {
                if text.next().is_some_and(|found| segment.matches(found)) {
                    continue;
                }
            }
            None => {
                if text.next().is_none() {
                    return true;
                }
                // A `Cross` at the very end takes all that is left.
                if back.as_ref().is_some_and(|(rest, _)| rest.as_slice().is_empty()) {
                    return true;
                }
            }
        }
        let Some((after, longer)) = &mut back else { return false };
        if longer.next().is_none() {
            return false;
        }
        pattern = after.clone();
        text = longer.clone();
    }
}
