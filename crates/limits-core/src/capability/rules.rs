//! The patterns of one list, by permission.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::decision::Denial;
use super::pattern::Pattern;
use super::pattern_error::{PatternError, PatternProblem};
use super::permission::Permission;

/// The most patterns of one permission.
const MAX_PATTERNS: usize = 256;
/// The most of them that have two or more `**`, since those search during a host call.
const MAX_SEARCHING: usize = 16;

/// Patterns by permission: sorted, none twice. A clone shares them.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Rules(Arc<Vec<(Permission, Pattern)>>);

impl Rules {
    /// Adds a pattern, unless it is there.
    pub(super) fn grant(
        &mut self,
        permission: Permission,
        pattern: &str,
    ) -> Result<(), PatternError> {
        let rule = (permission, Pattern::new(permission.domain(), pattern)?);
        let Err(place) = self.0.binary_search(&rule) else { return Ok(()) };
        if let Some(problem) = self.overflow(&rule) {
            return Err(PatternError::new(permission.domain(), rule.1.as_str(), problem));
        }
        Arc::make_mut(&mut self.0).insert(place, rule);
        Ok(())
    }

    /// Returns the problem if one more pattern of a permission is too many.
    fn overflow(&self, (permission, pattern): &(Permission, Pattern)) -> Option<PatternProblem> {
        let patterns = self.of(*permission);
        if patterns.len() >= MAX_PATTERNS {
            return Some(PatternProblem::TooManyPatterns { most: MAX_PATTERNS });
        }
        let searching = || patterns.iter().filter(|(_, pattern)| pattern.is_searching()).count();
        let is_too_many = pattern.is_searching() && searching() >= MAX_SEARCHING;
        is_too_many.then_some(PatternProblem::TooManySearching { most: MAX_SEARCHING })
    }

    pub(super) fn retain(&mut self, mut is_kept: impl FnMut(Permission, &Pattern) -> bool) {
        let rules = self.0.iter().filter(|(permission, pattern)| is_kept(*permission, pattern));
        let kept: Vec<_> = rules.cloned().collect();
        if kept.len() < self.0.len() {
            self.0 = Arc::new(kept);
        }
    }

    /// Puts `id` in the place of every `<id>`.
    pub(super) fn bind(&self, id: &str) -> Result<Self, PatternError> {
        if !self.0.iter().any(|(_, pattern)| pattern.has_id()) {
            return Ok(self.clone());
        }
        let bound = self.0.iter().map(|(permission, pattern)| Ok((*permission, pattern.bind(id)?)));
        let mut rules = bound.collect::<Result<Vec<_>, PatternError>>()?;
        rules.sort_unstable();
        Ok(Self(Arc::new(rules)))
    }

    pub(super) fn all(&self) -> &[(Permission, Pattern)] {
        &self.0
    }

    /// Returns the patterns of one permission.
    pub(super) fn of(&self, permission: Permission) -> &[(Permission, Pattern)] {
        let start = self.0.partition_point(|(other, _)| *other < permission);
        let rest = self.0.get(start..).unwrap_or_default();
        let length = rest.partition_point(|(other, _)| *other == permission);
        rest.get(..length).unwrap_or_default()
    }
}

/// Returns the first of the patterns of a permission that allows a request.
pub(super) fn find(
    rules: &[(Permission, Pattern)],
    allows: impl Fn(&Pattern) -> bool,
) -> Result<&Pattern, Denial> {
    match rules.iter().map(|(_, pattern)| pattern).find(|pattern| allows(pattern)) {
        Some(pattern) => Ok(pattern),
        None if rules.is_empty() => Err(Denial::NothingGranted),
        None => Err(Denial::NoMatch { patterns: rules.len() }),
    }
}
