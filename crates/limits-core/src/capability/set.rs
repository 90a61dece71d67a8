//! The capabilities of one component.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::decision::{Decision, Denial};
use super::pattern::{Pattern, Subject};
use super::pattern_error::{PatternError, PatternProblem};
use super::permission::Permission;

/// The most patterns of one permission.
const MAX_PATTERNS: usize = 256;
/// The most of them that have two or more `**`, since those search during a host call.
const MAX_SEARCHING: usize = 16;

/// The capabilities of one component: patterns by permission. A request that no pattern matches is
/// denied.
///
/// A clone shares its patterns with the original until one of the two changes. Sets with the same
/// patterns are equal, in any order of granting.
///
/// ```
/// use limits_core::{CapabilitySet, Permission};
///
/// let set = CapabilitySet::builder()
///     .grant(Permission::FilesystemRead, "/app/data/**")
///     .grant(Permission::NetworkConnect, "*.example.com:443")
///     .build()?;
///
/// let decision = set.check(Permission::FilesystemRead, "/app/data/a/b");
/// assert!(decision.is_allowed());
/// assert_eq!(decision.rule().map(ToString::to_string).as_deref(), Some("/app/data/**"));
///
/// let decision = set.check(Permission::FilesystemRead, "/app/data/../../etc/passwd");
/// assert_eq!(
///     decision.to_string(),
///     "filesystem.read of `/app/data/../../etc/passwd` denied: \
///      no granted pattern matches (1 checked)"
/// );
/// # Ok::<(), limits_core::PatternError>(())
/// ```
#[derive(Clone, Default, Eq, Hash, PartialEq)]
pub struct CapabilitySet {
    /// Sorted, none twice.
    rules: Arc<Vec<(Permission, Pattern)>>,
}

impl CapabilitySet {
    /// Returns a set that allows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a builder.
    pub fn builder() -> CapabilitySetBuilder {
        CapabilitySetBuilder { set: Ok(Self::new()) }
    }

    /// Grants a permission for the resources that `pattern` matches. A repeated grant has no
    /// effect.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the text is not a pattern of the permission's domain, or if the
    /// permission has 256 patterns already, or 16 with two or more `**` and this is another. The
    /// set is unchanged.
    pub fn grant(&mut self, permission: Permission, pattern: &str) -> Result<(), PatternError> {
        let rule = (permission, Pattern::new(permission.domain(), pattern)?);
        let Err(place) = self.rules.binary_search(&rule) else { return Ok(()) };
        if let Some(problem) = self.overflow(&rule) {
            return Err(PatternError::new(permission.domain(), rule.1.as_str(), problem));
        }
        Arc::make_mut(&mut self.rules).insert(place, rule);
        Ok(())
    }

    /// Keeps the patterns for which `is_kept` returns true. Calls it once for each.
    pub fn retain(&mut self, mut is_kept: impl FnMut(Permission, &Pattern) -> bool) {
        let rules = self.rules.iter().filter(|(permission, pattern)| is_kept(*permission, pattern));
        let kept: Vec<_> = rules.cloned().collect();
        if kept.len() < self.len() {
            self.rules = Arc::new(kept);
        }
    }

    /// Returns the problem if one more pattern of a permission is too many.
    fn overflow(&self, (permission, pattern): &(Permission, Pattern)) -> Option<PatternProblem> {
        let patterns = self.range(*permission);
        if patterns.len() >= MAX_PATTERNS {
            return Some(PatternProblem::TooManyPatterns { most: MAX_PATTERNS });
        }
        let searching = || patterns.iter().filter(|(_, pattern)| pattern.is_searching()).count();
        let is_too_many = pattern.is_searching() && searching() >= MAX_SEARCHING;
        is_too_many.then_some(PatternProblem::TooManySearching { most: MAX_SEARCHING })
    }

    /// Decides one request of the component.
    ///
    /// The resource is an absolute path, `HOST:PORT`, a key or a topic, by the permission's domain.
    /// Paths are normalised first; the host must then open the result of [`normalize_path`].
    ///
    /// [`normalize_path`]: crate::normalize_path
    pub fn check<'a>(&'a self, permission: Permission, resource: &'a str) -> Decision<'a> {
        let rules = self.range(permission);
        let verdict = if rules.is_empty() {
            Err(Denial::NothingGranted)
        } else {
            match Subject::parse(permission.domain(), resource) {
                Ok(subject) => rules
                    .iter()
                    .map(|(_, pattern)| pattern)
                    .find(|pattern| pattern.matches_subject(&subject))
                    .ok_or(Denial::NoMatch { patterns: rules.len() }),
                Err(error) => Err(Denial::InvalidResource(error)),
            }
        };
        Decision::new(permission, resource, verdict)
    }

    /// Returns the set with `id` in the place of every `<id>`.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the id does not fit into one of the patterns, see [`Pattern::bind`].
    pub fn bind(&self, id: &str) -> Result<Self, PatternError> {
        if !self.rules.iter().any(|(_, pattern)| pattern.has_id()) {
            return Ok(self.clone());
        }
        let bound =
            self.rules.iter().map(|(permission, pattern)| Ok((*permission, pattern.bind(id)?)));
        let mut rules = bound.collect::<Result<Vec<_>, PatternError>>()?;
        rules.sort_unstable();
        Ok(Self { rules: Arc::new(rules) })
    }

    /// Returns all patterns, by permission.
    pub fn iter(&self) -> impl Iterator<Item = (Permission, &Pattern)> {
        self.rules.iter().map(|(permission, pattern)| (*permission, pattern))
    }

    /// Returns the patterns of one permission.
    pub fn patterns(&self, permission: Permission) -> impl Iterator<Item = &Pattern> {
        self.range(permission).iter().map(|(_, pattern)| pattern)
    }

    /// Returns the number of patterns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Returns whether the set allows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn range(&self, permission: Permission) -> &[(Permission, Pattern)] {
        let start = self.rules.partition_point(|(other, _)| *other < permission);
        let rest = self.rules.get(start..).unwrap_or_default();
        let length = rest.partition_point(|(other, _)| *other == permission);
        rest.get(..length).unwrap_or_default()
    }
}

impl fmt::Debug for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Builds a [`CapabilitySet`].
#[derive(Clone, Debug)]
#[must_use = "a builder has no effect until it is built"]
pub struct CapabilitySetBuilder {
    set: Result<CapabilitySet, PatternError>,
}

impl CapabilitySetBuilder {
    /// Grants a permission for the resources that `pattern` matches.
    pub fn grant(mut self, permission: Permission, pattern: &str) -> Self {
        if let Ok(set) = &mut self.set
            && let Err(error) = set.grant(permission, pattern)
        {
            self.set = Err(error);
        }
        self
    }

    /// Returns the set.
    ///
    /// # Errors
    ///
    /// The first [`PatternError`] met.
    pub fn build(self) -> Result<CapabilitySet, PatternError> {
        self.set
    }
}
