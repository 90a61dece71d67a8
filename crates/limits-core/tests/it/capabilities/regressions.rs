//! Regression tests for defects of the patterns that `docs/history/design-map.md` lists.

use limits_core::{CapabilitySet, Domain, Permission};

use super::{matches, refusal};

const FILES: Domain = Domain::Filesystem;
const NET: Domain = Domain::Network;

#[test]
fn a_star_stays_within_one_segment() {
    assert!(matches(FILES, "/app/data/*", "/app/data/a"));
    assert!(!matches(FILES, "/app/data/*", "/app/data/a/b/c"));
}

#[test]
fn a_path_that_leaves_by_dots_is_matched_where_it_arrives() {
    assert!(!matches(FILES, "/app/data/*", "/app/data/../../etc/passwd"));
    assert!(!matches(FILES, "/app/data/**", "/app/data/../../etc/passwd"));
    assert!(matches(FILES, "/etc/*", "/app/data/../../etc/passwd"));
    // Regression: every path with two dots in a name was refused.
    assert!(matches(FILES, "/a..b/*", "/a..b/c"));
}

#[test]
fn braces_are_refused_when_loaded_and_not_silently_never_matched() {
    assert_eq!(
        refusal(FILES, "/app/{a,b}/x"),
        "filesystem pattern `/app/{a,b}/x` refused: `{` has no meaning here: use `*`, or one \
         pattern for each"
    );
}

#[test]
fn two_stars_in_a_name_are_refused_when_loaded_and_not_silently_never_matched() {
    assert_eq!(
        refusal(FILES, "/app/data**"),
        "filesystem pattern `/app/data**` refused: `**` must be a whole segment"
    );
}

#[test]
fn an_address_of_version_six_matches_itself_however_it_is_written() {
    assert!(matches(NET, "[2001:db8::1]:443", "[2001:db8::1]:443"));
    assert!(matches(NET, "[2001:db8::1]:443", "[2001:DB8:0:0:0:0:0:1]:443"));
    assert!(!matches(NET, "[2001:db8::1]:443", "[2001:db8::2]:443"));
    assert!(!matches(NET, "[2001:db8::1]:443", "[2001:db8::1]:80"));
}

#[test]
fn a_star_in_a_host_does_not_cross_into_port_and_path() {
    assert!(matches(NET, "*.example.com:443", "x.example.com:443"));
    assert!(!matches(NET, "*.example.com:443", "evil.com:1/x.example.com:443"));
    assert!(!matches(NET, "*.example.com:443", "evilexample.com:443"));
    assert!(!matches(NET, "*.example.com:443", "example.com:443"));
    assert!(!matches(NET, "*.example.com:443", "a.b.example.com:443"));
}

#[test]
fn the_placeholder_stands_for_the_components_own_id() {
    let set = CapabilitySet::builder()
        .grant(Permission::StorageRead, "component:<id>:*")
        .build()
        .unwrap();
    let abc = set.bind("abc").unwrap();
    assert!(abc.check(Permission::StorageRead, "component:abc:k").is_allowed());
    assert!(!abc.check(Permission::StorageRead, "component:abd:k").is_allowed());
    // The set is not bound to a component yet.
    assert!(!set.check(Permission::StorageRead, "component:abc:k").is_allowed());
    assert!(!set.check(Permission::StorageRead, "component:<id>:k").is_allowed());
}

#[test]
fn a_pattern_of_one_domain_allows_nothing_in_another() {
    // Regression: `Storage { namespaces: ["*"], ["read"] }` read files.
    let set = CapabilitySet::builder()
        .grant(Permission::StorageRead, "**")
        .grant(Permission::MessagingSend, "**")
        .grant(Permission::NetworkConnect, "**:*")
        .build()
        .unwrap();
    for &permission in Permission::ALL {
        for resource in ["/etc/passwd", "a.example:443", "cache:k", "orders.new"] {
            let granted = set.patterns(permission).count() > 0;
            let decision = set.check(permission, resource);
            assert!(granted || !decision.is_allowed(), "{decision}");
        }
    }
    assert!(!set.check(Permission::FilesystemRead, "/etc/passwd").is_allowed());
}

#[test]
fn a_prefix_is_not_a_segment_and_a_suffix_is_not_a_domain() {
    // Regression: patterns were compared by `starts_with` and `ends_with`.
    assert!(!matches(FILES, "/comp-a/*", "/comp-abc/x"));
    assert!(!matches(NET, "*.s:1", "evils:1"));
}
