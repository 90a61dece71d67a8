//! The requests that a component made and was granted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use limits_core::{Decision, Domain, Permission};
use quota_enforce::{AuditEvent, AuditKind, AuditSink};

use crate::guest::endpoint;
use crate::guest::path_tree::{PathTree, is_literal};

/// Resources other than paths that are kept for each permission.
const MOST_RESOURCES: usize = 128;
/// The end of a pattern of any port.
const ANY_PORT: &str = ":*";

/// Keeps what a component was granted, and what it would have been refused if its registry only
/// observes.
#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<BTreeMap<Permission, Requests>>);

#[derive(Debug)]
enum Requests {
    Paths(PathTree),
    Resources(BTreeSet<String>),
}

impl RequestLog {
    /// Returns the few patterns of each permission that grant what was requested.
    pub(crate) fn patterns(&self) -> BTreeMap<Permission, Vec<String>> {
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let patterns = |requests: &mut Requests| match requests {
            Requests::Paths(paths) => paths.patterns(),
            Requests::Resources(resources) => narrowest(resources),
        };
        let by_permission =
            requests.iter_mut().map(|(permission, requests)| (*permission, patterns(requests)));
        by_permission.filter(|(_, patterns)| !patterns.is_empty()).collect()
    }

    fn add(&self, decision: &Decision<'_>) {
        let (permission, resource) = (decision.permission(), decision.resource());
        let domain = permission.domain();
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = requests.entry(permission).or_insert_with(|| match domain {
            Domain::Filesystem => Requests::Paths(PathTree::default()),
            _ => Requests::Resources(BTreeSet::new()),
        });
        match known {
            Requests::Paths(paths) => paths.add(resource, decision.extent()),
            Requests::Resources(resources) => {
                let pattern = match domain {
                    Domain::Network => endpoint::pattern(resource, decision.extent()),
                    _ => Some(String::from(resource)),
                };
                let Some(pattern) = pattern else { return };
                let is_new = !resources.contains(&pattern) && resources.len() < MOST_RESOURCES;
                // Any port is no name with a star.
                let text = pattern.strip_suffix(ANY_PORT).map(|host| format!("{host}:1"));
                if is_new && is_literal(domain, text.as_ref().unwrap_or(&pattern)) {
                    resources.insert(pattern);
                }
            }
        }
    }
}

/// Returns the patterns but for those of any port of a host that has one with a port: a guest looks
/// a name up before it says the port.
fn narrowest(patterns: &BTreeSet<String>) -> Vec<String> {
    let is_of = |host: &str, other: &String| {
        other.rsplit_once(':').is_some_and(|(known, port)| known == host && port != "*")
    };
    let is_told = |pattern: &&String| match pattern.strip_suffix(ANY_PORT) {
        Some(host) => !patterns.iter().any(|other| is_of(host, other)),
        None => true,
    };
    patterns.iter().filter(is_told).cloned().collect()
}

impl AuditSink for RequestLog {
    fn record(&self, event: &AuditEvent<'_>) {
        match &event.kind {
            AuditKind::CapabilityGranted(decision) => self.add(decision),
            AuditKind::CapabilityDenied(decision) if !event.enforced => self.add(decision),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RequestLog;
    use limits_core::{CapabilitySet, NetworkTarget, Permission};
    use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
    use std::sync::Arc;

    const READ: Permission = Permission::FilesystemRead;
    const CONNECT: Permission = Permission::NetworkConnect;

    fn component(observes: bool) -> (Arc<RequestLog>, ComponentHandle) {
        let log = Arc::new(RequestLog::default());
        let mut builder = QuotaRegistry::builder().audit(Arc::<RequestLog>::clone(&log));
        builder = builder.audit_grants();
        if observes {
            builder = builder.observe_only();
        }
        let granted = CapabilitySet::builder().grant(READ, "/app/**").grant(CONNECT, "**");
        let context = SecurityContext::new("a", granted.build().unwrap());
        (log, builder.build().register(context).unwrap())
    }

    fn patterns(log: &RequestLog) -> Vec<(Permission, Vec<String>)> {
        log.patterns().into_iter().collect()
    }

    #[test]
    fn what_was_granted_is_kept_and_what_was_refused_is_not() {
        let (log, component) = component(false);
        component.check(READ, "/app/a").unwrap();
        component.check(READ, "/etc/passwd").unwrap_err();
        component.check(Permission::FilesystemWrite, "/app/a").unwrap_err();
        component.check(CONNECT, "b.example:443").unwrap();
        assert_eq!(
            patterns(&log),
            [(READ, vec![String::from("/app/a")]), (CONNECT, vec![String::from("b.example:443")])]
        );
    }

    #[test]
    fn what_would_have_been_refused_is_kept_as_well() {
        let (log, component) = component(true);
        component.check_entries(READ, "/app").unwrap();
        component.check(Permission::FilesystemWrite, "/out/x").unwrap();
        component.check(READ, "relative").unwrap();
        assert_eq!(
            patterns(&log),
            [
                (READ, vec![String::from("/app")]),
                (Permission::FilesystemWrite, vec![String::from("/out/x")])
            ]
        );
    }

    #[test]
    fn a_look_up_is_told_by_the_port_that_follows_it() {
        let (log, component) = component(false);
        for name in ["a.example", "b.example"] {
            component.check_name(CONNECT, name).unwrap();
        }
        let target = NetworkTarget::new("9.9.9.9:443".parse().unwrap());
        component.check_target(CONNECT, &target.known_as("b.example")).unwrap();
        let hosts = ["a.example:*", "b.example:443"].map(String::from).to_vec();
        assert_eq!(patterns(&log), [(CONNECT, hosts)]);
    }

    #[test]
    fn a_guest_that_asks_for_ever_more_fills_no_memory() {
        let (log, component) = component(false);
        for index in 0..1_000 {
            component.check(CONNECT, &format!("h{index}.example:80")).unwrap();
        }
        assert_eq!(log.patterns()[&CONNECT].len(), 128);
    }
}
