//! Errors of keys: unknown, missing, repeated.

use limits_config::ConfigErrorKind as Kind;

use super::{refused, table};
use crate::MINIMAL;

#[test]
fn an_unknown_key_names_the_nearest() {
    table(&[
        (
            "[resources.cpu]\nmax_feul = 1",
            Kind::UnknownKey,
            "line 7, column 1: unknown key `resources.cpu.max_feul`: did you mean `max_fuel`? \
             (expected one of {resources.cpu})",
        ),
        (
            "[resources.cpu]\n  MaxFuel = 1",
            Kind::UnknownKey,
            "line 7, column 3: unknown key `resources.cpu.MaxFuel`: did you mean `max_fuel`? \
             (expected one of {resources.cpu})",
        ),
        (
            "[resources.cpu]\ntimeout_seconds = 1",
            Kind::UnknownKey,
            "line 7, column 1: unknown key `resources.cpu.timeout_seconds` \
             (expected one of {resources.cpu})",
        ),
        (
            "[quotas]\n",
            Kind::UnknownKey,
            "line 6, column 2: unknown key `quotas`: did you mean `quota`? \
             (expected one of component, resources, quota, capabilities)",
        ),
        (
            "[host]\n",
            Kind::UnknownKey,
            "line 6, column 2: unknown key `host`: `[host]` is the operator's, in the policy file \
             (expected one of component, resources, quota, capabilities)",
        ),
        (
            "[resources.compile]\n",
            Kind::UnknownKey,
            "line 6, column 12: unknown key `resources.compile` (expected one of memory, cpu, host)",
        ),
        (
            "[quota]\nmesage_rate = 1",
            Kind::UnknownKey,
            "line 7, column 1: unknown key `quota.mesage_rate`: did you mean `message_rate`? \
             (expected one of {quota})",
        ),
        (
            "[capabilities]\nfilesystem.delete = []",
            Kind::UnknownKey,
            "line 7, column 12: unknown key `capabilities.filesystem.delete` \
             (expected one of read, write, execute)",
        ),
        (
            "[capabilities]\nnetwork.conect = []",
            Kind::UnknownKey,
            "line 7, column 9: unknown key `capabilities.network.conect`: did you mean `connect`? \
             (expected one of connect, bind, listen)",
        ),
        (
            "[quota]\n\"\\u001b[31m\" = 1",
            Kind::UnknownKey,
            "line 7, column 1: unknown key `quota.\"\\u{1b}[31m\"` \
             (expected one of {quota})",
        ),
    ]);
}

#[test]
fn only_a_near_key_is_offered() {
    let offered =
        |table: &str, key: &str| refused(&format!("{MINIMAL}[{table}]\n{key} = 1")).nearest_key();
    assert_eq!(offered("quota", "storraage"), Some("storage"), "two letters of seven");
    assert_eq!(offered("quota", "storraaage"), None, "three letters of seven");
    assert_eq!(offered("resources.cpu", "fuel"), Some("max_fuel"), "a part of it");
    assert_eq!(offered("resources.cpu", "timeout_ms_max"), Some("timeout_ms"), "more than it");
    assert_eq!(offered("resources.cpu", "ms"), None, "too short to tell");
    assert_eq!(offered("resources.cpu", &"max_fuel".repeat(9)), None, "too long to be one");
}

#[test]
fn a_missing_key_is_named() {
    let memory = ": memory has no default, write `[resources.memory]` with, for example, \
                  `max_bytes = \"64MiB\"`";
    let component = "[component]\nname = \"x\"\nversion = \"1.0.0\"\n";
    let rows = [
        (String::new(), String::from("line 1, column 1: missing key `component`")),
        (component.to_owned(), format!("line 1, column 1: missing key `resources`{memory}")),
        (
            format!("{component}[resources.cpu]\n"),
            format!("line 4, column 2: missing key `resources.memory`{memory}"),
        ),
        (
            format!("{component}[resources.memory]\nmax_tables = 1\n"),
            format!("line 4, column 1: missing key `resources.memory.max_bytes`{memory}"),
        ),
        (
            String::from("[component]\nname = \"x\"\n"),
            String::from("line 1, column 1: missing key `component.version`"),
        ),
        (
            String::from("\n[component]\nversion = \"1.0.0\"\n"),
            String::from("line 2, column 1: missing key `component.name`"),
        ),
    ];
    for (text, expected) in rows {
        let error = refused(&text);
        assert_eq!(error.to_string(), expected, "{text}");
        assert_eq!(error.kind(), Kind::MissingKey);
    }
}

#[test]
fn a_duplicate_is_pointed_at() {
    table(&[
        (
            "max_bytes = 2",
            Kind::DuplicateKey,
            "line 6, column 1: duplicate key `max_bytes`: it is already there",
        ),
        (
            "[resources.cpu]\nmax_fuel = 1\n[resources.cpu]\n",
            Kind::DuplicateKey,
            "line 8, column 12: duplicate key `cpu`: it is already there",
        ),
        (
            "[capabilities]\nfilesystem.read = []\nfilesystem.read = []",
            Kind::DuplicateKey,
            "line 8, column 12: duplicate key `read`: it is already there",
        ),
        (
            "[capabilities]\nnetwork.bind = [\"a:1\", \"b:1\", \"a:1\"]",
            Kind::InvalidValue,
            "line 7, column 31: `capabilities.network.bind[2]`: the pattern `a:1` is listed twice",
        ),
    ]);
}
