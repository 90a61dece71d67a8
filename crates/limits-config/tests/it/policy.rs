//! Policies applied to components.

use limits_config::{Change, ComponentConfig, EffectiveConfig, Origin, Policy, SettingKey};
use limits_core::Allowance;
use proptest::prelude::*;

use crate::{EXAMPLE, MINIMAL};

pub(crate) const HASH: [u8; 32] = [0xab; 32];

pub(crate) fn component(text: &str) -> ComponentConfig {
    ComponentConfig::from_toml(text).unwrap()
}

pub(crate) fn apply(
    policy: &str,
    config: &ComponentConfig,
    sha256: Option<&[u8; 32]>,
) -> EffectiveConfig {
    Policy::from_toml(policy).unwrap().apply(config, &config.component.name, sha256)
}

pub(crate) fn report(effective: &EffectiveConfig) -> Vec<String> {
    effective.changes().iter().map(ToString::to_string).collect()
}

pub(crate) fn pin() -> String {
    format!("sha256 = \"{}\"\n", "AB".repeat(32))
}

#[test]
fn an_empty_policy_changes_nothing() {
    for text in [EXAMPLE, MINIMAL] {
        let config = component(text);
        let effective = apply("", &config, None);
        assert_eq!(effective, config.effective());
        assert_eq!(report(&effective), Vec::<String>::new());
        assert_eq!(effective.limits(), config.resource_limits().unwrap());
        assert_eq!(effective.capabilities(), &config.capabilities);
        assert_eq!(effective.id(), &config.component.name);
    }
}

#[test]
fn a_component_has_the_weight_of_its_override_and_no_other() {
    let config = component(MINIMAL);
    let name = config.component.name.as_str();
    let weight = |policy: &str, hash| apply(policy, &config, hash).weight().get();
    assert_eq!(weight("", None), 1);
    assert_eq!(weight("[component.another]\nweight = 7", None), 1);
    let own = format!("[component.\"{name}\"]\nweight = 7\n");
    assert_eq!(weight(&own, None), 7);
    let pinned = format!("{own}{}", pin());
    assert_eq!(weight(&pinned, Some(&HASH)), 7);
    assert_eq!(weight(&pinned, Some(&[0; 32])), 1);
    assert_eq!(weight(&pinned, None), 1);
}

#[test]
fn the_ceiling_lowers_what_is_above_it_and_says_so() {
    let effective = apply(
        r#"
        [ceiling.resources]
        memory = { max_bytes = "1MiB", max_tables = 5 }
        cpu = { max_fuel = 100_000_000, timeout_ms = 50 }
        [ceiling.quota]
        message_rate = 10
        network_bandwidth = "unlimited"
        memory = "256MB"
        "#,
        &component(EXAMPLE),
        None,
    );
    assert_eq!(
        report(&effective),
        [
            "resources.memory.max_bytes lowered from 4194304 (4 MiB) to 1048576 (1 MiB) by policy \
             [ceiling] resources.memory.max_bytes",
            "resources.memory.max_tables lowered from 32 to 5 by policy [ceiling] \
             resources.memory.max_tables",
            "resources.cpu.timeout_ms lowered from 1000 ms to 50 ms by policy [ceiling] \
             resources.cpu.timeout_ms",
            "quota.message_rate lowered from 500/s to 10/s by policy [ceiling] quota.message_rate",
        ]
    );
    let limits = effective.limits();
    assert_eq!(limits.max_memory_bytes(), 1 << 20);
    assert_eq!(limits.max_tables(), 5);
    assert_eq!(limits.max_fuel_per_execution(), 50_000_000, "asked, and below the ceiling");
    assert_eq!(limits.execution_timeout_ms(), 50);
    assert_eq!(effective.quota().max_message_rate, Allowance::AtMost(10));
    let origins: Vec<_> = effective
        .settings()
        .filter(|one| one.origin == Origin::Policy)
        .map(|one| one.key)
        .collect();
    assert_eq!(
        origins,
        [
            SettingKey::MaxBytes,
            SettingKey::MaxTables,
            SettingKey::TimeoutMs,
            SettingKey::MessageRate
        ]
    );
}

#[test]
fn unlimited_is_above_every_ceiling() {
    let config = component(&format!("{MINIMAL}[quota]\nstorage = \"unlimited\"\n"));
    let effective = apply("ceiling.quota.storage = \"1GB\"", &config, None);
    assert_eq!(
        report(&effective),
        ["quota.storage lowered from unlimited to 1073741824 (1 GiB) by policy [ceiling] \
          quota.storage"]
    );
}

#[test]
fn the_report_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    std::fs::write(&file, "ceiling.resources.cpu.max_fuel = 1").unwrap();
    let config = component(MINIMAL);
    let effective = Policy::from_file(&file).unwrap().apply(&config, &config.component.name, None);
    assert_eq!(
        report(&effective),
        [format!(
            "resources.cpu.max_fuel lowered from 1000000 fuel to 1 fuel by {} [ceiling] \
             resources.cpu.max_fuel",
            file.display()
        )]
    );
}

#[test]
fn an_override_replaces_what_is_asked_up_to_the_ceiling() {
    let policy = r#"
        [ceiling.resources.cpu]
        max_fuel = 5_000_000
        timeout_ms = 500
        [component.x.resources.cpu]
        max_fuel = 7_000_000
        timeout_ms = 200
    "#;
    let effective = apply(policy, &component(MINIMAL), None);
    assert_eq!(
        report(&effective),
        [
            "policy [component.\"x\"] resources.cpu.max_fuel of 7000000 fuel is above the ceiling \
             of 5000000 fuel and pins no matching sha256: the ceiling counts",
            "resources.cpu.max_fuel raised from 1000000 fuel to 5000000 fuel by policy [ceiling] \
             resources.cpu.max_fuel",
            "resources.cpu.timeout_ms raised from 100 ms to 200 ms by policy [component.\"x\"] \
             resources.cpu.timeout_ms",
        ]
    );
}

#[test]
fn an_override_is_for_the_identity_and_not_for_the_name() {
    let policy = Policy::from_toml("component.trusted.resources.cpu.max_fuel = 7").unwrap();
    let config = component(&MINIMAL.replace("\"x\"", "\"trusted\""));
    let other = "other".parse().unwrap();
    let effective = policy.apply(&config, &other, None);
    assert_eq!(effective.limits().max_fuel_per_execution(), 1_000_000);
    assert_eq!(effective.id(), &other);
}

#[test]
fn a_pinned_override_passes_the_ceiling_for_its_hash_only() {
    let policy = format!(
        "[ceiling.resources.cpu]\nmax_fuel = 10\ntimeout_ms = 10\n\
         [component.x]\n{}resources.cpu.max_fuel = 2_000_000\n",
        pin()
    );
    let config = component(MINIMAL);

    let matching = apply(&policy, &config, Some(&HASH));
    assert_eq!(matching.limits().max_fuel_per_execution(), 2_000_000);
    assert_eq!(matching.limits().execution_timeout_ms(), 10, "not in the override");
    assert_eq!(
        report(&matching),
        [
            "resources.cpu.max_fuel raised from 1000000 fuel to 2000000 fuel by policy \
             [component.\"x\"] resources.cpu.max_fuel",
            "resources.cpu.timeout_ms lowered from 100 ms to 10 ms by policy [ceiling] \
             resources.cpu.timeout_ms",
        ]
    );

    for hash in [None, Some(&[0; 32])] {
        let other = apply(&policy, &config, hash);
        assert_eq!(other.limits().max_fuel_per_execution(), 10);
        assert_eq!(
            report(&other)[0],
            "policy [component.\"x\"] sha256 is not the component's hash: the override can only \
             lower"
        );
    }
}

#[test]
fn an_override_for_another_hash_still_lowers() {
    let policy = format!(
        "[component.x]\n{}[component.x.resources.cpu]\nmax_fuel = 5\ntimeout_ms = 9999\n",
        pin()
    );
    let effective = apply(&policy, &component(MINIMAL), None);
    assert_eq!(effective.limits().max_fuel_per_execution(), 5);
    assert_eq!(effective.limits().execution_timeout_ms(), 100);
}

#[test]
fn one_execution_never_gets_more_memory_than_all_of_them() {
    let effective = apply("ceiling.quota.memory = \"512KB\"", &component(MINIMAL), None);
    assert_eq!(effective.limits().max_memory_bytes(), 512 * 1024);
    assert_eq!(effective.quota().max_memory_bytes, Allowance::AtMost(512 * 1024));
    assert_eq!(
        report(&effective),
        [
            "quota.memory lowered from 268435456 (256 MiB) to 524288 (512 KiB) by policy [ceiling] \
             quota.memory",
            "resources.memory.max_bytes lowered from 1048576 (1 MiB) to 524288 (512 KiB) by policy \
             [ceiling] quota.memory",
        ]
    );

    let config = component(&format!("{MINIMAL}[quota]\nmemory = \"2MB\"\n"));
    let effective = apply("component.x.resources.memory.max_bytes = \"4MB\"", &config, None);
    assert_eq!(effective.limits().max_memory_bytes(), 2 << 20);
    assert_eq!(
        report(&effective)[1],
        "resources.memory.max_bytes lowered from 4194304 (4 MiB) to 2097152 (2 MiB) by \
         Component.toml quota.memory"
    );
}

#[test]
fn the_default_memory_quota_follows_a_raised_limit() {
    let effective =
        apply("component.x.resources.memory.max_bytes = \"1GB\"", &component(MINIMAL), None);
    assert_eq!(effective.quota().max_memory_bytes, Allowance::AtMost(1 << 30));
    assert_eq!(effective.limits().max_memory_bytes(), 1 << 30);
}

#[test]
fn a_rate_that_admits_nothing_within_the_period_is_zero_and_says_so() {
    let config = component(&format!("{MINIMAL}[quota]\nmessage_rate = 1\n"));
    let effective = apply("ceiling.quota.period = \"500ms\"", &config, None);
    assert_eq!(effective.value(SettingKey::MessageRate), Some(Allowance::AtMost(0).into()));
    assert_eq!(
        report(&effective),
        [
            "quota.period lowered from 1000 ms to 500 ms by policy [ceiling] quota.period",
            "quota.message_rate lowered from 1/s to 0/s by policy [ceiling] quota.period",
        ]
    );
}

#[test]
fn a_table_without_its_ceiling_is_told_where_it_belongs() {
    for table in ["resources", "quota", "capabilities"] {
        let error = Policy::from_toml(&format!("[{table}]\n")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "line 1, column 2: unknown key `{table}`: write `[ceiling.{table}]` (expected one of \
                 host, compile, cluster, ceiling, component)"
            )
        );
    }
}

/// The settings of the property below, in the order of its lists.
const BOUNDED: [SettingKey; 7] = [
    SettingKey::MaxBytes,
    SettingKey::MaxFuel,
    SettingKey::TimeoutMs,
    SettingKey::MaxCopyBytes,
    SettingKey::Storage,
    SettingKey::MessageRate,
    SettingKey::QuotaMemory,
];

fn amount() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![Just(None), (0_u64..2_000_000).prop_map(Some), any::<u64>().prop_map(Some)]
}

fn tables(prefix: &str, values: &[Option<u64>]) -> String {
    let lines = BOUNDED
        .iter()
        .zip(values)
        .filter_map(|(key, value)| value.map(|value| format!("{prefix}{key} = {value}\n")));
    lines.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_is_above_the_ceiling_or_above_what_was_asked_or_granted(
        asked in proptest::collection::vec(amount(), 7),
        ceiling in proptest::collection::vec(amount(), 7),
        over in proptest::collection::vec(amount(), 7),
        host in amount(),
        pinned: bool,
        hash in proptest::option::of(any::<bool>()),
    ) {
        let mut asked = asked;
        let max_bytes = asked[0].unwrap_or(1 << 20);
        asked[0] = Some(max_bytes);
        asked[6] = asked[6].map(|quota| quota.max(max_bytes));
        let config = component(&format!(
            "component = {{ name = \"x\", version = \"1.0.0\" }}\n{}",
            tables("", &asked)
        ));
        let pin = if pinned { format!("component.x.{}", pin()) } else { String::new() };
        let host_line = host.map(|bytes| format!("host.memory = {bytes}\n")).unwrap_or_default();
        let policy = format!(
            "{host_line}{}{pin}{}",
            tables("ceiling.", &ceiling),
            tables("component.x.", &over)
        );
        let hash = hash.map(|same| if same { HASH } else { [0; 32] });
        let lifted = !pin.is_empty() && hash == Some(HASH);
        let effective = apply(&policy, &config, hash.as_ref());
        let bare = config.effective();

        for (index, key) in BOUNDED.into_iter().enumerate() {
            let value = effective.value(key).unwrap().amount().unwrap();
            if let Some(most) = ceiling[index].filter(|_| !(lifted && over[index].is_some())) {
                prop_assert!(value.at_most() <= Some(most), "{key} is above the ceiling");
            }
            // The default of the memory quota follows the memory limit of one execution.
            let amount = |config: &EffectiveConfig, key| config.value(key).unwrap().amount().unwrap();
            let own = amount(&bare, key).max(match key {
                SettingKey::QuotaMemory => amount(&effective, SettingKey::MaxBytes),
                _ => Allowance::AtMost(0),
            });
            let most = over[index].map_or(own, |over| own.max(Allowance::AtMost(over)));
            prop_assert!(value <= most, "{key} is above what was asked or granted");
        }
        for setting in effective.settings() {
            let changed = effective.changes().iter().any(
                |change| matches!(change, Change::Setting { key, .. } if *key == setting.key),
            );
            prop_assert!(changed || setting.origin != Origin::Policy, "{} is silent", setting.key);
        }
        let quota = effective.quota();
        let max_bytes = effective.limits().max_memory_bytes();
        prop_assert!(quota.max_memory_bytes.allows(max_bytes));
        prop_assert!(host.is_none_or(|most| max_bytes <= most));
    }
}
