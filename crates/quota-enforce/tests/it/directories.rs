//! Questions about a directory: decided, counted and reported as any check, and by restricted sets.

use std::sync::Arc;

use limits_core::{CapabilitySet, Extent, Permission};
use quota_enforce::{ComponentHandle, EnforceError, QuotaRegistry};

use crate::{Notebook, capabilities, thousand};

const WRITE: Permission = Permission::FilesystemWrite;

/// A check, and what it is about.
type Question = (fn(&ComponentHandle, Permission, &str) -> Result<(), EnforceError>, Extent);

const QUESTIONS: [Question; 4] = [
    (ComponentHandle::check, Extent::Itself),
    (ComponentHandle::check_at_or_below, Extent::AtOrBelow),
    (ComponentHandle::check_entries, Extent::Entries),
    (ComponentHandle::check_below, Extent::Below),
];

/// May write below `/data/<id>`; the operator allows names of one segment there.
fn restricted() -> CapabilitySet {
    let set =
        |pattern| CapabilitySet::builder().grant(WRITE, pattern).build().expect("a valid pattern");
    set("/data/<id>/**").restricted_by("policy.toml [ceiling]", &set("/*/<id>/*"))
}

#[test]
fn each_question_about_a_directory_has_its_answer() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    handle.check_at_or_below(WRITE, "/").unwrap();
    handle.check_entries(WRITE, "/data").unwrap();
    handle.check_below(WRITE, "/data").unwrap();
    let says = |result: Result<(), EnforceError>| result.unwrap_err().to_string();
    assert_eq!(
        says(handle.check_at_or_below(WRITE, "/etc")),
        "filesystem.write at or below `/etc` denied: no granted pattern matches (1 checked)"
    );
    assert_eq!(
        says(handle.check_below(WRITE, "/")),
        "filesystem.write of everything below `/` denied: no granted pattern matches every name \
         (1 checked)"
    );
    registry.set_capabilities("a", &restricted()).unwrap();
    handle.check(WRITE, "/data/a/x").unwrap();
    handle.check_at_or_below(WRITE, "/data").unwrap();
    handle.check_entries(WRITE, "/data/a").unwrap();
    let error = handle.check_below(WRITE, "/data/a").unwrap_err();
    let denied = error.as_capability().unwrap();
    assert_eq!(denied.denied_by(), Some("policy.toml [ceiling]"));
    assert_eq!(denied.extent(), Extent::Below);
    assert_eq!(
        error.to_string(),
        "filesystem.write of everything below `/data/a` denied: no pattern of policy.toml \
         [ceiling] matches every name (1 checked)"
    );
    // Bound in every list: another component's directory is no `<id>` of this one.
    assert!(handle.check_at_or_below(WRITE, "/data/b").is_err());
}

#[test]
fn every_denied_question_is_counted_and_reported_and_observed_alike() {
    for enforces in [true, false] {
        let notebook = Arc::new(Notebook::default());
        let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook));
        let builder = if enforces { builder } else { builder.observe_only() };
        let (_registry, handle, _clock) = thousand(builder);
        notebook.take();
        for (index, (ask, _)) in (1..).zip(QUESTIONS) {
            assert_eq!(ask(&handle, WRITE, "/etc").is_err(), enforces);
            assert_eq!(handle.denials().by_capability(), index);
        }
        let observed = if enforces { "" } else { " (observed)" };
        let expected = [
            "of `/etc` denied: no granted pattern matches (1 checked)",
            "at or below `/etc` denied: no granted pattern matches (1 checked)",
            "of the entries of `/etc` denied: no granted pattern matches every name (1 checked)",
            "of everything below `/etc` denied: no granted pattern matches every name (1 checked)",
        ];
        let expected =
            expected.map(|text| format!("a capability_denied{observed} filesystem.write {text}"));
        assert_eq!(notebook.take(), expected);
    }
}

#[test]
fn granted_questions_are_reported_where_grants_are() {
    let notebook = Arc::new(Notebook::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook));
    let (_registry, handle, _clock) = thousand(builder.audit_grants());
    notebook.take();
    for (ask, _) in QUESTIONS {
        ask(&handle, WRITE, "/data/x").unwrap();
    }
    let said = notebook.take();
    assert_eq!(said.len(), 4);
    assert!(said.iter().all(|line| line.starts_with("a capability_granted ")), "{said:?}");
    assert_eq!(handle.denials().total(), 0);
}

#[test]
fn a_revocation_holds_for_every_question() {
    // I9
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    for (ask, _) in QUESTIONS {
        registry.set_capabilities("a", &capabilities()).unwrap();
        ask(&handle, WRITE, "/data/x").unwrap();
        registry.set_capabilities("a", &CapabilitySet::new()).unwrap();
        assert!(ask(&handle.clone(), WRITE, "/data/x").is_err());
    }
    registry.set_capabilities("a", &capabilities()).unwrap();
    registry.unregister("a").unwrap();
    for (ask, _) in QUESTIONS {
        let unregistered = ask(&handle, WRITE, "/data/x").unwrap_err();
        assert_eq!(unregistered, EnforceError::NotRegistered { id: Box::from("a") });
    }
}

#[test]
fn an_id_that_does_not_fit_a_restriction_changes_nothing() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let open = CapabilitySet::builder().grant(Permission::NetworkBind, "<id>.x:1").build().unwrap();
    let context = crate::context("B", crate::thousand_of_each());
    registry.register(context).unwrap();
    let restricted = capabilities().restricted_by("policy", &open);
    assert!(matches!(registry.set_capabilities("B", &restricted), Err(EnforceError::Pattern(_))));
    registry.get("B").unwrap().check(WRITE, "/data/x").unwrap();
    registry.set_capabilities("a", &restricted).unwrap();
    let denied = handle.check(WRITE, "/data/x").unwrap_err();
    assert_eq!(
        denied.to_string(),
        "filesystem.write of `/data/x` denied: nothing is granted by policy"
    );
}
