//! Patterns: what they mean, how they are checked.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;

use super::domain::Domain;
use super::endpoint::{Endpoint, EndpointPattern};
use super::id::{self, IdProblem};
use super::path;
use super::resource::{self, ResourceError};
use super::segment::{self, Piece, Segment, Segments};
use crate::escaped::quoted;

/// The longest pattern, in bytes.
const MAX_BYTES: usize = 1_024;
/// The most segments of a pattern.
const MAX_SEGMENTS: usize = 32;
/// The placeholder for the component's own id.
const ID: &str = "<id>";

/// A compiled pattern of one [`Domain`].
///
/// - `*` stands for any characters within one segment. Segments are what `/` separates in paths, `.`
///   in hosts and topics, `:` in storage keys. A segment is never empty.
/// - `**` is a whole segment by itself and stands for any number of segments: at least one where it
///   is the first or the last, also none where it is between two (the root of a path counts as one,
///   so `/**/x` matches `/x`, and `/app/**` does not match `/app`).
/// - `**` alone is everything that its domain has: any path, any host with any port.
/// - `<id>` stands for the id of the component that asks, character by character: nothing in an id
///   has a meaning. Until [`bind`](Self::bind) says which id that is, it matches nothing.
/// - Everything else stands for itself. `?`, `[`, `]`, `{`, `}`, `\`, `<` and `>` are refused, since
///   elsewhere they mean something.
///
/// Paths must be absolute; patterns have no `.`, `..` or empty segment, and what a component asks
/// for is freed of them first (see [`normalize_path`](crate::normalize_path)).
///
/// Network patterns are `HOST:PORT`. `PORT` is a number from 1 to 65 535 or `*`. `HOST` is `**` for
/// any host; a name, compared without regard to case; an IPv4 address, in which a group may be `*`
/// and the last `**`; an IPv6 address in brackets, written out by groups where it has a `*` or
/// `**`, as in `[2001:db8:**]`. Patterns of names do not match addresses.
///
/// A pattern has at most 1 024 bytes and 32 segments. Matching compares each segment of the pattern at
/// most once; those between two `**` at most once with each segment of the text.
///
/// ```
/// use limits_core::{Domain, Pattern};
///
/// let pattern = Pattern::new(Domain::Filesystem, "/app/<id>/*.txt")?.bind("word-count")?;
/// assert_eq!(pattern.matches("/app/word-count/a.txt"), Ok(true));
/// assert_eq!(pattern.matches("/app/word-count/../greet/a.txt"), Ok(false));
/// assert_eq!(pattern.matches("/app/word-count/deep/a.txt"), Ok(false));
/// # Ok::<(), limits_core::PatternError>(())
/// ```
#[derive(Clone)]
pub struct Pattern(Arc<Inner>);

struct Inner {
    domain: Domain,
    text: Box<str>,
    /// What stands in the place of `<id>`, if the text has one and it is known.
    id: Option<Box<str>>,
    compiled: Compiled,
}

enum Compiled {
    Segments(Box<[Segment]>),
    Endpoint(EndpointPattern),
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the text is no pattern of this domain.
    pub fn new(domain: Domain, text: &str) -> Result<Self, PatternError> {
        match compile(domain, text) {
            Ok(compiled) => {
                Ok(Self(Arc::new(Inner { domain, text: Box::from(text), id: None, compiled })))
            }
            Err(problem) => Err(PatternError::new(domain, text, problem)),
        }
    }

    /// Returns the domain.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.0.domain
    }

    /// Returns the pattern as it was written, with `<id>`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Tells whether the pattern has an `<id>`, bound or not.
    #[must_use]
    pub fn has_id(&self) -> bool {
        self.0.text.contains(ID)
    }

    /// Returns the pattern with `id` in the place of `<id>`; the same pattern if it has none, or
    /// another id already.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the pattern has an `<id>` and the id cannot be a part of one segment: it
    /// is empty, has a separator or a control character, is `.` or `..` in a path, or is no part of
    /// a host's name in lower case.
    pub fn bind(&self, id: &str) -> Result<Self, PatternError> {
        if !self.has_id() || self.0.id.is_some() {
            return Ok(self.clone());
        }
        let Inner { domain, text, .. } = &*self.0;
        if let Err(why) = id::check(*domain, id) {
            let problem = PatternProblem::Id { id: Box::from(id), why };
            return Err(PatternError::new(*domain, text, problem));
        }
        let compiled = match &self.0.compiled {
            Compiled::Segments(segments) => {
                Compiled::Segments(segments.iter().map(|segment| segment.bind(id)).collect())
            }
            Compiled::Endpoint(endpoint) => Compiled::Endpoint(endpoint.bind(id)),
        };
        let id = Some(Box::from(id));
        Ok(Self(Arc::new(Inner { domain: *domain, text: text.clone(), id, compiled })))
    }

    /// Tells whether a resource of the pattern's domain matches.
    ///
    /// # Errors
    ///
    /// [`ResourceError`] if the text names nothing in this domain.
    pub fn matches(&self, resource: &str) -> Result<bool, ResourceError> {
        Ok(self.matches_subject(&Subject::parse(self.0.domain, resource)?))
    }

    pub(super) fn matches_subject(&self, subject: &Subject<'_>) -> bool {
        match (&self.0.compiled, subject) {
            (Compiled::Segments(segments), Subject::Path(normal)) => {
                segment::matches(segments, path::segments(normal))
            }
            (Compiled::Segments(segments), Subject::Segments(text)) => {
                segment::matches(segments, text.clone())
            }
            (Compiled::Endpoint(pattern), Subject::Endpoint(endpoint)) => pattern.matches(endpoint),
            _ => false,
        }
    }

    /// Tells whether something has to be looked for between two `**`.
    pub(super) fn is_searching(&self) -> bool {
        match &self.0.compiled {
            Compiled::Segments(segments) => segment::is_searching(segments),
            Compiled::Endpoint(endpoint) => endpoint.is_searching(),
        }
    }

    fn key(&self) -> (Domain, &str, Option<&str>) {
        (self.0.domain, &self.0.text, self.0.id.as_deref())
    }
}

impl Eq for Pattern {}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl core::hash::Hash for Pattern {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (domain, text, id) = self.key();
        let mut shown = f.debug_struct("Pattern");
        shown.field("domain", &domain).field("text", &text).field("id", &id).finish()
    }
}

/// What a component asks for, in the shape that its domain matches.
pub(super) enum Subject<'t> {
    /// A normal path.
    Path(alloc::borrow::Cow<'t, str>),
    Segments(Segments<'t>),
    Endpoint(Endpoint<'t>),
}

impl<'t> Subject<'t> {
    pub(super) fn parse(domain: Domain, text: &'t str) -> Result<Self, ResourceError> {
        Ok(match domain {
            Domain::Filesystem => Self::Path(path::normalize_path(text)?),
            Domain::Network => Self::Endpoint(Endpoint::parse(text)?),
            Domain::Storage | Domain::Messaging => {
                Self::Segments(resource::segments(domain, text)?)
            }
        })
    }
}

fn compile(domain: Domain, text: &str) -> Result<Compiled, PatternProblem> {
    if text.is_empty() {
        return Err(PatternProblem::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(PatternProblem::TooLong { bytes: text.len(), most: MAX_BYTES });
    }
    if let Some(control) = text.chars().find(|letter| letter.is_control()) {
        return Err(PatternProblem::Reserved(control));
    }
    match domain {
        Domain::Filesystem if text == "**" => Ok(Compiled::Segments(Box::new([Segment::Cross]))),
        Domain::Network => EndpointPattern::compile(text).map(Compiled::Endpoint),
        Domain::Storage | Domain::Messaging => {
            compile_segments(domain, text).map(Compiled::Segments)
        }
        Domain::Filesystem => match text.strip_prefix('/') {
            None => Err(PatternProblem::Relative),
            Some("") => Ok(Compiled::Segments(Box::default())),
            Some(below_root) => compile_segments(domain, below_root).map(Compiled::Segments),
        },
    }
}

/// Compiles what stands between separators.
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
        } else if rest.starts_with(ID) {
            (Piece::Id, ID.len())
        } else {
            let end = rest.find(is_special).unwrap_or(rest.len());
            if end == 0 {
                return Err(refuse(letter, rest));
            }
            let mut text: Box<str> = Box::from(rest.get(..end).unwrap_or_default());
            if domain == Domain::Network {
                // Names of hosts are compared without regard to case; `<ID>` is no placeholder.
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

fn refuse(letter: char, rest: &str) -> PatternProblem {
    match rest.split_once('>') {
        Some((name, _)) if letter == '<' => {
            PatternProblem::Placeholder(Box::from(name.get(1..).unwrap_or_default()))
        }
        _ => PatternProblem::Reserved(letter),
    }
}

/// A text that is no pattern, or an id that does not fit into one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PatternError(Box<Fault>);

#[derive(Clone, Debug, Eq, PartialEq)]
struct Fault {
    domain: Domain,
    pattern: Box<str>,
    problem: PatternProblem,
}

impl PatternError {
    pub(super) fn new(domain: Domain, pattern: &str, problem: PatternProblem) -> Self {
        Self(Box::new(Fault { domain, pattern: Box::from(pattern), problem }))
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

    /// Returns what is wrong.
    #[must_use]
    pub fn problem(&self) -> &PatternProblem {
        &self.0.problem
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { domain, pattern, problem } = &*self.0;
        write!(f, "{domain} pattern `{}` refused: {problem}", quoted(pattern))
    }
}

impl Error for PatternError {}

/// What is wrong with a pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PatternProblem {
    /// An address is ill-formed.
    Address,
    /// `**` is only a part of a segment.
    Cross,
    /// A path has a `.` or `..`.
    Dots,
    /// It is empty.
    Empty,
    /// There is nothing between two separators, or at an end.
    EmptySegment,
    /// The host is neither a name nor an address.
    Host,
    /// This id cannot stand for `<id>`.
    Id {
        /// The id.
        id: Box<str>,
        /// What is wrong with it.
        why: IdProblem,
    },
    /// `<` and `>` enclose something else than `id`.
    Placeholder(Box<str>),
    /// There is no port, or one out of range.
    Port,
    /// A path does not begin with `/`.
    Relative,
    /// A character that has no meaning here, but has one in other pattern languages.
    Reserved(char),
    /// It is too long, in bytes.
    TooLong {
        /// How long it is.
        bytes: usize,
        /// The most that is allowed.
        most: usize,
    },
    /// The set has as many patterns for this permission as it can hold.
    TooManyPatterns {
        /// The most that are allowed.
        most: usize,
    },
    /// The set has as many patterns with two or more `**` for this permission as it can hold.
    TooManySearching {
        /// The most that are allowed.
        most: usize,
    },
    /// It has too many segments.
    TooManySegments {
        /// How many it has.
        segments: usize,
        /// The most that are allowed.
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
            Self::Empty => f.write_str("it is empty"),
            Self::EmptySegment => f.write_str("a segment is empty"),
            Self::Host => f.write_str(
                "the host is neither a name nor an address: expected letters, digits, `-`, `_`, \
                 `*` and `<id>` between dots",
            ),
            Self::Id { id, why } => {
                write!(f, "the id `{}` cannot stand for `<id>`: {why}", quoted(id))
            }
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
                write!(f, "it has {bytes} bytes, the most is {most}")
            }
            Self::TooManyPatterns { most } => {
                write!(
                    f,
                    "there are already {most} patterns for this permission, the most there can be"
                )
            }
            Self::TooManySearching { most } => {
                write!(
                    f,
                    "there are already {most} patterns with two or more `**` for this permission, \
                     the most there can be"
                )
            }
            Self::TooManySegments { segments, most } => {
                write!(f, "it has {segments} segments, the most is {most}")
            }
        }
    }
}
