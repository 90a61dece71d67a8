//! `[capabilities]`: patterns of the resources that a component may access, by permission.
//!
//! The tables and their keys are the domains and actions of [`Permission`].

use core::fmt;
use std::sync::LazyLock;

use limits_core::{CapabilitySet, Permission};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap as _, Serializer};

use crate::toml::known_name::KnownName;
use crate::toml::shown::quoted;

/// The table of one domain.
pub(crate) struct DomainTable {
    pub(crate) name: &'static str,
    pub(crate) permissions: Vec<Permission>,
    /// The names of the permissions in the table.
    pub(crate) actions: Vec<&'static str>,
}

static DOMAINS: LazyLock<Vec<DomainTable>> = LazyLock::new(|| {
    let mut domains: Vec<DomainTable> = Vec::new();
    for permission in Permission::ALL.iter().copied() {
        let (name, action) = permission.as_str().split_once('.').unwrap_or_default();
        if domains.last().is_none_or(|last| last.name != name) {
            domains.push(DomainTable { name, permissions: Vec::new(), actions: Vec::new() });
        }
        if let Some(domain) = domains.last_mut() {
            domain.permissions.push(permission);
            domain.actions.push(action);
        }
    }
    domains
});

static NAMES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| DOMAINS.iter().map(|domain| domain.name).collect());

/// Returns the tables of all domains.
#[cfg(any(test, feature = "schema"))]
pub(crate) fn domains() -> &'static [DomainTable] {
    &DOMAINS
}

/// Reads the table. Each pattern is compiled as it is read.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<CapabilitySet, D::Error> {
    let mut set = CapabilitySet::new();
    d.deserialize_struct("capabilities", &NAMES, AllDomains { set: &mut set })?;
    Ok(set)
}

/// Reads a table that the policy may leave out.
pub(crate) fn some<'de, D: Deserializer<'de>>(d: D) -> Result<Option<CapabilitySet>, D::Error> {
    deserialize(d).map(Some)
}

struct AllDomains<'s> {
    set: &'s mut CapabilitySet,
}

impl<'de> Visitor<'de> for AllDomains<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of domains")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(index) = entries.next_key_seed(KnownName(&NAMES))? {
            let Some(domain) = DOMAINS.get(index) else { continue };
            entries.next_value_seed(OneDomain { domain, set: &mut *self.set })?;
        }
        Ok(())
    }
}

struct OneDomain<'s> {
    domain: &'static DomainTable,
    set: &'s mut CapabilitySet,
}

impl<'de> DeserializeSeed<'de> for OneDomain<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_struct(self.domain.name, &self.domain.actions, self)
    }
}

impl<'de> Visitor<'de> for OneDomain<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a table of {} permissions", self.domain.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(index) = entries.next_key_seed(KnownName(&self.domain.actions))? {
            let Some(permission) = self.domain.permissions.get(index).copied() else { continue };
            entries.next_value_seed(Patterns { permission, set: &mut *self.set })?;
        }
        Ok(())
    }
}

/// Reads the patterns of one permission.
struct Patterns<'s> {
    permission: Permission,
    set: &'s mut CapabilitySet,
}

impl<'de> DeserializeSeed<'de> for Patterns<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Patterns<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of patterns, such as [\"/app/data/**\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut patterns: A) -> Result<(), A::Error> {
        let permission = self.permission;
        while let Some(()) =
            patterns.next_element_seed(OnePattern { permission, set: &mut *self.set })?
        {}
        Ok(())
    }
}

/// Reads one pattern into the set of those before it, so that an error points at the pattern that
/// is too many, or at the second of two equal ones.
struct OnePattern<'s> {
    permission: Permission,
    set: &'s mut CapabilitySet,
}

impl<'de> DeserializeSeed<'de> for OnePattern<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for OnePattern<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern in quotes")
    }

    fn visit_str<E: Error>(self, pattern: &str) -> Result<(), E> {
        if pattern.is_empty() {
            return Err(E::custom("a pattern cannot be empty"));
        }
        let shown = quoted(pattern);
        // Such a pattern matches nothing. Other hidden characters are part of real file names.
        if pattern.contains(char::is_control) {
            return Err(E::custom(format!("the pattern `{shown}` has a control character")));
        }
        let before = self.set.len();
        if let Err(error) = self.set.grant(self.permission, pattern) {
            let problem = error.problem();
            return Err(E::custom(format!("the pattern `{shown}` is refused: {problem}")));
        }
        if self.set.len() == before {
            return Err(E::custom(format!("the pattern `{shown}` is listed twice")));
        }
        Ok(())
    }
}

/// Writes the table with those permissions that have patterns. A table has no place for
/// restrictions, and without them it would allow more.
pub(crate) fn serialize<S: Serializer>(set: &CapabilitySet, s: S) -> Result<S::Ok, S::Error> {
    if set.restrictions().next().is_some() {
        return Err(S::Error::custom("capabilities with restrictions are more than one table"));
    }
    let is_granted = |permission: &Permission| set.patterns(*permission).next().is_some();
    let mut map = s.serialize_map(None)?;
    for domain in DOMAINS.iter().filter(|domain| domain.permissions.iter().any(is_granted)) {
        map.serialize_entry(domain.name, &WrittenDomain { domain, set })?;
    }
    map.end()
}

struct WrittenDomain<'s> {
    domain: &'static DomainTable,
    set: &'s CapabilitySet,
}

impl Serialize for WrittenDomain<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let patterns = |permission| -> Vec<&str> {
            self.set.patterns(permission).map(|pattern| pattern.as_str()).collect()
        };
        let lists = self.domain.permissions.iter().map(|permission| patterns(*permission));
        let entries = self.domain.actions.iter().zip(lists);
        s.collect_map(entries.filter(|(_, patterns)| !patterns.is_empty()))
    }
}
