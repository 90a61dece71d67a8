//! Decisions of a set, and their texts.

use limits_core::{CapabilitySet, Denial, PatternProblem, Permission, ResourceError};

fn two_paths() -> CapabilitySet {
    CapabilitySet::builder()
        .grant(Permission::FilesystemWrite, "/app/output/*")
        .grant(Permission::FilesystemRead, "/app/data/**")
        .grant(Permission::FilesystemRead, "/etc/hosts")
        .build()
        .expect("valid patterns")
}

#[test]
fn an_empty_set_allows_nothing() {
    let set = CapabilitySet::new();
    for &permission in Permission::ALL {
        for resource in ["/a", "a:1", "a", ""] {
            let decision = set.check(permission, resource);
            assert_eq!(decision.denial(), Some(Denial::NothingGranted));
        }
    }
    assert!(set.is_empty());
}

#[test]
fn a_narrowed_set_leaves_its_clones_as_they_were() {
    let whole = two_paths();
    let mut narrowed = whole.clone();
    let mut seen = Vec::new();
    narrowed.retain(|permission, pattern| {
        seen.push((permission, pattern.to_string()));
        pattern.as_str() != "/etc/hosts"
    });
    assert_eq!(seen.len(), 3);
    assert_eq!((narrowed.len(), whole.len()), (2, 3));
    assert!(!narrowed.check(Permission::FilesystemRead, "/etc/hosts").is_allowed());
    assert!(narrowed.check(Permission::FilesystemRead, "/app/data/x").is_allowed());
    narrowed.retain(|_, _| true);
    assert_eq!(narrowed.len(), 2);
}

#[test]
fn a_decision_names_the_pattern_or_the_reason() {
    let set = two_paths();
    let says = |permission, resource| set.check(permission, resource).to_string();
    let read = Permission::FilesystemRead;
    assert_eq!(
        says(read, "/app/data/a/b"),
        "filesystem.read of `/app/data/a/b` allowed by `/app/data/**`"
    );
    assert_eq!(
        says(read, "/etc/passwd"),
        "filesystem.read of `/etc/passwd` denied: no granted pattern matches (2 checked)"
    );
    assert_eq!(
        says(Permission::FilesystemExecute, "/etc/hosts"),
        "filesystem.execute of `/etc/hosts` denied: nothing is granted"
    );
    assert_eq!(
        says(read, "etc/\u{1b}hosts"),
        "filesystem.read of `etc/\\u{1b}hosts` denied: not a path, it is relative"
    );
}

#[test]
fn a_kept_denial_has_the_request_and_the_reason() {
    let set = two_paths();
    let resource = format!("x{}", "ä".repeat(1_000));
    let decision = set.check(Permission::FilesystemWrite, &resource);
    let denied = decision.into_result().unwrap_err();
    assert_eq!(denied.permission(), Permission::FilesystemWrite);
    assert_eq!(denied.reason(), Denial::InvalidResource(ResourceError::Relative));
    assert_eq!(denied.resource().len(), 1_023, "it is cut between characters");
    assert!(denied.to_string().ends_with("…` denied: not a path, it is relative"));
}

#[test]
fn a_text_that_is_not_a_resource_is_denied_with_the_reason() {
    let set = CapabilitySet::builder()
        .grant(Permission::NetworkConnect, "**:*")
        .grant(Permission::StorageRead, "**")
        .grant(Permission::MessagingSend, "**")
        .build()
        .unwrap();
    for (permission, resource, reason) in [
        (
            Permission::NetworkConnect,
            "example.com",
            "not an endpoint, it has no port: expected HOST:PORT",
        ),
        (
            Permission::NetworkConnect,
            "a b:1",
            "not an endpoint, its host is neither a name nor an address",
        ),
        (Permission::StorageRead, "a::b", "not a key, it has an empty segment"),
        (Permission::StorageRead, "", "not a key, it is empty"),
        (Permission::MessagingSend, "a\0", "not a topic, it has a NUL byte"),
    ] {
        let decision = set.check(permission, resource).to_string();
        assert!(decision.ends_with(&format!("denied: {reason}")), "{decision}");
    }
}

#[test]
fn a_resource_has_a_greatest_number_of_segments_and_length_of_names() {
    let set = CapabilitySet::builder()
        .grant(Permission::NetworkConnect, "**:*")
        .grant(Permission::StorageRead, "**")
        .build()
        .unwrap();
    let denial = |permission, resource: &str| set.check(permission, resource).denial();
    let key = |segments: usize| vec!["k"; segments].join(":");
    assert_eq!(denial(Permission::StorageRead, &key(64)), None);
    let too_many = ResourceError::TooManySegments { segments: 65, most: 64 };
    let denied = Some(Denial::InvalidResource(too_many));
    assert_eq!(denial(Permission::StorageRead, &key(65)), denied);

    let host = |labels: &[usize]| {
        let labels: Vec<_> = labels.iter().map(|length| "a".repeat(*length)).collect();
        format!("{}:1", labels.join("."))
    };
    let denied = Some(Denial::InvalidResource(ResourceError::Host));
    for (labels, expected) in
        [(&[63][..], None), (&[64], denied), (&[63, 63, 63, 61], None), (&[63, 63, 63, 62], denied)]
    {
        assert_eq!(denial(Permission::NetworkConnect, &host(labels)), expected, "{labels:?}");
    }
}

#[test]
fn sets_are_equal_in_any_order_of_granting_and_with_repeats() {
    let mut set = CapabilitySet::new();
    for (permission, pattern) in [
        (Permission::FilesystemRead, "/etc/hosts"),
        (Permission::FilesystemWrite, "/app/output/*"),
        (Permission::FilesystemRead, "/app/data/**"),
        (Permission::FilesystemRead, "/etc/hosts"),
    ] {
        set.grant(permission, pattern).unwrap();
    }
    assert_eq!(set, two_paths());
    assert_eq!(set.len(), 3);
    let listed: Vec<String> =
        set.iter().map(|(permission, pattern)| format!("{permission} {pattern}")).collect();
    assert_eq!(
        listed,
        [
            "filesystem.read /app/data/**",
            "filesystem.read /etc/hosts",
            "filesystem.write /app/output/*"
        ]
    );
    set.grant(Permission::StorageRead, "a").unwrap();
    assert_ne!(set, two_paths());
    // A set that is bound to one component is not the set of another.
    set.grant(Permission::StorageRead, "<id>").unwrap();
    assert_ne!(set.bind("a").unwrap(), set.bind("b").unwrap());
}

#[test]
fn a_clone_does_not_change_with_later_grants() {
    let mut set = two_paths();
    let before = set.clone();
    set.grant(Permission::StorageRead, "a").unwrap();
    assert!(!before.check(Permission::StorageRead, "a").is_allowed());
    assert!(set.check(Permission::StorageRead, "a").is_allowed());
}

#[test]
fn a_permission_has_a_greatest_number_of_patterns() {
    let mut set = CapabilitySet::new();
    for index in 0..256 {
        set.grant(Permission::StorageRead, &format!("k{index}")).unwrap();
    }
    let error = set.grant(Permission::StorageRead, "one-more").unwrap_err();
    assert_eq!(*error.problem(), PatternProblem::TooManyPatterns { most: 256 });
    assert_eq!(
        error.to_string(),
        "storage pattern `one-more` refused: this permission has 256 patterns already, the \
         most allowed"
    );
    assert_eq!(set.len(), 256);
    set.grant(Permission::StorageWrite, "one-more").unwrap();
    // A repeated grant adds no pattern, and so is not refused.
    set.grant(Permission::StorageRead, "k7").unwrap();
    assert_eq!(set.len(), 257);
}

#[test]
fn a_permission_has_a_greatest_number_of_searching_patterns() {
    let mut set = CapabilitySet::new();
    let read = Permission::FilesystemRead;
    for index in 0..16 {
        set.grant(read, &format!("/**/k{index}/**")).unwrap();
    }
    let error = set.grant(read, "/**/one-more/**").unwrap_err();
    assert_eq!(*error.problem(), PatternProblem::TooManySearching { most: 16 });
    assert_eq!(
        error.to_string(),
        "filesystem pattern `/**/one-more/**` refused: this permission has 16 patterns with two \
         or more `**` already, the most allowed"
    );
    for granted in ["/**/k7/**", "/**/x", "/x/**", "/x/**/y", "**"] {
        set.grant(read, granted).unwrap();
    }
    set.grant(Permission::FilesystemWrite, "/**/one-more/**").unwrap();
    let net = Permission::NetworkConnect;
    for index in 0..16 {
        set.grant(net, &format!("a.**.b.**.c:{}", index + 1)).unwrap();
    }
    let error = set.grant(net, "a.**.b.**.c:443").unwrap_err();
    assert_eq!(*error.problem(), PatternProblem::TooManySearching { most: 16 });
    set.grant(net, "**.c:443").unwrap();
    set.grant(net, "10.**:443").unwrap();
}

#[test]
fn a_builder_returns_its_first_error() {
    let error = CapabilitySet::builder()
        .grant(Permission::FilesystemRead, "relative")
        .grant(Permission::StorageRead, "")
        .build()
        .unwrap_err();
    assert_eq!(error.pattern(), "relative");
}
