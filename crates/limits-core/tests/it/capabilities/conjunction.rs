//! Sets that are restricted by others.

use limits_core::{CapabilitySet, Denial, Permission, ResourceError};

const READ: Permission = Permission::FilesystemRead;

fn set(patterns: &[&str]) -> CapabilitySet {
    let grant = |set: limits_core::CapabilitySetBuilder, pattern: &&str| set.grant(READ, pattern);
    patterns.iter().fold(CapabilitySet::builder(), grant).build().expect("valid patterns")
}

#[test]
fn a_request_is_allowed_when_a_pattern_of_each_list_matches() {
    let both = set(&["/app/data", "/etc/*"]).restricted_by("policy", &set(&["/app/*", "/x"]));
    for (path, allowed) in
        [("/app/data", true), ("/app/other", false), ("/etc/hosts", false), ("/x", false)]
    {
        assert_eq!(both.check(READ, path).is_allowed(), allowed, "{path}");
    }
    let rule = both.check(READ, "/app/data").rule().map(ToString::to_string);
    assert_eq!(rule.as_deref(), Some("/app/data"), "the rule is the set's own");
}

#[test]
fn a_denial_names_the_first_list_that_denies() {
    let three = set(&["/app/**"])
        .restricted_by("policy.toml [ceiling]", &set(&["/app/a/*", "/app/b", "/c"]))
        .restricted_by("policy.toml [component.\"x\"]", &set(&["/app/a/b"]));
    let says = |path| three.check(READ, path).to_string();
    assert_eq!(says("/app/a/b"), "filesystem.read of `/app/a/b` allowed by `/app/**`");
    for (path, reason, denied_by) in [
        ("/etc", "no granted pattern matches (1 checked)", None),
        (
            "/app/d",
            "no pattern of policy.toml [ceiling] matches (3 checked)",
            Some("policy.toml [ceiling]"),
        ),
        (
            "/app/b",
            "no pattern of policy.toml [component.\"x\"] matches (1 checked)",
            Some("policy.toml [component.\"x\"]"),
        ),
    ] {
        let decision = three.check(READ, path);
        assert_eq!(decision.to_string(), format!("filesystem.read of `{path}` denied: {reason}"));
        assert_eq!(decision.reason().map(|shown| shown.to_string()).as_deref(), Some(reason));
        assert_eq!(decision.denied_by(), denied_by);
        let kept = decision.into_result().unwrap_err();
        assert_eq!((kept.denied_by(), kept.to_string()), (denied_by, decision.to_string()));
    }
    assert_eq!(three.check(READ, "/app/a/b").denied_by(), None);
    assert!(three.check(READ, "/app/a/b").reason().is_none());
    let decision = three.check(READ, "app");
    assert_eq!(decision.denial(), Some(Denial::InvalidResource(ResourceError::Relative)));
    assert_eq!(decision.denied_by(), None);
}

#[test]
fn a_list_without_patterns_of_a_permission_grants_nothing_of_it() {
    let restricted = set(&["**"]).restricted_by("policy", &CapabilitySet::new());
    let decision = restricted.check(READ, "/a");
    assert_eq!(decision.denial(), Some(Denial::NothingGranted));
    assert_eq!(
        decision.to_string(),
        "filesystem.read of `/a` denied: nothing is granted by policy"
    );
    let asks_nothing = CapabilitySet::new().restricted_by("policy", &set(&["**"]));
    let decision = asks_nothing.check(READ, "/a");
    assert_eq!(decision.to_string(), "filesystem.read of `/a` denied: nothing is granted");
}

#[test]
fn a_restriction_can_only_take_away() {
    let mut restricted = set(&["/a"]).restricted_by("policy", &set(&["/a", "/b"]));
    restricted.grant(READ, "/b").unwrap();
    restricted.grant(READ, "/c").unwrap();
    assert!(restricted.check(READ, "/b").is_allowed());
    assert!(!restricted.check(READ, "/c").is_allowed());
    restricted.retain(|_, pattern| pattern.as_str() != "/a");
    assert!(!restricted.check(READ, "/a").is_allowed());
    assert_eq!(restricted.restrictions().next().map(|(_, other)| other.len()), Some(2));
}

#[test]
fn lists_are_told_apart_from_restrictions() {
    let inner = set(&["/b", "/c"]).restricted_by("third", &set(&["/d"]));
    let outer = set(&["/a"]).restricted_by("second", &inner);
    let listed: Vec<_> = outer.iter().map(|(_, pattern)| pattern.to_string()).collect();
    assert_eq!((listed, outer.len()), (vec![String::from("/a")], 1));
    let restrictions: Vec<_> = outer.restrictions().collect();
    let listed = |patterns: &[&str]| set(patterns).by_operator();
    assert_eq!(restrictions, [("second", listed(&["/b", "/c"])), ("third", listed(&["/d"]))]);
    assert_eq!(set(&["/a"]).restrictions().count(), 0);
    let empty = CapabilitySet::new().restricted_by("second", &set(&["/b"]));
    assert!(empty.is_empty() && !outer.is_empty());
    assert_eq!(
        format!("{:?}", set(&["/a"]).restricted_by("p", &CapabilitySet::new())),
        "CapabilitySet { patterns: [(FilesystemRead, Pattern { domain: Filesystem, text: \"/a\", \
         id: None })], restrictions: [{\"p\": []}] }"
    );
}

#[test]
fn sets_are_equal_with_the_same_patterns_names_and_order() {
    let with = |name: &str, patterns: &[&str]| set(&["/a"]).restricted_by(name, &set(patterns));
    assert_eq!(with("p", &["/b", "/c"]), with("p", &["/c", "/b"]));
    assert_ne!(with("p", &["/b"]), with("q", &["/b"]));
    assert_ne!(with("p", &["/b"]), with("p", &["/c"]));
    assert_ne!(with("p", &["/b"]), set(&["/a"]));
    assert_ne!(
        with("p", &["/b"]).restricted_by("q", &set(&["/c"])),
        with("q", &["/c"]).restricted_by("p", &set(&["/b"]))
    );
}

#[test]
fn an_id_is_bound_in_every_list() {
    let open = set(&["/<id>/**"]).restricted_by("policy", &set(&["/*/<id>"]));
    assert!(!open.check(READ, "/x/x").is_allowed());
    let bound = open.bind("x").unwrap();
    assert!(bound.check(READ, "/x/x").is_allowed());
    assert!(!bound.check(READ, "/x/y").is_allowed());
    assert_eq!(bound.check(READ, "/x/y").denied_by(), Some("policy"));
    // An error of a restriction is one of the set.
    let plain = set(&["/a"]).restricted_by("policy", &set(&["/<id>"]));
    assert!(plain.bind("a/b").is_err());
    assert_eq!(set(&["/a"]).restricted_by("p", &set(&["/a"])).bind("a/b").unwrap().len(), 1);
}

#[test]
fn the_name_of_a_restriction_is_shown_as_one_line_that_keeps_its_end() {
    let name = format!("{}\n\u{202e}/policy.toml [ceiling]", "x".repeat(300));
    let restricted = set(&["/a"]).restricted_by(name, &CapabilitySet::new());
    let text = restricted.check(READ, "/a").to_string();
    let shown = format!("granted by …{}\\n\\u{{202e}}/policy.toml [ceiling]", "x".repeat(256 - 24));
    assert!(text.ends_with(&shown), "{text}");
}
