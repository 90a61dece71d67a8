//! The keys that say how storage is counted: the operator's alone.

use limits_config::{ComponentConfig, ConfigErrorKind, Policy};
use limits_core::Allowance;

use crate::MINIMAL;

const RULES: [&str; 2] = ["storage_baseline = \"free\"", "storage_entry_bytes = 0"];

#[test]
fn neither_a_component_nor_a_ceiling_nor_an_override_says_how_storage_is_counted() {
    for rule in RULES {
        Policy::from_toml(&format!("[host]\n{rule}\n")).unwrap();
        for table in ["[quota]", "[resources.host]", "[host]"] {
            let text = format!("{MINIMAL}{table}\n{rule}\n");
            let refused = ComponentConfig::from_toml(&text).unwrap_err();
            assert_eq!(refused.kind(), ConfigErrorKind::UnknownKey, "{text}");
        }
        for table in ["ceiling", "component.x"] {
            for part in ["quota", "resources.host"] {
                let text = format!("[{table}.{part}]\n{rule}\n");
                let refused = Policy::from_toml(&text).unwrap_err();
                assert_eq!(refused.kind(), ConfigErrorKind::UnknownKey, "{text}");
            }
        }
    }
}

#[test]
fn a_baseline_is_one_of_two_words() {
    let refused = Policy::from_toml("[host]\nstorage_baseline = \"Count\"").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "line 2, column 20: `host.storage_baseline`: unknown word `Count`: did you mean `count`? \
         (expected one of free, count)"
    );
}

#[test]
fn a_rate_of_output_is_a_size_per_second_and_never_unlimited() {
    let read = |value: &str| {
        let text = format!("{MINIMAL}[resources.host]\nmax_output_rate = {value}\n");
        ComponentConfig::from_toml(&text)
    };
    for (value, bytes) in [("7", 7), ("\"2MB/s\"", 2 << 20), ("0", 0)] {
        assert_eq!(read(value).unwrap().resources.host.max_output_rate, Some(bytes));
    }
    for (value, message) in [
        ("\"2MB\"", "`resources.host.max_output_rate`: `2MB` is not a rate, did you mean `2MB/s`?"),
        ("true", "expected bytes per second, such as 1048576 or \"5MB/s\", found boolean `true`"),
    ] {
        let refused = read(value).unwrap_err().to_string();
        assert!(refused.contains(message), "{refused}");
    }
    assert!(read("\"unlimited\"").is_err());
    // It is no quota: a short period of those does not make it zero.
    let text =
        format!("{MINIMAL}[resources.host]\nmax_output_rate = 1\n[quota]\nperiod = \"1ms\"\n");
    assert_eq!(
        ComponentConfig::from_toml(&text).unwrap().effective().limits().max_output_rate(),
        1
    );
}

#[test]
fn a_ceiling_lowers_the_entries_that_a_component_asks_for() {
    let text = format!("{MINIMAL}[quota]\nstorage_entries = \"unlimited\"\n");
    let config = ComponentConfig::from_toml(&text).unwrap();
    assert_eq!(config.effective().quota().max_storage_entries, Allowance::Unlimited);
    let policy = Policy::from_toml("[ceiling.quota]\nstorage_entries = 10").unwrap();
    let effective = policy.apply(&config, &config.component.name, None);
    assert_eq!(effective.quota().max_storage_entries, Allowance::AtMost(10));
    let changes: Vec<_> = effective.changes().iter().map(ToString::to_string).collect();
    assert_eq!(
        changes,
        ["quota.storage_entries lowered from unlimited to 10 by policy [ceiling] \
          quota.storage_entries"]
    );
    let refused = ComponentConfig::from_toml(&text.replace("\"unlimited\"", "\"10\"")).unwrap_err();
    assert!(
        refused.to_string().contains("expected entries, such as 1000, or \"unlimited\", found"),
        "{refused}"
    );
}
