//! Questions about names and addresses: decided, counted and reported as any check.

use std::sync::Arc;

use limits_core::{CapabilitySet, Denial, Extent, NetworkTarget, Permission, SpecialAddress};
use quota_enforce::{ComponentHandle, EnforceError, QuotaRegistry};

use crate::{Notebook, capabilities, thousand};

const CONNECT: Permission = Permission::NetworkConnect;

fn set(patterns: &[&str]) -> CapabilitySet {
    let mut set = CapabilitySet::new();
    for pattern in patterns {
        set.grant(CONNECT, pattern).expect("a pattern");
    }
    set
}

fn target(address: &str, name: &str) -> NetworkTarget {
    NetworkTarget::new(address.parse().expect("an address")).known_as(name)
}

/// Asks for a name, then for an address of it.
type Ask = fn(&ComponentHandle, &str, &NetworkTarget) -> Result<(), EnforceError>;

const QUESTIONS: [Ask; 2] = [
    |handle, name, _| handle.check_name(CONNECT, name),
    |handle, _, target| handle.check_target(CONNECT, target),
];

#[test]
fn a_special_address_is_denied_until_the_operator_covers_it() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let private = target("10.0.0.5:443", "db.example.com");
    handle.check_name(CONNECT, "db.example.com").unwrap();
    let error = handle.check_target(CONNECT, &private).unwrap_err();
    let denied = error.as_capability().unwrap();
    assert_eq!(denied.extent(), Extent::Itself);
    assert_eq!(denied.resource(), "10.0.0.5:443 (db.example.com)");
    let (address, purpose) = ("10.0.0.5".parse().unwrap(), SpecialAddress::Private);
    assert_eq!(denied.reason(), Denial::Special { address, purpose });
    assert_eq!(
        error.to_string(),
        "network.connect of `10.0.0.5:443 (db.example.com)` denied: 10.0.0.5 is private, and no \
         address or CIDR of the operator's policy covers it"
    );
    assert!(handle.check(CONNECT, "10.0.0.5:443").is_err());
    let policy = set(&["10.0.0.0/8:443"]);
    for covered in [policy.clone().by_operator(), set(&["**"]).restricted_by("policy", &policy)] {
        registry.set_capabilities("a", &covered).unwrap();
        handle.check_target(CONNECT, &private).unwrap();
        handle.check(CONNECT, "10.0.0.5:443").unwrap();
    }
}

#[test]
fn each_denied_question_is_counted_and_reported_and_observed_alike() {
    for enforces in [true, false] {
        let notebook = Arc::new(Notebook::default());
        let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook));
        let builder = if enforces { builder } else { builder.observe_only() };
        let (registry, handle, _clock) = thousand(builder);
        registry.set_capabilities("a", &set(&["*.example.com:443"])).unwrap();
        notebook.take();
        let local = target("127.0.0.1:443", "a.example.com");
        for (index, ask) in (1..).zip(QUESTIONS) {
            assert_eq!(ask(&handle, "example.org", &local).is_err(), enforces);
            assert_eq!(handle.denials().by_capability(), index);
        }
        let observed = if enforces { "" } else { " (observed)" };
        let expected = [
            "some port of `example.org` denied: no granted pattern matches (1 checked)",
            "`127.0.0.1:443 (a.example.com)` denied: 127.0.0.1 is loopback, and no address or \
             CIDR of the operator's policy covers it",
        ];
        let line = |text| format!("a capability_denied{observed} network.connect of {text}");
        assert_eq!(notebook.take(), expected.map(line));
    }
}

#[test]
fn granted_questions_are_reported_where_grants_are() {
    let notebook = Arc::new(Notebook::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook));
    let (_registry, handle, _clock) = thousand(builder.audit_grants());
    notebook.take();
    let public = target("93.184.216.34:443", "a.example.com");
    for ask in QUESTIONS {
        ask(&handle, "a.example.com", &public).unwrap();
    }
    assert_eq!(
        notebook.take(),
        [
            "a capability_granted network.connect of some port of `a.example.com` allowed by `**`",
            "a capability_granted network.connect of `93.184.216.34:443 (a.example.com)` allowed \
             by `**`",
        ]
    );
    assert_eq!(handle.denials().total(), 0);
}

#[test]
fn a_revocation_holds_for_names_and_addresses() {
    // I9
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let public = target("93.184.216.34:443", "a.example.com");
    for ask in QUESTIONS {
        registry.set_capabilities("a", &capabilities()).unwrap();
        ask(&handle, "a.example.com", &public).unwrap();
        registry.set_capabilities("a", &set(&["example.org:443"])).unwrap();
        assert!(ask(&handle.clone(), "a.example.com", &public).is_err());
    }
    registry.set_capabilities("a", &capabilities()).unwrap();
    registry.unregister("a").unwrap();
    for ask in QUESTIONS {
        let unregistered = ask(&handle, "a.example.com", &public).unwrap_err();
        assert_eq!(unregistered, EnforceError::NotRegistered { id: Box::from("a") });
    }
}
