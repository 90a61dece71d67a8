//! Hostile texts: no panic, no long match.

use limits_core::{
    CapabilitySet, Decision, Domain, Pattern, Permission, is_hidden, normalize_path,
};
use proptest::prelude::*;

const DOMAINS: [Domain; 4] =
    [Domain::Filesystem, Domain::Network, Domain::Storage, Domain::Messaging];

/// Decides a question about a resource.
type Ask = for<'a> fn(&'a CapabilitySet, Permission, &'a str) -> Decision<'a>;

const QUESTIONS: [Ask; 4] = [
    CapabilitySet::check,
    CapabilitySet::check_at_or_below,
    CapabilitySet::check_entries,
    CapabilitySet::check_below,
];

/// Any text, and often one that is nearly valid.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[/.:*<>id\\[\\]0-9a-f\\\\ä\\x00]{0,40}",
        "/?([a-b.*]{0,3}/){0,6}[a-b.*]{0,3}",
        "([a-z0-9*]{0,4}\\.){0,5}[a-z0-9*]{0,4}:[0-9*]{0,6}",
        "\\[[0-9a-f:.*%/]{0,40}\\]:[0-9*]{0,6}",
        "([0-9]{1,3}[.]){1,4}[0-9*]{0,3}/[0-9]{0,3}:[0-9*]{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_text_is_a_pattern_or_an_error_and_any_text_can_be_requested(
        pattern in text(),
        id in text(),
        resource in text(),
    ) {
        for domain in DOMAINS {
            let Ok(pattern) = Pattern::new(domain, &pattern) else { continue };
            let _ = pattern.matches(&resource);
            if let Ok(bound) = pattern.bind(&id) {
                let _ = bound.matches(&resource);
                let _ = bound.matches(&pattern.as_str().replace("<id>", &id));
            }
            // A pattern without a wildcard is a resource that matches itself.
            let text = pattern.as_str();
            if !text.contains(['*', '<']) && domain != Domain::Network {
                prop_assert_eq!(pattern.matches(text), Ok(true));
            }
        }
        for &permission in Permission::ALL {
            let mut set = CapabilitySet::new();
            let granted = set.grant(permission, &pattern).is_ok();
            let check_name: Ask = CapabilitySet::check_name;
            for ask in QUESTIONS.into_iter().chain([check_name]) {
                let decision = ask(&set, permission, &resource);
                prop_assert!(granted || !decision.is_allowed());
                prop_assert!(!decision.to_string().contains(is_hidden));
            }
            let nothing = set.restricted_by(resource.as_str(), &CapabilitySet::new());
            let decision = nothing.check(permission, &resource);
            prop_assert!(!decision.is_allowed());
            prop_assert!(!decision.to_string().contains(is_hidden));
        }
    }

    #[test]
    fn a_normalised_path_is_absolute_and_free_of_dots_and_stays_normalised(path in text()) {
        if let Ok(normal) = normalize_path(&path) {
            prop_assert!(normal.starts_with('/'));
            let strange = |segment: &str| matches!(segment, "" | "." | "..");
            prop_assert!(*normal == *"/" || !normal[1..].split('/').any(strange));
            prop_assert_eq!(normalize_path(&normal), Ok(normal.clone()));
        }
    }

    #[test]
    fn an_id_gives_access_to_its_own_segment_alone(id in text(), other in "[a-z]{1,8}") {
        let pattern = Pattern::new(Domain::Storage, "c:<id>:**").unwrap();
        if let Ok(bound) = pattern.bind(&id) {
            prop_assert_eq!(bound.matches(&format!("c:{other}:k")), Ok(other == id));
        }
    }
}

#[test]
fn patterns_made_to_be_slow_are_not() {
    // A matcher that tries every way of sharing the text out among the stars would need more than
    // 10^14 steps for each of these; the test ends at once or never.
    let stars = format!("/{}b", "a*".repeat(500));
    let name = format!("/{}", "a".repeat(4_000));
    let crossing = format!("/{}x", "**/a*/".repeat(15));
    let deep = "/a".repeat(64);
    for (pattern, path) in [(stars, name), (crossing, deep)] {
        let pattern = Pattern::new(Domain::Filesystem, &pattern).unwrap();
        assert_eq!(pattern.matches(&path), Ok(false));
    }
}

#[test]
fn full_lists_made_to_be_slow_are_not() {
    // Each list has all the patterns that it may have, the last of which alone matches.
    let read = Permission::FilesystemRead;
    let mut list = CapabilitySet::new();
    for index in 0..16 {
        list.grant(read, &format!("/**/{}x{index}/**", "*a*a*a/".repeat(28))).unwrap();
    }
    for index in 0..239 {
        list.grant(read, &format!("/{}{index}b/**", "*a*a*a/".repeat(29))).unwrap();
    }
    list.grant(read, "/a*/**").unwrap();
    let three = list.clone().restricted_by("two", &list).restricted_by("three", &list);
    let deep = format!("/{}", vec!["a".repeat(62); 64].join("/"));
    for ask in QUESTIONS {
        assert!(ask(&three, read, &deep).is_allowed());
        let none = deep.replacen("/a", "/b", 1);
        assert_eq!(ask(&three, read, &none), ask(&list, read, &none));
    }
}
