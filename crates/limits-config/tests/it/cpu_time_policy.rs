//! `quota.cpu_time_policy`: executions without CPU time wait or end.

use limits_config::{
    ComponentConfig, ConfigErrorKind as Kind, EffectiveConfig, Origin, Policy, SettingKey, Value,
};

use crate::MINIMAL;

const HASH: [u8; 32] = [0xcd; 32];

fn component(word: &str) -> ComponentConfig {
    let line = match word {
        "" => String::new(),
        word => format!("[quota]\ncpu_time_policy = \"{word}\"\n"),
    };
    ComponentConfig::from_toml(&format!("{MINIMAL}{line}")).unwrap()
}

fn apply(policy: &str, config: &ComponentConfig, sha256: Option<&[u8; 32]>) -> EffectiveConfig {
    Policy::from_toml(policy).unwrap().apply(config, &config.component.name, sha256)
}

fn outcome(effective: &EffectiveConfig) -> (&'static str, Origin) {
    let setting = effective.setting(SettingKey::CpuTimePolicy).unwrap();
    assert_eq!(setting.value, Value::Word(effective.cpu_time_policy().as_str()));
    (effective.cpu_time_policy().as_str(), setting.origin)
}

#[test]
fn it_throttles_unless_the_file_says_otherwise() {
    for (word, expected) in [
        ("", ("throttle", Origin::Default)),
        ("throttle", ("throttle", Origin::Component)),
        ("deny", ("deny", Origin::Component)),
    ] {
        assert_eq!(outcome(&component(word).effective()), expected);
    }
}

#[test]
fn another_word_is_refused_with_the_nearest() {
    let refused = |value: &str| {
        let text = format!("{MINIMAL}[quota]\ncpu_time_policy = {value}\n");
        let error = ComponentConfig::from_toml(&text).unwrap_err();
        (error.to_string(), error.kind())
    };
    let place = "line 7, column 19: `quota.cpu_time_policy`: ";
    let words = "(expected one of throttle, deny)";
    for (value, why) in [
        ("\"trottle\"", "unknown word `trottle`: did you mean `throttle`? "),
        ("\"Deny\"", "unknown word `Deny`: did you mean `deny`? "),
        ("\"denied\"", "unknown word `denied` "),
        ("\"wait\"", "unknown word `wait` "),
        ("\"\\u001b\"", "unknown word `\\u{1b}` "),
    ] {
        assert_eq!(refused(value), (format!("{place}{why}{words}"), Kind::InvalidValue));
    }
    for (value, found) in [("5", "integer `5`"), ("true", "boolean `true`"), ("[]", "an array")] {
        let why = format!("{place}expected \"throttle\" or \"deny\", found {found}");
        assert_eq!(refused(value), (why, Kind::WrongType));
    }
    let key = format!("{MINIMAL}[quota]\ncpu_time_polcy = \"deny\"\n");
    let error = ComponentConfig::from_toml(&key).unwrap_err();
    assert_eq!(error.nearest_key(), Some("cpu_time_policy"));
    assert_eq!(
        Policy::from_toml("[ceiling.quota]\ncpu_time_policy = \"dney\"").unwrap_err().to_string(),
        "line 2, column 19: `ceiling.quota.cpu_time_policy`: unknown word `dney`: did you mean \
         `deny`? (expected one of throttle, deny)"
    );
}

/// Each row: the component's word, the ceiling's, the override's, the override's hash, and the
/// word in effect with its origin. `deny` is lower than `throttle`.
#[test]
fn the_rules_of_the_policy_hold_for_it() {
    let own = Origin::Component;
    let set = Origin::Policy;
    for (asked, ceiling, over, hash, expected) in [
        // The ceiling lowers.
        ("throttle", "deny", "", "", ("deny", set)),
        ("", "deny", "", "", ("deny", set)),
        ("deny", "throttle", "", "", ("deny", own)),
        ("deny", "deny", "", "", ("deny", own)),
        // An override replaces in both directions,
        ("", "", "deny", "", ("deny", set)),
        ("deny", "", "throttle", "", ("throttle", set)),
        ("", "throttle", "deny", "", ("deny", set)),
        // up to the ceiling,
        ("deny", "deny", "throttle", "", ("deny", own)),
        ("throttle", "deny", "throttle", "", ("deny", set)),
        // or beyond it for the hash that it pins,
        ("deny", "deny", "throttle", "same", ("throttle", set)),
        // and with another hash it only lowers.
        ("deny", "", "throttle", "other", ("deny", own)),
        ("throttle", "", "deny", "other", ("deny", set)),
        ("deny", "", "throttle", "none", ("deny", own)),
    ] {
        let line = |table: &str, word: &str| match word {
            "" => String::new(),
            word => format!("{table}.quota.cpu_time_policy = \"{word}\"\n"),
        };
        let pin = match hash {
            "" => String::new(),
            _ => format!("component.x.sha256 = \"{}\"\n", "cd".repeat(32)),
        };
        let hash = match hash {
            "same" => Some(HASH),
            "other" => Some([0; 32]),
            _ => None,
        };
        let policy = format!("{}{}{pin}", line("ceiling", ceiling), line("component.x", over));
        let effective = apply(&policy, &component(asked), hash.as_ref());
        assert_eq!(outcome(&effective), expected, "{asked} {policy}");
    }
}

#[test]
fn what_the_policy_changes_is_reported() {
    let report = |policy: &str, asked: &str| -> Vec<String> {
        let effective = apply(policy, &component(asked), None);
        effective.changes().iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        report("ceiling.quota.cpu_time_policy = \"deny\"", ""),
        ["quota.cpu_time_policy lowered from throttle to deny by policy [ceiling] \
          quota.cpu_time_policy"]
    );
    assert_eq!(
        report("component.x.quota.cpu_time_policy = \"throttle\"", "deny"),
        ["quota.cpu_time_policy raised from deny to throttle by policy [component.\"x\"] \
          quota.cpu_time_policy"]
    );
    assert_eq!(
        report(
            "ceiling.quota.cpu_time_policy = \"deny\"\n\
             component.x.quota.cpu_time_policy = \"throttle\"",
            "deny"
        ),
        [
            "policy [component.\"x\"] quota.cpu_time_policy of throttle is above the ceiling of deny \
          and pins no matching sha256: the ceiling counts"
        ]
    );
    assert_eq!(report("ceiling.quota.cpu_time_policy = \"throttle\"", "deny"), [""; 0]);
}
