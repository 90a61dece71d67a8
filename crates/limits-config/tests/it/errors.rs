//! Every error of a file, with its exact text.

use limits_config::{ComponentConfig, ConfigErrorKind as Kind, Policy};

use crate::{MINIMAL, with_names};

mod keys;
mod values;

fn refused(text: &str) -> limits_config::ConfigError {
    ComponentConfig::from_toml(text).expect_err(text)
}

/// Checks files that are `MINIMAL`, which has five lines, with more below it.
fn table(rows: &[(&str, Kind, &str)]) {
    for (more, kind, error) in rows {
        let refused = refused(&format!("{MINIMAL}{more}"));
        assert_eq!(refused.to_string(), with_names(error), "{more}");
        assert_eq!(refused.kind(), *kind, "{more}");
    }
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
fn settings_that_contradict_each_other_name_both() {
    // Regression: two limits of memory did not know of each other.
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
            "line 1, column 2: unknown key `quota`: write `[ceiling.quota]` (expected one of host, compile, cluster, ceiling, component)",
        ),
        (
            "[ceiling]\nsha256 = \"\"",
            "line 2, column 1: unknown key `ceiling.sha256` \
             (expected one of resources, quota, capabilities)",
        ),
        (
            "[ceiling.resources.memory]\nmax_byte = 1",
            "line 2, column 1: unknown key `ceiling.resources.memory.max_byte`: did you mean \
             `max_bytes`? (expected one of {resources.memory})",
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
            "[component.x]\nweight = 0",
            "line 2, column 10: `component.x.weight`: a weight is 1 to 10000, not 0",
        ),
        (
            "[component.x]\nweight = 10_001",
            "line 2, column 10: `component.x.weight`: a weight is 1 to 10000, not 10001",
        ),
        (
            "[component.x]\nweight = \"2\"",
            "line 2, column 10: `component.x.weight`: expected a whole number from 1 to 10000, \
             found string \"2\"",
        ),
        (
            "[ceiling]\nweight = 2",
            "line 2, column 1: unknown key `ceiling.weight`: write `weight` in `[component.\"ID\"]` \
             (expected one of resources, quota, capabilities)",
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
        assert_eq!(Policy::from_toml(text).unwrap_err().to_string(), with_names(error), "{text}");
    }
    let hash = format!("[component.x]\nsha256 = \"{}\"", "g".repeat(64));
    assert!(Policy::from_toml(&hash).is_err());
    let wide = format!("[component.x]\nsha256 = \"{}\"", "é".repeat(32));
    assert!(Policy::from_toml(&wide).is_err());
}
