//! `quota.cpu_time_policy`, `network_policy` and `message_policy`: what is above a rate waits, or
//! is refused.

use limits_config::{
    ComponentConfig, ConfigErrorKind as Kind, EffectiveConfig, Origin, Policy, SettingKey, Value,
};

use crate::MINIMAL;

const HASH: [u8; 32] = [0xcd; 32];

/// A key of a policy.
#[derive(Clone, Copy)]
struct Key(SettingKey);

const KEYS: [Key; 3] = [
    Key(SettingKey::CpuTimePolicy),
    Key(SettingKey::NetworkPolicy),
    Key(SettingKey::MessagePolicy),
];

impl Key {
    fn name(self) -> &'static str {
        self.0.as_str().strip_prefix("quota.").unwrap()
    }

    fn component(self, word: &str) -> ComponentConfig {
        let line = match word {
            "" => String::new(),
            word => format!("[quota]\n{} = \"{word}\"\n", self.name()),
        };
        ComponentConfig::from_toml(&format!("{MINIMAL}{line}")).unwrap()
    }

    /// The word in effect and its origin. Those of the other keys are the default.
    fn outcome(self, effective: &EffectiveConfig) -> (&'static str, Origin) {
        let words = [
            effective.cpu_time_policy().as_str(),
            effective.network_policy().as_str(),
            effective.message_policy().as_str(),
        ];
        let mut outcome = None;
        for (key, word) in KEYS.iter().zip(words) {
            let setting = effective.setting(key.0).unwrap();
            assert_eq!(setting.value, Value::Word(word), "{}", key.0);
            if key.0 == self.0 {
                outcome = Some((word, setting.origin));
            } else {
                assert_eq!((word, setting.origin), ("throttle", Origin::Default), "{}", key.0);
            }
        }
        outcome.unwrap()
    }
}

fn apply(policy: &str, config: &ComponentConfig, sha256: Option<&[u8; 32]>) -> EffectiveConfig {
    Policy::from_toml(policy).unwrap().apply(config, &config.component.name, sha256)
}

#[test]
fn each_throttles_unless_the_file_says_otherwise() {
    for key in KEYS {
        for (word, expected) in [
            ("", ("throttle", Origin::Default)),
            ("throttle", ("throttle", Origin::Component)),
            ("deny", ("deny", Origin::Component)),
        ] {
            assert_eq!(key.outcome(&key.component(word).effective()), expected);
        }
    }
}

#[test]
fn another_word_is_refused_with_the_nearest() {
    for name in KEYS.map(Key::name) {
        let refused = |value: &str| {
            let text = format!("{MINIMAL}[quota]\n{name} = {value}\n");
            let error = ComponentConfig::from_toml(&text).unwrap_err();
            (error.to_string(), error.kind())
        };
        let column = name.len() + 4;
        let place = format!("line 7, column {column}: `quota.{name}`: ");
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
        for (value, found) in [("5", "integer `5`"), ("true", "boolean `true`"), ("[]", "an array")]
        {
            let why = format!("{place}expected \"throttle\" or \"deny\", found {found}");
            assert_eq!(refused(value), (why, Kind::WrongType));
        }
        let typo = name.replace("policy", "polcy");
        let text = format!("{MINIMAL}[quota]\n{typo} = \"deny\"\n");
        let error = ComponentConfig::from_toml(&text).unwrap_err();
        assert_eq!(error.nearest_key(), Some(name));
        let text = format!("[ceiling.quota]\n{name} = \"dney\"");
        assert_eq!(
            Policy::from_toml(&text).unwrap_err().to_string(),
            format!(
                "line 2, column {column}: `ceiling.quota.{name}`: unknown word `dney`: did you \
                 mean `deny`? {words}"
            )
        );
    }
}

#[test]
fn the_host_has_no_policy_of_its_own() {
    for name in KEYS.map(Key::name) {
        let refused = Policy::from_toml(&format!("[host]\n{name} = \"deny\"")).unwrap_err();
        assert_eq!(refused.kind(), Kind::UnknownKey, "{name}");
    }
}

/// Each row: the component's word, the ceiling's, the override's, the override's hash, and the
/// word in effect with its origin. `deny` is lower than `throttle`.
#[test]
fn the_rules_of_the_policy_hold_for_each() {
    let own = Origin::Component;
    let set = Origin::Policy;
    let rows = [
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
    ];
    for key in KEYS {
        for (asked, ceiling, over, hash, expected) in rows {
            let line = |table: &str, word: &str| match word {
                "" => String::new(),
                word => format!("{table}.{} = \"{word}\"\n", key.0),
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
            let effective = apply(&policy, &key.component(asked), hash.as_ref());
            assert_eq!(key.outcome(&effective), expected, "{asked} {policy}");
        }
    }
}

#[test]
fn a_change_by_the_operator_is_reported() {
    for key in KEYS {
        let path = key.0;
        let report = |policy: &str, asked: &str| -> Vec<String> {
            let effective = apply(policy, &key.component(asked), None);
            effective.changes().iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            report(&format!("ceiling.{path} = \"deny\""), ""),
            [format!("{path} lowered from throttle to deny by policy [ceiling] {path}")]
        );
        let over = format!("component.x.{path} = \"throttle\"");
        assert_eq!(
            report(&over, "deny"),
            [format!("{path} raised from deny to throttle by policy [component.\"x\"] {path}")]
        );
        assert_eq!(
            report(&format!("ceiling.{path} = \"deny\"\n{over}"), "deny"),
            [format!(
                "policy [component.\"x\"] {path} of throttle is above the ceiling of deny and pins \
                 no matching sha256: the ceiling counts"
            )]
        );
        assert_eq!(report(&format!("ceiling.{path} = \"throttle\""), "deny"), [""; 0]);
    }
}
