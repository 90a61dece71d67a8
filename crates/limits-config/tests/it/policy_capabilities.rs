//! Capabilities under a policy.

use limits_config::EffectiveConfig;
use limits_core::{Pattern, Permission};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::policy::{HASH, apply, component, pin, report};
use crate::{EXAMPLE, MINIMAL};

#[test]
fn a_request_is_allowed_by_a_pattern_of_both_files() {
    let policy = r#"
        [ceiling.capabilities]
        filesystem.read = ["**"]
        filesystem.write = ["/app/*"]
        network.connect = ["*.example.com:*"]
    "#;
    let config = component(
        &(EXAMPLE.replace("/app/output/*", "/app/output")
            + "storage.read = [\"a\"]\nstorage.write = []\n"),
    );
    let effective = apply(policy, &config, None);
    let set = effective.capabilities();
    for (permission, resource) in [
        (Permission::FilesystemRead, "/app/data/a"),
        (Permission::FilesystemWrite, "/app/output"),
        (Permission::NetworkConnect, "api.example.com:443"),
    ] {
        assert!(set.check(permission, resource).is_allowed(), "{permission} {resource}");
    }
    let says = |permission, resource| set.check(permission, resource).to_string();
    assert_eq!(
        says(Permission::FilesystemWrite, "/app/other"),
        "filesystem.write of `/app/other` denied: no granted pattern matches (1 checked)",
        "the component does not ask for it"
    );
    assert_eq!(
        says(Permission::MessagingSend, "orders.new"),
        "messaging.send of `orders.new` denied: nothing is granted by policy [ceiling]"
    );
    assert_eq!(
        report(&effective),
        ["capabilities restricted by policy [ceiling] capabilities, which grants no \
             storage.read, messaging.send"]
    );
    assert_eq!(set.iter().collect::<Vec<_>>(), config.capabilities.iter().collect::<Vec<_>>());
    let nothing = apply("[ceiling.capabilities]", &config, None);
    let decision = nothing.capabilities().check(Permission::FilesystemRead, "/app/data/a");
    assert_eq!(decision.denied_by(), Some("policy [ceiling]"));
    assert_eq!(apply("[ceiling]", &config, None).capabilities(), &config.capabilities);
}

#[test]
fn a_component_that_asks_for_no_capabilities_gets_none_and_no_report() {
    let effective =
        apply("ceiling.capabilities.storage.read = [\"**\"]", &component(MINIMAL), None);
    let decision = effective.capabilities().check(Permission::StorageRead, "a");
    assert_eq!(decision.to_string(), "storage.read of `a` denied: nothing is granted");
    assert!(report(&effective).is_empty());
}

#[test]
fn an_override_restricts_capabilities_and_replaces_the_ceiling_only_for_its_hash() {
    let table = |pin: &str| {
        format!(
            "[ceiling.capabilities]\nfilesystem.read = [\"/app/*/public\"]\n\
             messaging.send = [\"orders.*\"]\n\
             [component.data-processor]\n{pin}\
             capabilities.filesystem.read = [\"/app/data/**\", \"/never/asked\"]\n",
        )
    };
    let config = component(EXAMPLE);
    let allows = |effective: &EffectiveConfig| {
        let requests = [
            (Permission::FilesystemRead, "/app/data/public"),
            (Permission::FilesystemRead, "/app/data/private"),
            (Permission::FilesystemRead, "/never/asked"),
            (Permission::MessagingSend, "orders.new"),
        ];
        let set = effective.capabilities();
        requests.map(|(permission, resource)| set.check(permission, resource).is_allowed())
    };
    let pinned = table(&pin());
    for (policy, hash, allowed) in [
        (&pinned, Some(&HASH), [true, true, false, false]),
        // All three lists must have a pattern.
        (&pinned, None, [true, false, false, false]),
        (&table(""), Some(&HASH), [true, false, false, false]),
    ] {
        assert_eq!(allows(&apply(policy, &config, hash)), allowed, "{policy} {hash:?}");
    }
    let effective = apply(&table(""), &config, None);
    let set = effective.capabilities();
    let denied_by = |permission, resource| set.check(permission, resource).denied_by();
    let over = Some("policy [component.\"data-processor\"]");
    assert_eq!(
        denied_by(Permission::FilesystemRead, "/app/data/private"),
        Some("policy [ceiling]")
    );
    assert_eq!(denied_by(Permission::MessagingSend, "orders.new"), over);
    assert_eq!(
        report(&effective),
        [
            "capabilities restricted by policy [ceiling] capabilities, which grants no \
             filesystem.write, network.connect",
            "capabilities restricted by policy [component.\"data-processor\"] capabilities, which \
             grants no filesystem.write, network.connect, messaging.send",
        ]
    );
}

const KEYS: [&str; 6] = ["a", "b", "a:a", "a:b", "b:a", "a:a:b"];

fn patterns() -> impl Strategy<Value = Vec<&'static str>> {
    vec(select(&["a", "a:*", "*:a", "a:**", "**", "*"][..]), 0..3).prop_map(|mut patterns| {
        patterns.sort_unstable();
        patterns.dedup();
        patterns
    })
}

fn allows(patterns: &[&str], key: &str) -> bool {
    let domain = Permission::StorageRead.domain();
    patterns.iter().any(|text| {
        let pattern = Pattern::new(domain, text).expect("a pattern");
        pattern.matches(key).expect("a key")
    })
}

proptest! {
    #[test]
    fn a_request_is_allowed_by_every_table_that_has_patterns_and_counts(
        asked in patterns(),
        ceiling in option::of(patterns()),
        over in option::of(patterns()),
        pin in any::<bool>(),
        is_same in any::<bool>(),
    ) {
        let config = component(&format!("{MINIMAL}[capabilities]\nstorage.read = {asked:?}\n"));
        let mut text = String::new();
        if let Some(patterns) = &ceiling {
            text += &format!("ceiling.capabilities.storage.read = {patterns:?}\n");
        }
        text += "[component.x]\n";
        if pin {
            text += &crate::policy::pin();
        }
        if let Some(patterns) = &over {
            text += &format!("capabilities.storage.read = {patterns:?}\n");
        }
        let effective = apply(&text, &config, is_same.then_some(&HASH));
        let replaces_ceiling = pin && is_same && over.is_some();
        let counting = ceiling.filter(|_| !replaces_ceiling).into_iter().chain(over);
        let tables: Vec<_> = core::iter::once(asked).chain(counting).collect();
        for key in KEYS {
            let expected = tables.iter().all(|patterns| allows(patterns, key));
            let decision = effective.capabilities().check(Permission::StorageRead, key);
            prop_assert_eq!(decision.is_allowed(), expected, "{} {}", text, decision);
        }
    }
}
