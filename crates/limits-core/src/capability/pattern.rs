//! Compiled patterns and the resources that they match.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::IpAddr;

use super::domain::Domain;
use super::endpoint::{Endpoint, EndpointPattern};
use super::id;
use super::path;
use super::pattern_error::{PatternError, PatternProblem};
use super::resource::{self, ResourceError};
use super::segment::{self, Segment, Segments};
use super::segment_compiler::{ID_PLACEHOLDER, compile_segments};

/// The longest pattern, in bytes.
const MAX_BYTES: usize = 1_024;

/// A compiled pattern of one [`Domain`].
///
/// - `*` matches any characters within one segment. `/` separates segments in paths, `.` in hosts
///   and topics, `:` in storage keys. A segment is never empty.
/// - `**` is a whole segment and matches any number of segments: at least one at an end of the
///   pattern, also none between two segments. The root of a path counts as a segment, so `/**/x`
///   matches `/x`, and `/app/**` does not match `/app`.
/// - `**` alone matches the whole domain: any path, any host with any port.
/// - `<id>` matches the id of the requesting component, character by character: no character of an
///   id is special. It matches nothing until [`bind`](Self::bind) sets the id.
/// - All other characters match themselves. `?`, `[`, `]`, `{`, `}`, `\`, `<` and `>` are refused,
///   since other pattern languages give them a meaning.
///
/// Path patterns are absolute, without `.`, `..` and empty segments; requested paths are normalised
/// before they are matched (see [`normalize_path`](crate::normalize_path)).
///
/// Network patterns are `HOST:PORT`. `PORT` is a number from 1 to 65 535 or `*`. `HOST` is `**` for
/// any host; a name, compared without regard to case; an IPv4 address or network (CIDR), such as
/// `10.0.0.0/8`, or an address in which a group is `*` or the last is `**`; or the same of IPv6 in
/// brackets, such as `[2001:db8::/32]`, with all groups written out if it has a `*` or `**`, as in
/// `[2001:db8:**]`. Patterns of names do not match addresses. An IPv6 address that stands for an
/// IPv4 address is matched as that one, see [`special_address`](crate::special_address). Sets allow
/// less than their patterns match, see [`CapabilitySet::check_target`].
///
/// [`CapabilitySet::check_target`]: crate::CapabilitySet::check_target
///
/// A pattern has at most 1 024 bytes and 32 segments. Matching compares each segment of the pattern
/// once, and a segment between two `**` at most once with each segment of the text.
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
    /// The id in the place of `<id>`, once bound.
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
    /// [`PatternError`] if the text is not a pattern of this domain.
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

    /// Returns the pattern's text, with `<id>`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Returns whether the pattern has an `<id>`, bound or not.
    #[must_use]
    pub fn has_id(&self) -> bool {
        self.0.text.contains(ID_PLACEHOLDER)
    }

    /// Returns the pattern with `id` in the place of `<id>`; the same pattern if it has no `<id>`
    /// or is already bound.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the pattern has an `<id>` and the id cannot be a part of one segment: it
    /// is empty, has a separator or a control character, is `.` or `..` in a path, or is not a part
    /// of a host name in lower case.
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

    /// Returns whether a resource of the pattern's domain matches.
    ///
    /// # Errors
    ///
    /// [`ResourceError`] if the text is not a resource of this domain.
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

    /// Returns whether a host and port match.
    pub(super) fn matches_endpoint(&self, endpoint: &Endpoint<'_>) -> bool {
        matches!(&self.0.compiled, Compiled::Endpoint(pattern) if pattern.matches(endpoint))
    }

    /// Returns whether it is a literal address or a network, and this address in it.
    pub(super) fn covers(&self, address: IpAddr, port: Option<u16>) -> bool {
        matches!(&self.0.compiled, Compiled::Endpoint(pattern) if pattern.covers(address, port))
    }

    /// Returns whether a normalised path matches.
    pub(super) fn matches_path(&self, path: &str) -> bool {
        let segments = self.segments();
        segments.is_some_and(|segments| segment::matches(segments, path::segments(path)))
    }

    /// Returns whether a normalised path, or one below it, could match.
    pub(super) fn matches_at_or_below(&self, path: &str) -> bool {
        let segments = self.segments();
        segments.is_some_and(|segments| segment::could_match(segments, path::segments(path)))
    }

    /// Returns whether a normalised path matches, and every path below it.
    pub(super) fn matches_all_from(&self, path: &str) -> bool {
        self.segments().is_some_and(segment::is_open_at_end) && self.matches_path(path)
    }

    fn segments(&self) -> Option<&[Segment]> {
        match &self.0.compiled {
            Compiled::Segments(segments) => Some(segments),
            Compiled::Endpoint(_) => None,
        }
    }

    /// Returns whether matching searches between two `**`.
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
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
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

/// A requested resource, parsed for its domain.
pub(super) enum Subject<'t> {
    /// A normalised path.
    Path(Cow<'t, str>),
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
