//! `[host]`: ceilings over the sum of all components.

use core::time::Duration;
use std::sync::Arc;

use limits_config::{
    ComponentConfig, ConfigErrorKind as Kind, Origin, Policy, Scope, Setting, SettingKey,
};
use limits_core::{
    Allowance, ManualClock, QuotaTracker, QuotaType, ResourceQuota, Retry, StorageBaseline,
};

use crate::{MINIMAL, with_names};

const ALL: &str = r#"[host]
storage = "20GB"
storage_entries = 1000000
storage_baseline = "free"
storage_entry_bytes = "1KB"
message_rate = 5000
network_bandwidth = "100MB/s"
cpu_time = "4000ms/s"
memory = "2GB"
period = "500ms"
"#;

fn policy(text: &str) -> Policy {
    Policy::from_toml(text).unwrap()
}

fn shown(policy: &Policy) -> Vec<String> {
    let settings = policy.host().settings();
    settings.map(|one| format!("{} = {} ({})", one.key, one, one.origin)).collect()
}

#[test]
fn what_the_policy_says_is_the_quota_of_the_parent() {
    let policy = policy(ALL);
    let expected = ResourceQuota::new()
        .with_storage(20 << 30)
        .with_storage_entries(1_000_000)
        .with_message_rate(2_500)
        .with_network_bandwidth(50 << 20)
        .with_cpu_time(2_000)
        .with_memory(2 << 30)
        .with_reset_period(Duration::from_millis(500));
    assert_eq!(policy.host().to_resource_quota(), expected);
    assert_eq!(
        shown(&policy),
        [
            "host.storage = 21474836480 (20 GiB) (policy)",
            "host.storage_entries = 1000000 (policy)",
            "host.storage_baseline = free (policy)",
            "host.storage_entry_bytes = 1024 (1 KiB) (policy)",
            "host.message_rate = 5000/s (policy)",
            "host.network_bandwidth = 104857600 (100 MiB)/s (policy)",
            "host.cpu_time = 4000 ms/s (policy)",
            "host.memory = 2147483648 (2 GiB) (policy)",
            "host.period = 500 ms (policy)",
        ]
    );
    assert!(!policy.host().is_empty());
    assert_eq!(policy.host().storage_baseline(), StorageBaseline::Free);
    assert_eq!(policy.host().storage_entry_bytes(), 1_024);
    let keys: Vec<_> = policy.host().settings().map(|one| one.key).collect();
    assert_eq!(keys, SettingKey::HOST);
    assert!(SettingKey::HOST.iter().all(|key| key.scope() == Scope::Host));
    assert!(!SettingKey::COMPONENT.iter().any(|key| key.scope() == Scope::Host));
}

#[test]
fn what_is_absent_is_unlimited_and_counted_per_second() {
    let no_ceiling = "[host]\nstorage_baseline = \"count\"\nstorage_entry_bytes = 4096";
    for text in ["", "[host]", "[ceiling.quota]\nmemory = \"1MB\"", no_ceiling] {
        let policy = policy(text);
        assert!(policy.host().is_empty(), "{text}");
        assert_eq!(policy.host().storage_baseline(), StorageBaseline::Count, "{text}");
        assert_eq!(policy.host().storage_entry_bytes(), 4_096, "{text}");
        let quota = policy.host().to_resource_quota();
        for allowance in [
            quota.max_storage_bytes,
            quota.max_storage_entries,
            quota.max_message_rate,
            quota.max_network_bandwidth,
            quota.max_cpu_time_ms,
            quota.max_memory_bytes,
        ] {
            assert_eq!(allowance, Allowance::Unlimited, "{text}");
        }
        assert_eq!(quota.reset_period, Duration::from_secs(1));
        let is_default = |one: Setting| one.origin == Origin::Default || text == no_ceiling;
        assert!(policy.host().settings().all(is_default), "{text}");
    }
    // The other keys stay unlimited beside two that are given.
    let policy = policy("[host]\nmemory = 0\ncpu_time = \"unlimited\"");
    assert_eq!(
        shown(&policy),
        [
            "host.storage = unlimited (default)",
            "host.storage_entries = unlimited (default)",
            "host.storage_baseline = count (default)",
            "host.storage_entry_bytes = 4096 (4 KiB) (default)",
            "host.message_rate = unlimited (default)",
            "host.network_bandwidth = unlimited (default)",
            "host.cpu_time = unlimited (policy)",
            "host.memory = 0 B (policy)",
            "host.period = 1000 ms (default)",
        ]
    );
}

#[test]
fn a_fault_is_pointed_at() {
    let rows = [
        (
            "[hosts]",
            Kind::UnknownKey,
            "line 1, column 2: unknown key `hosts`: did you mean `host`? (expected one of host, compile, cluster, \
             ceiling, component)",
        ),
        (
            "[host]\ncpu_tme = \"1ms/s\"",
            Kind::UnknownKey,
            "line 2, column 1: unknown key `host.cpu_tme`: did you mean `cpu_time`? (expected one of {host})",
        ),
        (
            "[host]\ncpu_time_policy = \"deny\"",
            Kind::UnknownKey,
            "line 2, column 1: unknown key `host.cpu_time_policy`: did you mean `cpu_time`? \
             (expected one of {host})",
        ),
        (
            "[host.quota]\nmemory = \"1MB\"",
            Kind::UnknownKey,
            "line 1, column 7: unknown key `host.quota`: write its keys directly under `[host]` \
             (expected one of {host})",
        ),
        (
            "[ceiling.host]\nmemory = \"1MB\"",
            Kind::UnknownKey,
            "line 1, column 10: unknown key `ceiling.host`: `[host]` stands by itself (expected one \
             of resources, quota, capabilities)",
        ),
        (
            "[component.x.host]\nmemory = \"1MB\"",
            Kind::UnknownKey,
            "line 1, column 14: unknown key `component.x.host`: `[host]` stands by itself (expected \
             one of sha256, weight, resources, quota, capabilities)",
        ),
        (
            "[host]\nmemory = \"10Mb\"",
            Kind::InvalidValue,
            "line 2, column 10: `host.memory`: `10Mb`: bits are not accepted, did you mean `10MB`?",
        ),
        (
            "[host]\nnetwork_bandwidth = \"5MB\"",
            Kind::InvalidValue,
            "line 2, column 21: `host.network_bandwidth`: `5MB` is not a rate, did you mean \
             `5MB/s`?",
        ),
        (
            "[host]\ncpu_time = 800",
            Kind::WrongType,
            "line 2, column 12: `host.cpu_time`: expected a CPU time, such as \"800ms/s\", or \
             \"unlimited\", found integer `800`",
        ),
        (
            "[host]\nperiod = \"0s\"",
            Kind::InvalidValue,
            "line 2, column 10: `host.period`: `0s` is not a period from 1ms to 86400s, such as 1s \
             or 500ms",
        ),
        (
            "host = 5",
            Kind::WrongType,
            "line 1, column 8: `host`: expected a table, found integer `5`",
        ),
        (
            "[host]\nmemory = 1\nmemory = 2",
            Kind::DuplicateKey,
            "line 3, column 1: duplicate key `memory`: it is already there",
        ),
        (
            "[host]\nperiod = \"1ms\"\ncpu_time = \"999ms/s\"",
            Kind::Conflict,
            "line 3, column 12: `host.cpu_time` comes out as 0 in a `host.period` of 1ms on line \
             2: make the period longer or the rate larger",
        ),
        (
            "[host]\nmessage_rate = 1\nperiod = \"10ms\"",
            Kind::Conflict,
            "line 2, column 16: `host.message_rate` comes out as 0 in a `host.period` of 10ms on \
             line 3: make the period longer or the rate larger",
        ),
        (
            "[host]\nnetwork_bandwidth = 1\nperiod = \"10ms\"",
            Kind::Conflict,
            "line 2, column 21: `host.network_bandwidth` comes out as 0 in a `host.period` of \
             10ms on line 3: make the period longer or the rate larger",
        ),
    ];
    for (text, kind, error) in rows {
        let refused = Policy::from_toml(text).unwrap_err();
        assert_eq!((refused.to_string(), refused.kind()), (with_names(error), kind), "{text}");
    }
    let zero = policy("[host]\nmessage_rate = 0\nperiod = \"1ms\"");
    assert_eq!(zero.host().to_resource_quota().max_message_rate, Allowance::AtMost(0));
}

#[test]
fn only_the_policy_has_it() {
    let refused = ComponentConfig::from_toml(&format!("{MINIMAL}[host]\n")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "line 6, column 2: unknown key `host`: `[host]` is the operator's, in the policy file (expected one of component, resources, quota, \
         capabilities)"
    );
}

#[test]
fn one_execution_never_gets_more_memory_than_all_components() {
    let config = ComponentConfig::from_toml(MINIMAL).unwrap();
    let apply = |text: &str, sha256: Option<&[u8; 32]>| {
        policy(text).apply(&config, &config.component.name, sha256)
    };
    let effective = apply("[host]\nmemory = \"512KB\"", None);
    assert_eq!(effective.limits().max_memory_bytes(), 512 << 10);
    let report: Vec<_> = effective.changes().iter().map(ToString::to_string).collect();
    assert_eq!(
        report,
        ["resources.memory.max_bytes lowered from 1048576 (1 MiB) to 524288 (512 KiB) by policy \
          [host] memory"]
    );
    let set_by = |key| effective.settings().find(|one| one.key == key).unwrap().origin;
    assert_eq!(set_by(SettingKey::MaxBytes), Origin::Policy);
    // The quota over all executions of one component stays beside the ceiling over all components,
    // and a refusal names the level.
    assert_eq!(effective.quota().max_memory_bytes, Allowance::AtMost(256 << 20));
    assert_eq!(set_by(SettingKey::QuotaMemory), Origin::Default);

    // A ceiling over all components is no setting of one, which is not "nothing is allowed".
    for key in SettingKey::HOST.iter().copied() {
        assert_eq!(effective.value(key), None, "{key}");
    }
    for key in SettingKey::COMPONENT.iter().copied() {
        assert!(effective.value(key).is_some(), "{key}");
    }

    // There is room, to the byte.
    assert_eq!(apply("[host]\nmemory = 1048576", None).changes(), []);

    // A hash lifts the ceiling over one component, not that over all of them.
    let pinned = format!(
        "[host]\nmemory = \"2MB\"\n[ceiling.resources.memory]\nmax_bytes = \"1MB\"\n\
         [component.x]\nsha256 = \"{}\"\nresources.memory.max_bytes = \"4MB\"\n",
        "00".repeat(32)
    );
    let effective = apply(&pinned, Some(&[0; 32]));
    assert_eq!(effective.limits().max_memory_bytes(), 2 << 20);
    assert_eq!(
        effective.changes().last().unwrap().to_string(),
        "resources.memory.max_bytes lowered from 4194304 (4 MiB) to 2097152 (2 MiB) by policy \
         [host] memory"
    );
}

#[test]
fn the_lower_of_two_bounds_over_one_executions_memory_counts() {
    let config = ComponentConfig::from_toml(MINIMAL).unwrap();
    let max_bytes = |text: &str| -> Vec<String> {
        let effective = policy(text).apply(&config, &config.component.name, None);
        let lines = effective.changes().iter().map(ToString::to_string);
        lines.filter(|line| line.starts_with("resources.memory.max_bytes ")).collect()
    };
    let lowered = |from: &str, to: &str, rule: &str| {
        format!("resources.memory.max_bytes lowered from {from} to {to} by policy {rule}")
    };
    let (mib, half, quarter) = ("1048576 (1 MiB)", "524288 (512 KiB)", "262144 (256 KiB)");
    assert_eq!(
        max_bytes("[host]\nmemory = \"256KB\"\n[ceiling.quota]\nmemory = \"512KB\""),
        [lowered(mib, quarter, "[host] memory")]
    );
    assert_eq!(
        max_bytes("[host]\nmemory = \"512KB\"\n[ceiling.quota]\nmemory = \"256KB\""),
        [lowered(mib, half, "[host] memory"), lowered(half, quarter, "[ceiling] quota.memory"),]
    );
    // The default of the memory quota follows the memory limit in effect.
    let large = "[host]\nmemory = \"300MB\"\n[component.x]\nresources.memory.max_bytes = \"1GB\"";
    let effective = policy(large).apply(&config, &config.component.name, None);
    assert_eq!(effective.quota().max_memory_bytes, Allowance::AtMost(300 << 20));
}

#[test]
fn rates_of_components_stay_and_the_sum_is_held_in_the_hosts_own_period() {
    let policy = policy("[host]\nmessage_rate = 10\nperiod = \"2s\"");
    let config =
        ComponentConfig::from_toml(&format!("{MINIMAL}[quota]\nmessage_rate = 8\n")).unwrap();
    let effective = policy.apply(&config, &config.component.name, None);
    assert_eq!(effective.changes(), []);

    let clock = Arc::new(ManualClock::new());
    let time = Arc::<ManualClock>::clone(&clock);
    let host = Arc::new(QuotaTracker::with_clock(policy.host().to_resource_quota(), time));
    let tracker = || QuotaTracker::with_parent(effective.quota(), Arc::clone(&host));
    let (one, other) = (tracker(), tracker());
    let take = QuotaType::MessageRate(8);
    one.consume(take).unwrap();
    assert_eq!(one.consume(take).unwrap_err().depth(), 0, "its own second is used up");
    clock.advance(Duration::from_secs(1));
    one.consume(take).unwrap();
    let refused = other.consume(take).unwrap_err();
    assert_eq!((refused.depth(), refused.used(), refused.limit()), (1, 16, 20));
    assert_eq!(refused.retry(), Retry::After(Duration::from_secs(1)));
    assert_eq!(refused.period(), Some(Duration::from_secs(2)));
    clock.advance(Duration::from_secs(1));
    other.consume(take).unwrap();
}

#[test]
fn it_is_written_as_it_is_read() {
    let ceilings = *policy(ALL).host();
    let written = toml::to_string(&ceilings).unwrap();
    assert_eq!(policy(&format!("[host]\n{written}")).host(), &ceilings, "{written}");
    assert_eq!(toml::to_string(policy("").host()).unwrap(), "");
}

#[test]
fn a_ceiling_that_cannot_be_counted_is_shown_as_it_is_enforced() {
    let policy = policy("[host]\nnetwork_bandwidth = \"50GB/s\"\nmessage_rate = \"unlimited\"");
    let most = Allowance::AtMost(34_359_738_366);
    let shown = policy.host().settings().find(|one| one.key == SettingKey::HostNetworkBandwidth);
    assert_eq!(shown.map(|one| one.value), Some(most.into()));
    let quota = policy.host().to_resource_quota();
    assert_eq!((quota.max_network_bandwidth, quota.enforced()), (most, quota));
    assert_eq!(quota.max_message_rate, Allowance::Unlimited);
}

#[test]
fn compiling_is_the_operators_alone() {
    let refused = ComponentConfig::from_toml(&format!("{MINIMAL}[compile]\n")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "line 6, column 2: unknown key `compile`: `[compile]` is the operator's, in the policy file \
         (expected one of component, resources, quota, capabilities)"
    );
    let refused = Policy::from_toml("[ceiling.compile]\ncpu_ms = 1").unwrap_err();
    assert!(refused.to_string().contains("`[compile]` stands by itself"), "{refused}");
}
