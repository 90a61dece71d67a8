//! Refusals of permissions, each with the line that would grant it.

use std::borrow::Cow;

use limits_core::{CapabilitySet, Domain, Extent, Pattern, Permission, normalize_path};
use serde::Serialize;

use crate::guest::account::RunAccount;
use crate::guest::endpoint;
use crate::guest::path_tree::is_literal;
use crate::guest::refusal_log::Refused;
use crate::quote::quoted;
use crate::units::times;

/// The table of the component's own file.
const OWN_TABLE: &str = "Component.toml [capabilities]";
/// The table of a policy that holds for every component.
const CEILING: &str = "policy.toml [ceiling]";
/// The key of capabilities in a table of the policy.
const OF_POLICY: &str = "capabilities.";

/// The refusals of one permission. The fields are the keys of the JSON.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Refusal {
    permission: &'static str,
    count: u64,
    /// The resource of the last one.
    last: String,
    /// The table that refused it.
    table: String,
    /// The line of that table that grants it; none if no pattern can.
    line: Option<String>,
    /// The reason, if it is not that no pattern matches.
    #[serde(skip)]
    why: Option<String>,
}

/// Describes the refusals of a component, whose capabilities are those of its file under the
/// policy.
pub(crate) fn refusals(account: &RunAccount, capabilities: &CapabilitySet) -> Vec<Refusal> {
    let refused = account.refused().into_iter();
    refused.map(|(permission, refused)| Refusal::new(permission, refused, capabilities)).collect()
}

impl Refusal {
    /// Describes the refusals of a permission by `capabilities`, those of the component's file
    /// under the policy.
    pub(crate) fn new(
        permission: Permission,
        refused: Refused,
        capabilities: &CapabilitySet,
    ) -> Self {
        let Refused { count, resource, extent, by, special } = refused;
        let (table, line) = match special {
            None => {
                let grant = pattern(permission, &resource, extent).and_then(|pattern| {
                    Grant::new(permission, &pattern, by.as_deref(), capabilities)
                });
                (by.unwrap_or_else(|| String::from(OWN_TABLE)), grant.map(|grant| grant.line))
            }
            Some((address, _)) => {
                let pattern = endpoint::literal(address, &resource, extent);
                let Grant { table, line } =
                    Grant::by_policy(permission, pattern.as_deref(), capabilities);
                (table, pattern.is_some().then_some(line))
            }
        };
        Self {
            permission: permission.as_str(),
            count,
            last: normalized(permission, &resource).unwrap_or(resource),
            table,
            line,
            why: special.map(|(address, purpose)| format!("{address} is {purpose}")),
        }
    }

    /// Returns whether the component's own file grants what was refused last.
    pub(crate) fn is_by_policy(&self) -> bool {
        self.table != OWN_TABLE
    }

    /// Returns the refusals in one line.
    pub(crate) fn text(&self) -> String {
        let Self { permission, count, last, table, line, why } = self;
        let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let what = format!("{permission} of `{}` {}{why}", quoted(last), times(*count));
        match line {
            Some(line) => format!("{what}; {table} needs: {line}"),
            None => format!("{what} by {table}; no pattern can grant it"),
        }
    }
}

/// A line that grants a permission, and the table in which it is missing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Grant {
    pub(crate) table: String,
    pub(crate) line: String,
}

impl Grant {
    /// Returns the line of a table, with the patterns that it has already: the table `by` of the
    /// policy, or else the component's own. None if `pattern` is none.
    pub(crate) fn new(
        permission: Permission,
        pattern: &str,
        by: Option<&str>,
        capabilities: &CapabilitySet,
    ) -> Option<Self> {
        Pattern::new(permission.domain(), pattern).ok()?;
        let restriction = by.and_then(|by| {
            capabilities.restrictions().find(|(name, _)| *name == by).map(|(_, set)| set)
        });
        let listed = restriction.as_ref().unwrap_or(capabilities);
        let table = by.map_or_else(|| String::from(OWN_TABLE), String::from);
        let key = if by.is_some() { OF_POLICY } else { "" };
        Some(Self { table, line: line(key, permission, listed, Some(pattern)) })
    }

    /// Returns the line of the policy with `pattern`. A policy that lists no capabilities would
    /// allow nothing else with that, so the line has the patterns of the component's file as well.
    fn by_policy(
        permission: Permission,
        pattern: Option<&str>,
        capabilities: &CapabilitySet,
    ) -> Self {
        let restriction = capabilities.restrictions().next();
        let (table, listed) = match &restriction {
            Some((name, listed)) => (*name, listed),
            None => (CEILING, capabilities),
        };
        let line = line(OF_POLICY, permission, listed, pattern);
        Self { table: String::from(table), line }
    }
}

/// Writes a line of patterns: those that are listed, and one more.
fn line(
    key: &str,
    permission: Permission,
    listed: &CapabilitySet,
    pattern: Option<&str>,
) -> String {
    let patterns = listed.patterns(permission).map(Pattern::as_str).chain(pattern);
    let patterns: Vec<String> =
        patterns.filter_map(|one| serde_json::to_string(one).ok()).collect();
    format!("{key}{permission} = [{}]", patterns.join(", "))
}

/// Returns the narrowest pattern that grants a request; none if the resource is not a text that a
/// pattern can have.
fn pattern(permission: Permission, resource: &str, extent: Extent) -> Option<String> {
    if permission.domain() == Domain::Network {
        let pattern = endpoint::pattern(resource, extent)?;
        return Some(pattern).filter(|pattern| Pattern::new(Domain::Network, pattern).is_ok());
    }
    let resource = normalized(permission, resource)?;
    // A star, or `<id>`, would grant other names than the one that has it.
    if resource != "/" && !is_literal(permission.domain(), &resource) {
        return None;
    }
    Some(match extent {
        Extent::Below => everything_below(&resource),
        _ => resource,
    })
}

/// Returns a resource as patterns judge it; none if it is not one.
fn normalized(permission: Permission, resource: &str) -> Option<String> {
    match permission.domain() {
        Domain::Filesystem => normalize_path(resource).ok().map(Cow::into_owned),
        _ => Some(String::from(resource)),
    }
}

/// Returns the pattern of everything below a directory.
pub(crate) fn everything_below(dir: &str) -> String {
    format!("{}/**", dir.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::{Grant, Refusal, everything_below};
    use crate::guest::refusal_log::Refused;
    use limits_core::{CapabilitySet, Extent, Permission, SpecialAddress};

    const READ: Permission = Permission::FilesystemRead;

    fn capabilities() -> CapabilitySet {
        let listed = CapabilitySet::builder().grant(READ, "/app/<id>/*").build().unwrap();
        CapabilitySet::new().restricted_by("policy.toml [ceiling]", &listed)
    }

    fn refusal(resource: &str, extent: Extent, by: Option<&str>) -> Refusal {
        let (resource, by) = (String::from(resource), by.map(String::from));
        let refused = Refused { count: 2, resource, extent, by, special: None };
        Refusal::new(READ, refused, &capabilities())
    }

    #[test]
    fn the_line_grants_the_last_request_and_no_more() {
        for (resource, extent, line) in [
            ("/a/b", Extent::Itself, "filesystem.read = [\"/a/b\"]"),
            ("/a/./c/../b//", Extent::AtOrBelow, "filesystem.read = [\"/a/b\"]"),
            ("/a", Extent::Entries, "filesystem.read = [\"/a\"]"),
            ("/a", Extent::Below, "filesystem.read = [\"/a/**\"]"),
            ("/", Extent::Below, "filesystem.read = [\"/**\"]"),
            ("/say \"x\"", Extent::Itself, "filesystem.read = [\"/say \\\"x\\\"\"]"),
        ] {
            let refusal = refusal(resource, extent, None);
            assert_eq!((refusal.line.as_deref(), &*refusal.table), (Some(line), super::OWN_TABLE));
        }
    }

    #[test]
    fn a_table_of_the_policy_keeps_the_patterns_that_it_has() {
        let refusal = refusal("/etc/passwd", Extent::Itself, Some("policy.toml [ceiling]"));
        assert_eq!(
            refusal.text(),
            "filesystem.read of `/etc/passwd` 2 times; policy.toml [ceiling] needs: \
             capabilities.filesystem.read = [\"/app/<id>/*\", \"/etc/passwd\"]"
        );
    }

    #[test]
    fn a_name_that_no_pattern_can_have_has_no_line() {
        for resource in ["relative", "/a*", "/a/<id>", "/a[b", &format!("/{}", "x".repeat(2_000))] {
            let refusal = refusal(resource, Extent::Itself, None);
            assert_eq!((refusal.line.as_deref(), &*refusal.last), (None, resource));
        }
        assert_eq!(
            refusal("/a*\u{1b}", Extent::Itself, None).text(),
            "filesystem.read of `/a*\\u{1b}` 2 times by Component.toml [capabilities]; no pattern \
             can grant it"
        );
    }

    #[test]
    fn an_endpoint_is_granted_by_its_name_and_port() {
        let connect = Permission::NetworkConnect;
        let own = CapabilitySet::builder().grant(connect, "a.example:1").build().unwrap();
        let line = |resource: &str, extent| {
            let resource = String::from(resource);
            let refused = Refused { count: 1, resource, extent, by: None, special: None };
            Refusal::new(connect, refused, &own).line
        };
        let needs =
            |pattern: &str| Some(format!("network.connect = [\"a.example:1\", \"{pattern}\"]"));
        assert_eq!(line("b.example:443", Extent::Itself), needs("b.example:443"));
        assert_eq!(line("9.9.9.9:53 (dns.example)", Extent::Itself), needs("dns.example:53"));
        assert_eq!(line("b.example", Extent::SomePort), needs("b.example:*"));
        assert_eq!(line("bad host", Extent::SomePort), None);
    }

    #[test]
    fn a_special_address_needs_a_line_of_the_policy() {
        let connect = Permission::NetworkConnect;
        let own = CapabilitySet::builder().grant(connect, "**:80").build().unwrap();
        let listed = CapabilitySet::builder().grant(connect, "*.example:80").build().unwrap();
        let under = own.clone().restricted_by("policy.toml [component.a]", &listed);
        let text = |capabilities| {
            let refused = Refused {
                count: 1,
                resource: String::from("10.0.0.5:80 (db.example)"),
                extent: Extent::Itself,
                by: None,
                special: Some(([10, 0, 0, 5].into(), SpecialAddress::Private)),
            };
            let refusal = Refusal::new(connect, refused, capabilities);
            assert!(refusal.is_by_policy());
            refusal.text()
        };
        let what = "network.connect of `10.0.0.5:80 (db.example)` once: 10.0.0.5 is private; ";
        assert_eq!(
            text(&own),
            format!(
                "{what}policy.toml [ceiling] needs: capabilities.network.connect = [\"**:80\", \
                 \"10.0.0.5:80\"]"
            )
        );
        assert_eq!(
            text(&under),
            format!(
                "{what}policy.toml [component.a] needs: capabilities.network.connect = \
                 [\"*.example:80\", \"10.0.0.5:80\"]"
            )
        );
    }

    #[test]
    fn a_grant_of_a_directory_is_of_everything_below() {
        let grant = Grant::new(READ, &everything_below("/data"), None, &CapabilitySet::new());
        assert_eq!(grant.unwrap().line, "filesystem.read = [\"/data/**\"]");
    }
}
