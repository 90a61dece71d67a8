//! Errors of values: another type, out of range, ill-formed.

use limits_config::{ComponentConfig, ConfigErrorKind as Kind};

use super::{refused, table};
use crate::MINIMAL;

#[test]
fn a_number_is_whole_and_not_negative() {
    let fuel = |value: &str, found: &str| {
        let error = refused(&format!("{MINIMAL}[resources.cpu]\nmax_fuel = {value}"));
        assert_eq!(
            error.to_string(),
            format!(
                "line 7, column 12: `resources.cpu.max_fuel`: expected a whole number from 0 to \
                 18446744073709551615, found {found}"
            )
        );
        assert_eq!(error.kind(), Kind::WrongType);
    };
    fuel("-1", "integer `-1`");
    fuel("18446744073709551616", "integer `18446744073709551616`");
    fuel(
        "99999999999999999999999999999999999999999999",
        "integer `99999999999999999999999999999999999999999999`",
    );
    fuel("1.0", "float `1.0`");
    fuel("1e9", "float `1e9`");
    fuel("nan", "float `nan`");
    fuel("-nan", "float `-nan`");
    fuel("inf", "float `inf`");
    fuel("-inf", "float `-inf`");
    fuel("\"5\"", "string \"5\"");
    fuel("true", "boolean `true`");
    fuel("1979-05-27", "date `1979-05-27`");
    fuel("[1]", "an array");
    fuel("{ a = 1 }", "a table");
    fuel("0x", "integer `0x`");
}

#[test]
fn a_value_of_another_type_says_what_was_expected() {
    table(&[
        (
            "[resources.host]\nmax_handles = 4294967296",
            Kind::WrongType,
            "line 7, column 15: `resources.host.max_handles`: expected a whole number from 0 to \
             4294967295, found integer `4294967296`",
        ),
        (
            "[resources.host]\nmax_copy_bytes = nan",
            Kind::WrongType,
            "line 7, column 18: `resources.host.max_copy_bytes`: expected bytes, such as 4194304 \
             or \"4MiB\", found float `nan`",
        ),
        (
            "[resources.host]\nmax_copy_bytes = -5",
            Kind::WrongType,
            "line 7, column 18: `resources.host.max_copy_bytes`: expected bytes, such as 4194304 \
             or \"4MiB\", found integer `-5`",
        ),
        (
            "[quota]\nstorage = true",
            Kind::WrongType,
            "line 7, column 11: `quota.storage`: expected bytes, such as 4194304 or \"4MiB\", or \
             \"unlimited\", found boolean `true`",
        ),
        (
            "[quota]\nmessage_rate = \"500/s\"",
            Kind::WrongType,
            "line 7, column 16: `quota.message_rate`: expected messages per second, such as 500, \
             or \"unlimited\", found string \"500/s\"",
        ),
        (
            "[quota]\ncpu_time = 800",
            Kind::WrongType,
            "line 7, column 12: `quota.cpu_time`: expected a CPU time, such as \"800ms/s\", or \
             \"unlimited\", found integer `800`",
        ),
        (
            "[quota]\nperiod = 1",
            Kind::WrongType,
            "line 7, column 10: `quota.period`: expected a period, such as \"1s\" or \"500ms\", \
             found integer `1`",
        ),
        (
            "[capabilities]\nfilesystem.read = \"/a\"",
            Kind::WrongType,
            "line 7, column 19: `capabilities.filesystem.read`: expected an array of patterns, \
             such as [\"/app/data/**\"], found string \"/a\"",
        ),
        (
            "[capabilities]\nfilesystem.read = [\"/a\", 5]",
            Kind::WrongType,
            "line 7, column 26: `capabilities.filesystem.read[1]`: expected a pattern in quotes, \
             found integer `5`",
        ),
        (
            "[capabilities]\nfilesystem = [\"/a\"]",
            Kind::WrongType,
            "line 7, column 14: `capabilities.filesystem`: expected a table, found an array",
        ),
        (
            "[[quota]]",
            Kind::WrongType,
            "line 6, column 1: `quota`: expected a table, found an array",
        ),
    ]);
}

#[test]
fn an_ill_formed_value_says_why() {
    table(&[
        (
            "[resources.host]\nmax_copy_bytes = \"10Mb\"",
            Kind::InvalidValue,
            "line 7, column 18: `resources.host.max_copy_bytes`: `10Mb`: bits are not accepted, \
             did you mean `10MB`?",
        ),
        (
            "[resources.host]\nmax_copy_bytes = \"unlimited\"",
            Kind::InvalidValue,
            "line 7, column 18: `resources.host.max_copy_bytes`: `unlimited` is not a size, such \
             as 50MB",
        ),
        (
            "[quota]\nnetwork_bandwidth = \"5MB\"",
            Kind::InvalidValue,
            "line 7, column 21: `quota.network_bandwidth`: `5MB` is not a rate, did you mean \
             `5MB/s`?",
        ),
        (
            "[quota]\nstorage = \"16777216TB\"",
            Kind::InvalidValue,
            "line 7, column 11: `quota.storage`: `16777216TB` is too large: the most is \
             18446744073709551615",
        ),
        (
            "[quota]\nstorage = \"Unlimited\"",
            Kind::InvalidValue,
            "line 7, column 11: `quota.storage`: `Unlimited` is not a size, such as 50MB",
        ),
        (
            "[quota]\nperiod = \"0s\"",
            Kind::InvalidValue,
            "line 7, column 10: `quota.period`: `0s` is not a period from 1ms to 86400s, such as \
             1s or 500ms",
        ),
        (
            "[quota]\nperiod = \"86401s\"",
            Kind::InvalidValue,
            "line 7, column 10: `quota.period`: `86401s` is not a period from 1ms to 86400s, such \
             as 1s or 500ms",
        ),
        (
            "[quota]\nperiod = \"1 min\"",
            Kind::InvalidValue,
            "line 7, column 10: `quota.period`: `1 min` is not a period from 1ms to 86400s, such \
             as 1s or 500ms",
        ),
        (
            "[capabilities]\nfilesystem.read = [\"\"]",
            Kind::InvalidValue,
            "line 7, column 20: `capabilities.filesystem.read[0]`: a pattern cannot be empty",
        ),
        (
            "[capabilities]\nfilesystem.read = [\"a\\u0000\"]",
            Kind::InvalidValue,
            "line 7, column 20: `capabilities.filesystem.read[0]`: the pattern `a\\u{0}` has a \
             control character",
        ),
        (
            "[capabilities]\nfilesystem.read = [\"/a\", \"b/*\"]",
            Kind::InvalidValue,
            "line 7, column 26: `capabilities.filesystem.read[1]`: the pattern `b/*` is refused: a \
             path must begin with `/`",
        ),
        (
            "[capabilities]\nnetwork.connect = [\"example.com\"]",
            Kind::InvalidValue,
            "line 7, column 20: `capabilities.network.connect[0]`: the pattern `example.com` is \
             refused: the port must be a number from 1 to 65535, or `*`",
        ),
        (
            "[capabilities]\nnetwork.connect = [\"10.0.0.1/8:443\"]",
            Kind::InvalidValue,
            "line 7, column 20: `capabilities.network.connect[0]`: the pattern `10.0.0.1/8:443` is \
             refused: the address has bits behind its prefix, the network is `10.0.0.0/8`",
        ),
        (
            "[capabilities]\nstorage.read = [\"component:<name>:*\"]",
            Kind::InvalidValue,
            "line 7, column 17: `capabilities.storage.read[0]`: the pattern `component:<name>:*` is \
             refused: unknown placeholder `<name>`, the only one is `<id>`",
        ),
        (
            "[capabilities]\nmessaging.send = [\"orders**\"]",
            Kind::InvalidValue,
            "line 7, column 19: `capabilities.messaging.send[0]`: the pattern `orders**` is refused: \
             `**` must be a whole segment",
        ),
        (
            "[capabilities]\nnetwork.connect = [\"<ID>.example.com:443\"]",
            Kind::InvalidValue,
            "line 7, column 20: `capabilities.network.connect[0]`: the pattern \
             `<ID>.example.com:443` is refused: unknown placeholder `<ID>`, the only one is `<id>`",
        ),
    ]);
    let long = format!("{MINIMAL}[capabilities]\nstorage.read = [\"{}\"]", "a".repeat(1025));
    let long = refused(&long).to_string();
    let end = "…` is refused: it has 1025 bytes, at most 1024 are allowed";
    assert!(long.ends_with(end) && long.len() < 200, "{long}");
}

#[test]
fn a_list_holds_no_more_patterns_than_a_set_of_capabilities() {
    for (list, pattern, most, problem) in [
        ("storage.read", "kN", 256, "this permission has 256 patterns already, the most allowed"),
        (
            "filesystem.write",
            "/kN/**/x/**",
            16,
            "this permission has 16 patterns with two or more `**` already, the most allowed",
        ),
        (
            "network.bind",
            "kN.**.x.**.com:1",
            16,
            "this permission has 16 patterns with two or more `**` already, the most allowed",
        ),
    ] {
        let file = |count: usize| {
            let patterns: String = (0..count)
                .map(|number| format!("\"{}\",", pattern.replace('N', &number.to_string())))
                .collect();
            format!("{MINIMAL}[capabilities]\n{list} = [{patterns}]")
        };
        let full = ComponentConfig::from_toml(&file(most)).unwrap();
        assert_eq!(full.capabilities.len(), most);
        let refused = refused(&file(most + 1)).to_string();
        let last = pattern.replace('N', &most.to_string());
        let text =
            format!("`capabilities.{list}[{most}]`: the pattern `{last}` is refused: {problem}");
        assert!(refused.ends_with(&text), "{refused}");
    }
}
