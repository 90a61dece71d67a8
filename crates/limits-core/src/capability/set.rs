//! The capabilities of one component.

mod directories;
mod network;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::decision::{Decision, Denial, Refusal};
use super::domain::Domain;
use super::endpoint::Endpoint;
use super::extent::Extent;
use super::pattern::{Pattern, Subject};
use super::pattern_error::PatternError;
use super::permission::Permission;
use super::resource::ResourceError;
use super::rules::{self, Rules};

/// The capabilities of one component: patterns by permission. A request that no pattern matches is
/// denied.
///
/// A set may be [restricted by](Self::restricted_by) others, such as that of a component's file by
/// those of an operator's policy. It then has one list of patterns of its own and one of each
/// restriction, and a request is allowed when a pattern of every list matches it. Patterns of
/// different lists are not compared with each other. What lists, counts or changes patterns is
/// about the set's own; [`restrictions`](Self::restrictions) returns the others.
///
/// A clone shares its patterns with the original until one of the two changes. Sets are equal if
/// they have the same patterns, in any order of granting, are both the operator's or both not, and
/// have equal restrictions under the same names in the same order.
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
    own: Rules,
    /// Whether the set's own patterns are the operator's. Restrictions are in any case.
    by_operator: bool,
    /// A thin pointer: hosts keep a set for each of very many components.
    restrictions: Option<Arc<Vec<Restriction>>>,
}

/// A further list, of which a pattern must match as well.
#[derive(Clone, Eq, Hash, PartialEq)]
struct Restriction {
    name: Arc<str>,
    rules: Rules,
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

    /// Grants a permission for the resources that `pattern` matches, as far as the restrictions
    /// allow them too. A repeated grant has no effect.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the text is not a pattern of the permission's domain, or if the
    /// permission has 256 patterns already, or 16 with two or more `**` and this is another. The
    /// set is unchanged.
    pub fn grant(&mut self, permission: Permission, pattern: &str) -> Result<(), PatternError> {
        self.own.grant(permission, pattern)
    }

    /// Marks the set's own patterns as the operator's, who alone gives access to
    /// [special addresses](crate::special_address). Never for a set that came with a component.
    ///
    /// The patterns of restrictions are the operator's in any case.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, Permission};
    ///
    /// let connect = Permission::NetworkConnect;
    /// let set = CapabilitySet::builder().grant(connect, "10.0.0.0/8:443").build()?;
    /// assert!(set.clone().by_operator().check(connect, "10.0.0.5:443").is_allowed());
    /// assert_eq!(
    ///     set.check(connect, "10.0.0.5:443").to_string(),
    ///     "network.connect of `10.0.0.5:443` denied: 10.0.0.5 is private, \
    ///      and no address or CIDR of the operator's policy covers it"
    /// );
    /// # Ok::<(), limits_core::PatternError>(())
    /// ```
    #[must_use]
    pub fn by_operator(mut self) -> Self {
        self.by_operator = true;
        self
    }

    /// Keeps those of its own patterns for which `is_kept` returns true. Calls it once for each.
    pub fn retain(&mut self, is_kept: impl FnMut(Permission, &Pattern) -> bool) {
        self.own.retain(is_kept);
    }

    /// Restricts the set: a request is then allowed only if `other` allows it as well. The patterns
    /// of `other` are taken for the [operator's](Self::by_operator).
    ///
    /// `name` is the file or the table that the patterns of `other` come from, and denials show it.
    /// Restrictions of `other` become restrictions of this set under their own names. A check asks
    /// the set's own patterns first, then each restriction in turn, so its cost grows with their
    /// number.
    ///
    /// ```
    /// use limits_core::{CapabilitySet, Permission};
    ///
    /// let read = Permission::FilesystemRead;
    /// let asked = CapabilitySet::builder().grant(read, "**").build()?;
    /// let ceiling = CapabilitySet::builder().grant(read, "/app/*").build()?;
    /// let set = asked.restricted_by("policy.toml [ceiling]", &ceiling);
    ///
    /// assert!(set.check(read, "/app/data").is_allowed());
    /// assert_eq!(
    ///     set.check(read, "/etc/passwd").to_string(),
    ///     "filesystem.read of `/etc/passwd` denied: \
    ///      no pattern of policy.toml [ceiling] matches (1 checked)"
    /// );
    /// # Ok::<(), limits_core::PatternError>(())
    /// ```
    #[must_use]
    pub fn restricted_by(mut self, name: impl Into<Arc<str>>, other: &Self) -> Self {
        let further = Restriction { name: name.into(), rules: other.own.clone() };
        let mut all = self.restricting().to_vec();
        all.push(further);
        all.extend_from_slice(other.restricting());
        self.restrictions = Some(Arc::new(all));
        self
    }

    /// Returns the restrictions with their names, in the order in which they are asked. Each has
    /// patterns of its own and no restrictions.
    pub fn restrictions(&self) -> impl Iterator<Item = (&str, Self)> {
        self.restricting().iter().map(|restriction| {
            let own = restriction.rules.clone();
            let set = Self { own, by_operator: true, restrictions: None };
            (&*restriction.name, set)
        })
    }

    fn restricting(&self) -> &[Restriction] {
        self.restrictions.as_ref().map_or(&[], |all| all.as_slice())
    }

    /// Decides one request of the component.
    ///
    /// The resource is an absolute path, `HOST:PORT`, a key or a topic, by the permission's domain.
    /// Paths are normalised first; the host must then open the result of [`normalize_path`].
    /// A `HOST` that is an address is judged as by [`check_target`](Self::check_target); of a name,
    /// no address is known, and the host must ask for it.
    ///
    /// [`normalize_path`]: crate::normalize_path
    pub fn check<'a>(&'a self, permission: Permission, resource: &'a str) -> Decision<'a> {
        let result = match permission.domain() {
            Domain::Network => self.ask_endpoint(permission, || Endpoint::parse(resource)),
            domain => {
                let subject = || Subject::parse(domain, resource);
                self.ask(permission, subject, Pattern::matches_subject)
            }
        };
        Decision::new(permission, Extent::Itself, resource, result)
    }

    /// Asks each list for a pattern that allows a request, and returns the set's own.
    fn ask<S>(
        &self,
        permission: Permission,
        subject: impl FnOnce() -> Result<S, ResourceError>,
        allows: impl Fn(&Pattern, &S) -> bool,
    ) -> Result<&Pattern, Refusal<'_>> {
        let own = self.granted(permission)?;
        // Not `map_err`, which would move the subject once more.
        let subject = match subject() {
            Ok(subject) => subject,
            Err(error) => return Err(Refusal::own(Denial::InvalidResource(error))),
        };
        self.find(own, permission, |pattern| allows(pattern, &subject))
    }

    /// Returns the set's own patterns of a permission, if there are any.
    fn granted(&self, permission: Permission) -> Result<&[(Permission, Pattern)], Refusal<'_>> {
        let own = self.own.of(permission);
        if own.is_empty() { Err(Refusal::own(Denial::NothingGranted)) } else { Ok(own) }
    }

    /// Asks its own patterns, and those of each restriction.
    fn find<'a>(
        &'a self,
        own: &'a [(Permission, Pattern)],
        permission: Permission,
        allows: impl Fn(&Pattern) -> bool,
    ) -> Result<&'a Pattern, Refusal<'a>> {
        let rule = rules::find(own, &allows).map_err(Refusal::own)?;
        for Restriction { name, rules } in self.restricting() {
            rules::find(rules.of(permission), &allows)
                .map_err(|denial| Refusal::by(name, denial))?;
        }
        Ok(rule)
    }

    /// Returns the set with `id` in the place of every `<id>`, in its restrictions as well.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if the id does not fit into one of the patterns, see [`Pattern::bind`].
    pub fn bind(&self, id: &str) -> Result<Self, PatternError> {
        let bind = |restriction: &Restriction| {
            let name = Arc::clone(&restriction.name);
            Ok(Restriction { name, rules: restriction.rules.bind(id)? })
        };
        let own = self.own.bind(id)?;
        let Some(restrictions) = &self.restrictions else {
            return Ok(Self { own, by_operator: self.by_operator, restrictions: None });
        };
        let bound = restrictions.iter().map(bind).collect::<Result<_, PatternError>>()?;
        let restrictions = Some(Arc::new(bound));
        Ok(Self { own, by_operator: self.by_operator, restrictions })
    }

    /// Returns all patterns of its own, by permission.
    pub fn iter(&self) -> impl Iterator<Item = (Permission, &Pattern)> {
        self.own.all().iter().map(|(permission, pattern)| (*permission, pattern))
    }

    /// Returns its own patterns of one permission.
    pub fn patterns(&self, permission: Permission) -> impl Iterator<Item = &Pattern> {
        self.own.of(permission).iter().map(|(_, pattern)| pattern)
    }

    /// Returns the number of its own patterns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.all().len()
    }

    /// Returns whether the set has no patterns of its own, and so allows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.all().is_empty()
    }
}

/// Shows the patterns as a list, and those of a set with restrictions beside them.
impl fmt::Debug for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(restrictions) = &self.restrictions else {
            return f.debug_list().entries(self.own.all()).finish();
        };
        let mut shown = f.debug_struct("CapabilitySet");
        shown.field("patterns", &self.own.all()).field("restrictions", restrictions).finish()
    }
}

impl fmt::Debug for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entry(&self.name, &self.rules.all()).finish()
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
