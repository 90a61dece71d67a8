//! Special addresses under a policy: the operator's files alone give access to them.

use limits_config::EffectiveConfig;
use limits_core::{NetworkTarget, Permission};

use crate::MINIMAL;
use crate::policy::{HASH, apply, component, pin};

/// Asks for everything in each way that a file has.
const GREEDY: &str = r#"[capabilities]
network.connect = ["**", "10.0.0.0/8:*", "10.0.0.5:443", "0.0.0.0/0:*", "[::/0]:*", "db.local:443"]
"#;

fn greedy() -> String {
    format!("{MINIMAL}{GREEDY}")
}

fn says(effective: &EffectiveConfig) -> String {
    let address = "10.0.0.5:443".parse().expect("an address");
    let target = NetworkTarget::new(address).known_as("db.local");
    effective.capabilities().check_target(Permission::NetworkConnect, &target).to_string()
}

const SPECIAL: &str = "network.connect of `10.0.0.5:443 (db.local)` denied: 10.0.0.5 is private, \
                       and no address or CIDR of the operator's policy covers it";

#[test]
fn a_components_own_file_never_gives_access_to_a_special_address() {
    let config = component(&greedy());
    assert_eq!(config.capabilities, config.capabilities.clone().bind("x").unwrap());
    assert_ne!(config.capabilities, config.capabilities.clone().by_operator());
    for policy in [
        "",
        "[ceiling]",
        "[component.x]",
        "[ceiling.capabilities]\nnetwork.connect = [\"**\"]",
        "[ceiling.capabilities]\nnetwork.connect = [\"db.local:*\", \"10.**:*\", \"10.0.*.5:443\"]",
        "[ceiling.capabilities]\nnetwork.connect = [\"**\", \"10.0.0.0/8:80\", \"10.0.0.6:443\"]",
        "[component.x.capabilities]\nnetwork.connect = [\"**\"]",
        // Another component's.
        "[component.y.capabilities]\nnetwork.connect = [\"10.0.0.0/8:*\"]",
    ] {
        assert_eq!(says(&apply(policy, &config, None)), SPECIAL, "{policy}");
    }
    assert_eq!(says(&config.effective()), SPECIAL);
}

#[test]
fn an_address_or_a_network_of_a_policy_covers_it_for_a_component_that_asks() {
    let allowed = "network.connect of `10.0.0.5:443 (db.local)` allowed by `**`";
    for cover in ["10.0.0.5:443", "10.0.0.0/8:*", "0.0.0.0/0:443"] {
        for table in ["ceiling", "component.x"] {
            let policy = format!("[{table}.capabilities]\nnetwork.connect = [\"{cover}\"]\n");
            assert_eq!(says(&apply(&policy, &component(&greedy()), None)), allowed, "{policy}");
            // It gets nothing that it does not ask for.
            for (asked, reason) in [
                ("", "nothing is granted"),
                ("[capabilities]\n", "nothing is granted"),
                ("[capabilities]\nnetwork.bind = [\"**\"]\n", "nothing is granted"),
                (
                    "[capabilities]\nnetwork.connect = [\"db.local:80\"]\n",
                    "no granted pattern matches (1 checked)",
                ),
            ] {
                let effective = apply(&policy, &component(&format!("{MINIMAL}{asked}")), None);
                let denied =
                    format!("network.connect of `10.0.0.5:443 (db.local)` denied: {reason}");
                assert_eq!(says(&effective), denied, "{policy}{asked}");
            }
        }
    }
}

#[test]
fn each_table_matches_and_one_of_them_covers() {
    let config = component(&greedy());
    let ceiling = "[ceiling.capabilities]\nnetwork.connect = [\"**\"]\n";
    let over = |pin: &str, pattern: &str| {
        format!("{ceiling}[component.x]\n{pin}capabilities.network.connect = [\"{pattern}\"]\n")
    };
    for (policy, hash, covered) in [
        (over("", "10.0.0.0/8:443"), None, true),
        (over(&pin(), "10.0.0.0/8:443"), Some(&HASH), true),
        (over("", "db.local:443"), None, false),
        (over(&pin(), "db.local:443"), Some(&HASH), false),
        // The ceiling's cover goes with the ceiling.
        (over(&pin(), "**").replacen("**", "10.0.0.0/8:*", 1), Some(&HASH), false),
        (over(&pin(), "**").replacen("**", "10.0.0.0/8:*", 1), None, true),
    ] {
        assert_eq!(says(&apply(&policy, &config, hash)) != SPECIAL, covered, "{policy} {hash:?}");
    }
}
