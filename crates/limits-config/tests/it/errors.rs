//! Every way to be wrong, with its exact text.

use limits_config::{ComponentConfig, ConfigErrorKind as Kind, Policy};

use crate::MINIMAL;

fn refused(text: &str) -> limits_config::ConfigError {
    ComponentConfig::from_toml(text).expect_err(text)
}

/// Checks files that are `MINIMAL`, which has five lines, with more below it.
fn table(rows: &[(&str, Kind, &str)]) {
    for (more, kind, error) in rows {
        let refused = refused(&format!("{MINIMAL}{more}"));
        assert_eq!(refused.to_string(), *error, "{more}");
        assert_eq!(refused.kind(), *kind, "{more}");
    }
}

#[test]
fn an_unknown_key_names_the_nearest() {
    table(&[
        (
            "[resources.cpu]\nmax_feul = 1",
            Kind::UnknownKey,
            "line 7, column 1: unknown key `resources.cpu.max_feul`: did you mean `max_fuel`? \
             (expected one of max_fuel, timeout_ms)",
        ),
        (
            "[resources.cpu]\n  MaxFuel = 1",
            Kind::UnknownKey,
            "line 7, column 3: unknown key `resources.cpu.MaxFuel`: did you mean `max_fuel`? \
             (expected one of max_fuel, timeout_ms)",
        ),
        (
            "[resources.cpu]\ntimeout_seconds = 1",
            Kind::UnknownKey,
            "line 7, column 1: unknown key `resources.cpu.timeout_seconds` \
             (expected one of max_fuel, timeout_ms)",
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
            "line 6, column 2: unknown key `host` \
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
             (expected one of storage, message_rate, network_bandwidth, cpu_time, cpu_time_policy, \
             memory, period)",
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
             (expected one of storage, message_rate, network_bandwidth, cpu_time, cpu_time_policy, \
             memory, period)",
        ),
    ]);
}

#[test]
fn the_parts_of_an_error_are_values() {
    let error = refused(&format!("{MINIMAL}[resources.cpu]\nmax_feul = 1"));
    assert_eq!((error.line(), error.column()), (Some(7), Some(1)));
    assert_eq!(error.key(), Some("resources.cpu.max_feul"));
    assert_eq!(error.nearest_key(), Some("max_fuel"));
    assert_eq!(error.file(), None);
    assert!(error.message().starts_with("unknown key `resources.cpu.max_feul`"));
    assert_eq!(size_of_val(&error), size_of::<usize>());
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
fn a_byte_order_mark_takes_no_column() {
    let error = refused("\u{feff}x = 1");
    assert_eq!((error.line(), error.column()), (Some(1), Some(1)));
    assert_eq!(refused("\u{feff}= 1").column(), Some(1));
}

#[test]
fn a_column_counts_characters() {
    let text = "component = { name = \"é\", \"ü\" = 1 }";
    assert_eq!(refused(text).column(), Some(22));
    let error = refused("component = { version = \"1.0.0\", \"ü\" = 1 }");
    assert_eq!(error.column(), Some(34));
}

#[test]
fn the_first_fault_of_the_text_is_reported() {
    let error = refused("[quota]\nstorage = -1\n[component]\nname = 5\n");
    assert_eq!(error.line(), Some(2));
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

#[test]
fn the_component_must_say_what_it_is() {
    let name = |name: &str| {
        refused(&format!("[component]\nname = {name}\nversion = \"1.0.0\"")).to_string()
    };
    let rule = "is not a name: 1 to 64 of a-z, 0-9, `.`, `_` and `-`, the first a letter or digit";
    assert_eq!(name("\"\""), format!("line 2, column 8: `component.name`: `` {rule}"));
    assert_eq!(name("\"../x\""), format!("line 2, column 8: `component.name`: `../x` {rule}"));
    assert_eq!(
        name("\"a\\u0000\""),
        format!("line 2, column 8: `component.name`: `a\\u{{0}}` {rule}")
    );
    assert_eq!(
        name("5"),
        "line 2, column 8: `component.name`: expected a string, found integer `5`"
    );
    let version = |version: &str| {
        refused(&format!("[component]\nname = \"x\"\nversion = {version}")).to_string()
    };
    assert_eq!(
        version("\"\""),
        "line 3, column 11: `component.version`: `` is not a semantic version, such as 1.0.0: \
         empty string, expected a semver version"
    );
    assert_eq!(
        version("\"1.0\""),
        "line 3, column 11: `component.version`: `1.0` is not a semantic version, such as 1.0.0: \
         unexpected end of input while parsing minor version number"
    );
    assert_eq!(
        version("1.0"),
        "line 3, column 11: `component.version`: expected a string, found float `1.0`"
    );
    let error = refused("[component]\nname = \"x\"\nversion = \"1.0.0\"\npath = \"../x.wasm\"");
    assert_eq!(
        error.to_string(),
        "line 4, column 8: `component.path`: `../x.wasm` is not a relative path inside this \
         file's folder, such as component.wasm"
    );
}

#[test]
fn q18_settings_that_contradict_each_other_name_both() {
    // The original had two limits of memory that did not know of each other.
    table(&[
        (
            "[quota]\nmemory = \"512KB\"",
            Kind::Conflict,
            "line 7, column 10: `quota.memory` of 524288 (512 KiB) is below \
             `resources.memory.max_bytes` of 1048576 (1 MiB) on line 5",
        ),
        (
            "[quota]\nmessage_rate = 1\nperiod = \"999ms\"",
            Kind::Conflict,
            "line 7, column 16: `quota.message_rate` comes out as 0 in a `quota.period` of 999ms \
             on line 8: make the period longer or the rate larger",
        ),
    ]);
}

#[test]
fn what_is_not_toml_is_pointed_at() {
    table(&[
        ("[quota", Kind::Syntax, "line 6, column 7: not valid TOML: unclosed table, expected `]`"),
        (
            "x = 'a\0b'",
            Kind::Syntax,
            "line 6, column 7: not valid TOML: invalid literal string, expected non-single-quote \
             visible characters, found `\\u{0}`",
        ),
        (
            "x = 1 2",
            Kind::Syntax,
            "line 6, column 5: not valid TOML: string values must be quoted, expected literal string",
        ),
    ]);
    let deep = format!("{}=1", vec!["a"; 100_000].join("."));
    assert_eq!(refused(&deep).to_string(), "line 1, column 1: not valid TOML: recursion limit");
    let deep = format!("a = {}", "[".repeat(100_000));
    assert_eq!(refused(&deep).kind(), Kind::Syntax);
}

#[test]
fn a_long_text_in_an_error_is_cut() {
    let long = "a".repeat(100_000);
    for text in [
        format!("{long} = 1"),
        format!("[component]\nname = \"{long}\""),
        format!("[component]\nname = 1{}", "0".repeat(100_000)),
        format!("{long} = 1\n{long} = 1"),
    ] {
        assert!(refused(&text).to_string().chars().count() < 300);
    }
}

#[test]
fn a_policy_is_as_strict() {
    let rows = [
        (
            "[quota]\n",
            "line 1, column 2: unknown key `quota`: write `[ceiling.quota]` (expected one of host, ceiling, component)",
        ),
        (
            "[ceiling]\nsha256 = \"\"",
            "line 2, column 1: unknown key `ceiling.sha256` \
             (expected one of resources, quota, capabilities)",
        ),
        (
            "[ceiling.resources.memory]\nmax_byte = 1",
            "line 2, column 1: unknown key `ceiling.resources.memory.max_byte`: did you mean \
             `max_bytes`? (expected one of max_bytes, max_instances, max_memories, max_tables, \
             max_table_elements)",
        ),
        (
            "[component.\"../x\"]",
            "line 1, column 12: `component.\"../x\"`: `../x` is not a name: 1 to 64 of a-z, 0-9, \
             `.`, `_` and `-`, the first a letter or digit",
        ),
        (
            "[component.x]\nsha256 = \"00\"",
            "line 2, column 10: `component.x.sha256`: `00` is not 64 hexadecimal digits",
        ),
        (
            "[component.x]\nsha256 = 5",
            "line 2, column 10: `component.x.sha256`: expected a SHA-256 as 64 hexadecimal digits \
             in quotes, found integer `5`",
        ),
        (
            "[component.x]\nquota.storage = nan",
            "line 2, column 17: `component.x.quota.storage`: expected bytes, such as 4194304 or \
             \"4MiB\", or \"unlimited\", found float `nan`",
        ),
        (
            "[component.x]\n[component.x]",
            "line 2, column 12: duplicate key `x`: it is already there",
        ),
        (
            "[ceiling]\nname = \"x\"",
            "line 2, column 1: unknown key `ceiling.name` \
             (expected one of resources, quota, capabilities)",
        ),
    ];
    for (text, error) in rows {
        assert_eq!(Policy::from_toml(text).unwrap_err().to_string(), error, "{text}");
    }
    let hash = format!("[component.x]\nsha256 = \"{}\"", "g".repeat(64));
    assert!(Policy::from_toml(&hash).is_err());
    let wide = format!("[component.x]\nsha256 = \"{}\"", "é".repeat(32));
    assert!(Policy::from_toml(&wide).is_err());
}
