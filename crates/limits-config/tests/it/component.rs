//! The meaning of valid files.

use core::time::Duration;
use std::path::Path;

use limits_config::semver::Version;
use limits_config::{
    ComponentConfig, Enforcer, Origin, QuotaConflict, QuotaSection, Scope, SettingKey, Unit,
};
use limits_core::{Allowance, CapabilitySet, Permission, ResourceLimits, ResourceQuota};

use crate::{EXAMPLE, MINIMAL};

fn read(text: &str) -> ComponentConfig {
    ComponentConfig::from_toml(text).unwrap()
}

fn minimal_with(more: &str) -> ComponentConfig {
    read(&format!("{MINIMAL}{more}"))
}

#[test]
fn the_example_says_what_it_says() {
    let config = read(EXAMPLE);
    assert_eq!(config.component.name.as_str(), "data-processor");
    assert_eq!(config.component.version, Version::new(1, 0, 0));
    let path = config.component.path.clone().unwrap();
    assert_eq!(path.in_folder(Path::new("/srv")), Path::new("/srv/component.wasm"));
    assert_eq!(config.resources.memory.max_bytes, 4_194_304);
    assert_eq!(config.resources.cpu.max_fuel, Some(50_000_000));
    assert_eq!(config.resources.cpu.timeout_ms, Some(1_000));
    let listed: Vec<_> =
        config.capabilities.iter().map(|(one, pattern)| (one, pattern.as_str())).collect();
    assert_eq!(
        listed,
        [
            (Permission::FilesystemRead, "/app/data/**"),
            (Permission::FilesystemWrite, "/app/output/*"),
            (Permission::NetworkConnect, "api.example.com:443"),
            (Permission::MessagingSend, "orders.*"),
        ]
    );
    let quota = config.quota.to_resource_quota(4_194_304).unwrap();
    let expected = ResourceQuota::new()
        .with_storage(50 << 20)
        .with_message_rate(500)
        .with_network_bandwidth(5 << 20)
        .with_cpu_time(800)
        .with_memory(128 << 20);
    assert_eq!(quota, expected);
    assert_eq!(config.effective().quota(), expected);
}

#[test]
fn test_parse_toml_with_cpu_defaults() {
    let limits = minimal_with("").resource_limits().unwrap();
    assert_eq!(limits, ResourceLimits::builder().memory_bytes(1_048_576).build().unwrap());
    assert_eq!(limits.max_fuel_per_execution(), 1_000_000);
    assert_eq!(limits.execution_timeout_ms(), 100);
}

#[test]
fn test_parse_toml_with_custom_cpu() {
    let config = minimal_with("[resources.cpu]\nmax_fuel = 5000000\ntimeout_ms = 500\n");
    let limits = ResourceLimits::try_from(&config).unwrap();
    assert_eq!(limits.max_fuel_per_execution(), 5_000_000);
    assert_eq!(limits.execution_timeout_ms(), 500);
}

#[test]
fn test_config_to_resource_limits() {
    let config = minimal_with(
        r#"
        max_instances = 1
        max_memories = 2
        max_tables = 3
        max_table_elements = 4
        [resources.cpu]
        max_fuel = 5
        timeout_ms = 6
        [resources.host]
        max_copy_bytes = "7KB"
        max_handles = 8
        max_resources = 9
        max_output_bytes = 10
        max_output_rate = "11KB/s"
        max_random_bytes = 12
        max_descriptors = 13
        max_directory_entries = 14
        max_blocking_threads = 15
        "#,
    );
    let expected = ResourceLimits::builder()
        .memory_bytes(1_048_576)
        .max_instances(1)
        .max_memories(2)
        .max_tables(3)
        .max_table_elements(4)
        .max_fuel(5)
        .execution_timeout_ms(6)
        .max_copy_bytes(7 * 1024)
        .max_handles(8)
        .max_resources(9)
        .max_output_bytes(10)
        .max_output_rate(11 * 1024)
        .max_random_bytes(12)
        .max_descriptors(13)
        .max_directory_entries(14)
        .max_blocking_threads(15)
        .build()
        .unwrap();
    assert_eq!(config.effective().limits(), expected);
    assert_eq!(ResourceLimits::try_from(config).unwrap(), expected);
}

fn is_amount(key: SettingKey) -> bool {
    key != SettingKey::Period && key.unit() != Unit::Word
}

#[test]
fn zero_is_a_value_like_any_other() {
    let zeros = SettingKey::COMPONENT.iter().filter(|key| is_amount(**key));
    let lines = zeros.map(|key| match key.unit() {
        Unit::MillisecondsPerSecond => format!("{key} = \"0ms/s\"\n"),
        _ => format!("{key} = 0\n"),
    });
    let lines: String = lines.collect();
    let config = read(&format!("component = {{ name = \"x\", version = \"0.0.0\" }}\n{lines}"));
    for setting in config.effective().settings().filter(|one| is_amount(one.key)) {
        assert_eq!((setting.value.at_most(), setting.origin), (Some(0), Origin::Component));
    }
}

#[test]
fn the_largest_numbers_fit() {
    let config = minimal_with(
        "[resources.cpu]\nmax_fuel = 18446744073709551615\ntimeout_ms = 0xffff_ffff_ffff_ffff\n\
         [resources.host]\nmax_handles = 4294967295\n",
    );
    let limits = config.resource_limits().unwrap();
    assert_eq!(limits.max_fuel_per_execution(), u64::MAX);
    assert_eq!(limits.execution_timeout_ms(), u64::MAX);
    assert_eq!(limits.max_handles(), u32::MAX);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let windows = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    assert_eq!(read(&windows), read(EXAMPLE));
}

#[test]
fn a_line_for_editors_is_a_comment() {
    assert_eq!(read(&format!("#:schema ./component.schema.json\n{EXAMPLE}")), read(EXAMPLE));
}

#[test]
fn absent_quotas_have_the_defaults() {
    let quota = QuotaSection::default();
    assert_eq!(quota.to_resource_quota(0).unwrap(), ResourceQuota::default());
    let large = 300_u64 << 20;
    assert_eq!(quota.to_resource_quota(large).unwrap().max_memory_bytes, large);
    let config = read(&MINIMAL.replace("1048576", "\"300MB\""));
    assert_eq!(config.effective().value(SettingKey::QuotaMemory).unwrap().at_most(), Some(large));
}

#[test]
fn each_key_of_a_quota_stands_alone_in_the_documented_grammar() {
    // Regression: a part of a quota was refused, and a period was seconds and nanoseconds.
    let default = ResourceQuota::default();
    for (line, expected) in [
        ("storage = \"50MB\"", default.with_storage(50 << 20)),
        ("message_rate = 500", default.with_message_rate(500)),
        ("network_bandwidth = \"5MB/s\"", default.with_network_bandwidth(5 << 20)),
        ("cpu_time = \"800ms/s\"", default.with_cpu_time(800)),
        ("memory = \"128MB\"", default.with_memory(128 << 20)),
    ] {
        let config = minimal_with(&format!("[quota]\n{line}\n"));
        assert_eq!(config.quota.to_resource_quota(0).unwrap(), expected, "{line}");
    }
    let config = minimal_with("[quota]\nperiod = \"250ms\"\n");
    let quota = config.quota.to_resource_quota(0).unwrap();
    assert_eq!(quota.reset_period, Duration::from_millis(250));
    assert_eq!(quota.max_storage_bytes, default.max_storage_bytes);
    assert_eq!(quota.max_message_rate, Allowance::AtMost(250));
}

#[test]
fn unlimited_is_accepted_for_every_quota_and_shown() {
    let config = minimal_with(
        "[quota]\nstorage = \"unlimited\"\nstorage_entries = \"unlimited\"\n\
         message_rate = \"unlimited\"\n\
         network_bandwidth = \"unlimited\"\ncpu_time = \"unlimited\"\nmemory = \"unlimited\"\n",
    );
    let effective = config.effective();
    let quotas = effective.settings().filter(|one| one.key.scope() == Scope::Component);
    for setting in quotas.filter(|one| is_amount(one.key)) {
        assert_eq!(setting.to_string(), "unlimited");
    }
    assert_eq!(effective.quota().max_cpu_time_ms, Allowance::Unlimited);
}

#[test]
fn rates_are_per_second_whatever_the_period() {
    // Regression: rates were called "per second" and counted per period.
    let config = minimal_with(
        "[quota]\nmessage_rate = 501\nnetwork_bandwidth = \"1KB/s\"\nperiod = \"500ms\"\n",
    );
    let quota = config.quota.to_resource_quota(0).unwrap();
    assert_eq!(quota.reset_period, Duration::from_millis(500));
    assert_eq!(quota.max_message_rate, Allowance::AtMost(250));
    assert_eq!(quota.max_network_bandwidth, Allowance::AtMost(512));
    assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(500), "the default is a rate as well");
    assert_eq!(config.effective().quota().max_message_rate, Allowance::AtMost(250));

    let day = minimal_with("[quota]\nmessage_rate = 18446744073709551615\nperiod = \"86400s\"\n");
    let quota = day.quota.to_resource_quota(0).unwrap();
    assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(86_400_000));
}

#[test]
fn the_effective_configuration_shows_what_a_tracker_enforces() {
    let fast = minimal_with(
        "[quota]\nmessage_rate = 18446744073709551615\nnetwork_bandwidth = \"50GB/s\"\n\
         cpu_time = \"18446744073709551615ms/s\"\n",
    );
    let effective = fast.effective();
    let bandwidth = effective.value(SettingKey::NetworkBandwidth);
    assert_eq!(bandwidth, Some(Allowance::AtMost(34_359_738_366).into()));
    let changes: Vec<_> = effective.changes().iter().map(ToString::to_string).collect();
    assert_eq!(
        changes[1],
        "quota.network_bandwidth of 53687091200 (50 GiB)/s is more than can be counted in a \
         quota.period of 1s: 34359738366 (32 GiB)/s is enforced"
    );
    assert_eq!(changes.len(), 3);
    for period in ["1ms", "7ms", "700ms", "1s", "3s", "86400s"] {
        let mut config = fast.clone();
        config.quota.period =
            minimal_with(&format!("[quota]\nperiod = \"{period}\"\n")).quota.period;
        let quota = config.effective().quota();
        assert_eq!(quota.enforced(), quota, "{period}");
        assert_eq!(config.quota.to_resource_quota(0), Ok(quota), "{period}");
    }
    let most = minimal_with("[quota]\nnetwork_bandwidth = 34359738366\n").effective();
    assert!(most.changes().is_empty());
    let unlimited = minimal_with("[quota]\nnetwork_bandwidth = \"unlimited\"\n").effective();
    assert_eq!(unlimited.value(SettingKey::NetworkBandwidth), Some(Allowance::Unlimited.into()));
}

#[test]
fn a_quota_made_in_code_is_checked_as_well() {
    let mut quota = QuotaSection::default();
    quota.period = Some(Duration::ZERO);
    let error = quota.to_resource_quota(0).unwrap_err();
    assert_eq!(error.to_string(), "`quota.period` of 0ns is not between 1ms and 86400s");
    quota.period = Some(Duration::from_millis(1));
    quota.message_rate = Some(Allowance::AtMost(999));
    let error = quota.to_resource_quota(0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`quota.message_rate` comes out as 0 in a `quota.period` of 1ms: make the period \
         longer or the rate larger"
    );
    quota.message_rate = Some(Allowance::AtMost(1_000));
    assert_eq!(quota.to_resource_quota(0).unwrap().max_message_rate, Allowance::AtMost(1));
    quota.memory = Some(Allowance::AtMost(5));
    assert_eq!(quota.to_resource_quota(6), Err(QuotaConflict::Memory { quota: 5, max_bytes: 6 }));

    let mut config = minimal_with("");
    config.quota.period = Some(Duration::from_secs(u64::MAX));
    assert_eq!(config.effective().quota().reset_period, Duration::from_secs(86_400));
}

#[test]
fn each_setting_says_where_it_comes_from() {
    let config = minimal_with("[resources.cpu]\nmax_fuel = 7\n[quota]\nmemory = \"2MB\"");
    let effective = config.effective();
    let keys: Vec<_> = effective.settings().map(|one| one.key).collect();
    assert_eq!(keys, SettingKey::COMPONENT);
    let shown: Vec<_> =
        effective.settings().map(|one| format!("{} = {} ({})", one.key, one, one.origin)).collect();
    for line in [
        "resources.memory.max_bytes = 1048576 (1 MiB) (component)",
        "resources.memory.max_instances = 128 (default)",
        "resources.memory.max_memories = 8 (default)",
        "resources.memory.max_tables = 32 (default)",
        "resources.memory.max_table_elements = 20000 (default)",
        "resources.cpu.max_fuel = 7 fuel (component)",
        "resources.cpu.timeout_ms = 100 ms (default)",
        "resources.host.max_copy_bytes = 1048576 (1 MiB) (default)",
        "resources.host.max_handles = 1024 (default)",
        "resources.host.max_resources = 1024 (default)",
        "resources.host.max_output_bytes = 67108864 (64 MiB) (default)",
        "resources.host.max_output_rate = 67108864 (64 MiB)/s (default)",
        "resources.host.max_random_bytes = 65536 (64 KiB) (default)",
        "resources.host.max_descriptors = 128 (default)",
        "resources.host.max_directory_entries = 65536 (default)",
        "resources.host.max_blocking_threads = 8 (default)",
        "resources.host.max_sockets = 32 (default)",
        "resources.host.max_lookups = 256 (default)",
        "resources.host.max_socket_buffer_bytes = 262144 (256 KiB) (default)",
        "resources.host.max_requests = 1000 (default)",
        "resources.host.max_requests_in_flight = 16 (default)",
        "resources.host.max_response_head_bytes = 65536 (64 KiB) (default)",
        "resources.host.max_response_bytes = 268435456 (256 MiB) (default)",
        "resources.host.connect_timeout_ms = 10000 ms (default)",
        "resources.host.tls_timeout_ms = 10000 ms (default)",
        "resources.host.first_byte_timeout_ms = 30000 ms (default)",
        "resources.host.idle_timeout_ms = 30000 ms (default)",
        "resources.host.request_timeout_ms = 300000 ms (default)",
        "resources.host.max_message_bytes = 262144 (256 KiB) (default)",
        "resources.host.max_value_bytes = 1048576 (1 MiB) (default)",
        "quota.storage = 104857600 (100 MiB) (default)",
        "quota.storage_entries = unlimited (default)",
        "quota.message_rate = 1000/s (default)",
        "quota.message_policy = throttle (default)",
        "quota.network_policy = throttle (default)",
        "quota.network_bandwidth = 10485760 (10 MiB)/s (default)",
        "quota.cpu_time = 1000 ms/s (default)",
        "quota.cpu_time_policy = throttle (default)",
        "quota.memory = 2097152 (2 MiB) (component)",
        "quota.period = 1000 ms (default)",
    ] {
        assert!(shown.contains(&String::from(line)), "{line} is not in {shown:#?}");
    }
}

#[test]
fn each_setting_says_who_enforces_it() {
    for key in SettingKey::ALL.iter().copied() {
        let name = key.as_str().rsplit('.').next().unwrap_or_default();
        let expected = match name {
            "max_bytes" | "max_instances" | "max_memories" | "max_tables"
            | "max_table_elements" | "max_fuel" | "timeout_ms" | "max_copy_bytes"
            | "max_handles" | "max_resources" | "cpu_time" | "cpu_time_policy" | "memory"
            | "period" => Enforcer::Executor,
            _ => Enforcer::Wasi,
        };
        assert_eq!(key.enforcer(), expected, "{key}");
    }
}

#[test]
fn a_config_is_written_as_it_is_read() {
    for text in [EXAMPLE, MINIMAL] {
        let config = read(text);
        let written = toml::to_string(&config).unwrap();
        assert_eq!(read(&written), config, "{written}");
    }
}

#[test]
fn capabilities_with_restrictions_are_not_written_without_them() {
    let mut config = read(EXAMPLE);
    config.capabilities = config.capabilities.restricted_by("policy", &CapabilitySet::new());
    let error = toml::to_string(&config).unwrap_err().to_string();
    assert!(error.contains("capabilities with restrictions are more than one table"), "{error}");
    assert!(
        !config
            .effective()
            .capabilities()
            .check(Permission::FilesystemRead, "/app/data/x")
            .is_allowed()
    );
}

#[test]
fn the_patterns_of_every_permission_become_a_set() {
    let config = minimal_with(
        r#"
        [capabilities]
        filesystem = { read = ["/r/*"], write = ["/w/*"], execute = ["/x/*"] }
        network = { connect = ["c:1"], bind = ["b:1"], listen = ["**"] }
        storage = { read = ["r"], write = ["w"], delete = ["component:<id>:**"] }
        messaging = { send = ["s"], receive = ["r.*"] }
        "#,
    );
    let set = &config.capabilities;
    let listed: Vec<_> =
        set.iter().map(|(permission, pattern)| format!("{permission} {pattern}")).collect();
    assert_eq!(
        listed,
        [
            "filesystem.read /r/*",
            "filesystem.write /w/*",
            "filesystem.execute /x/*",
            "network.connect c:1",
            "network.bind b:1",
            "network.listen **",
            "storage.read r",
            "storage.write w",
            "storage.delete component:<id>:**",
            "messaging.send s",
            "messaging.receive r.*",
        ]
    );
    let mut wrong = set.clone();
    assert_eq!(
        wrong.grant(Permission::NetworkBind, "no port").unwrap_err().to_string(),
        "network pattern `no port` refused: the port must be a number from 1 to 65535, or `*`"
    );
}
