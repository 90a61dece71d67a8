//! Any text is read or refused.

use core::time::Duration;

use limits_config::{ComponentConfig, Policy};
use limits_core::{Allowance, CpuTimePolicy, Permission, RatePolicy, is_hidden};
use proptest::prelude::*;

use crate::{EXAMPLE, MINIMAL};

fn read_or_refuse(text: &str) -> Result<(), TestCaseError> {
    match ComponentConfig::from_toml(text) {
        Ok(config) => {
            let effective = config.effective();
            prop_assert_eq!(Some(effective.limits()), config.resource_limits().ok());
            let max_bytes = config.resources.memory.max_bytes;
            prop_assert_eq!(config.quota.to_resource_quota(max_bytes), Ok(effective.quota()));
            prop_assert_eq!(effective.capabilities(), &config.capabilities);
        }
        Err(error) => {
            let shown = error.to_string();
            prop_assert!(!shown.contains(is_hidden), "{shown:?}");
            let lines = text.matches('\n').count() + 1;
            prop_assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{shown}");
            prop_assert!(error.column().is_none_or(|column| column >= 1), "{shown}");
        }
    }
    if let Err(error) = Policy::from_toml(text) {
        prop_assert!(!error.to_string().contains(is_hidden));
    }
    Ok(())
}

/// A piece of such a file.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\"",
        "'",
        "\n",
        "\r\n",
        " ",
        "#",
        "\\",
        "component",
        "name",
        "version",
        "path",
        "resources",
        "memory",
        "max_bytes",
        "cpu",
        "max_fuel",
        "timeout_ms",
        "host",
        "quota",
        "storage",
        "message_rate",
        "period",
        "cpu_time",
        "cpu_time_policy",
        "network_policy",
        "capabilities",
        "filesystem",
        "read",
        "network.connect",
        "[\"10.0.0.0/8:443\"]",
        "[\"[2001:db8::1/32]:*\"]",
        "ceiling",
        "cluster",
        "url",
        "\"redis://a:1\"",
        "sentinels",
        "share",
        "on_store_loss",
        "\"open\"",
        "sha256",
        "weight",
        "1",
        "-1",
        "1.5",
        "nan",
        "inf",
        "true",
        "18446744073709551616",
        "\"5MB\"",
        "\"5MB/s\"",
        "\"1s\"",
        "\"deny\"",
        "\"unlimited\"",
        "\"x\"",
        "\"1.0.0\"",
        "1979-05-27",
        "0x",
        "é",
        "\0",
        "\u{1b}",
        "\u{feff}",
        "\u{85}",
    ];
    prop_oneof![
        9 => proptest::sample::select(words.to_vec()).prop_map(String::from),
        1 => any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        read_or_refuse(&text)?;
    }

    #[test]
    fn a_text_of_the_right_words_is_read_or_refused(text in text()) {
        read_or_refuse(&text)?;
    }

    #[test]
    fn a_valid_file_with_a_hole_and_a_patch_is_read_or_refused(
        start in 0..EXAMPLE.len(),
        length in 0_usize..40,
        patch in piece(),
    ) {
        let end = (start + length).min(EXAMPLE.len());
        read_or_refuse(&format!("{}{patch}{}", &EXAMPLE[..start], &EXAMPLE[end..]))?;
    }
}

fn allowance() -> impl Strategy<Value = Option<Allowance>> {
    proptest::option::of(prop_oneof![
        4 => any::<u64>().prop_map(Allowance::AtMost),
        1 => Just(Allowance::Unlimited),
    ])
}

/// Any key that is a pattern.
const KEY: &str = r"[^\p{C}:*?\[\]{}<>\\]{1,12}(:\*)?";

prop_compose! {
    fn config()(
        name in "[a-z0-9][a-z0-9._-]{0,63}",
        path in proptest::option::of("[a-z\"' é]{1,8}(/[a-z]{1,8}){0,3}"),
        max_bytes: u64,
        counts in proptest::collection::vec(any::<Option<u32>>(), 9),
        numbers in proptest::collection::vec(any::<Option<u64>>(), 20),
        storage in allowance(),
        storage_entries in allowance(),
        message_rate in allowance(),
        network_bandwidth in allowance(),
        cpu_time in allowance(),
        memory in allowance(),
        deny: [Option<bool>; 3],
        ms in proptest::option::of(1_u64..=86_400_000),
        patterns in proptest::collection::hash_set(KEY, 0..4),
    ) -> ComponentConfig {
        let mut config = ComponentConfig::from_toml(MINIMAL).unwrap();
        config.component.name = name.parse().unwrap();
        config.component.path = path.map(|path| path.parse().unwrap());
        config.resources.memory.max_bytes = max_bytes;
        config.resources.memory.max_instances = counts[0];
        config.resources.memory.max_memories = counts[1];
        config.resources.memory.max_tables = counts[2];
        config.resources.memory.max_table_elements = numbers[0];
        config.resources.cpu.max_fuel = numbers[1];
        config.resources.cpu.timeout_ms = numbers[2];
        config.resources.host.max_copy_bytes = numbers[3];
        config.resources.host.max_handles = counts[3];
        config.resources.host.max_resources = counts[4];
        config.resources.host.max_output_bytes = numbers[4];
        config.resources.host.max_output_rate = numbers[5];
        config.resources.host.max_random_bytes = numbers[6];
        config.resources.host.max_descriptors = counts[5];
        config.resources.host.max_directory_entries = numbers[7];
        config.resources.host.max_blocking_threads = counts[6];
        config.resources.host.max_sockets = counts[7];
        config.resources.host.max_lookups = numbers[8];
        config.resources.host.max_socket_buffer_bytes = numbers[9];
        config.resources.host.max_requests = numbers[10];
        config.resources.host.max_requests_in_flight = counts[8];
        config.resources.host.max_response_head_bytes = numbers[11];
        config.resources.host.max_response_bytes = numbers[12];
        config.resources.host.connect_timeout_ms = numbers[13];
        config.resources.host.tls_timeout_ms = numbers[14];
        config.resources.host.first_byte_timeout_ms = numbers[15];
        config.resources.host.idle_timeout_ms = numbers[16];
        config.resources.host.request_timeout_ms = numbers[17];
        config.resources.host.max_message_bytes = numbers[18];
        config.resources.host.max_value_bytes = numbers[19];
        config.quota.storage = storage;
        config.quota.storage_entries = storage_entries;
        config.quota.message_rate = message_rate;
        config.quota.network_bandwidth = network_bandwidth;
        config.quota.cpu_time = cpu_time;
        config.quota.cpu_time_policy = deny[0].map(|deny| match deny {
            true => CpuTimePolicy::Deny,
            false => CpuTimePolicy::Throttle,
        });
        let rate_policy = |deny| match deny {
            true => RatePolicy::Deny,
            false => RatePolicy::Throttle,
        };
        config.quota.network_policy = deny[1].map(rate_policy);
        config.quota.message_policy = deny[2].map(rate_policy);
        config.quota.memory = memory.map(|memory| memory.max(Allowance::AtMost(max_bytes)));
        config.quota.period = ms.map(Duration::from_millis);
        for pattern in patterns {
            config.capabilities.grant(Permission::StorageDelete, &pattern).unwrap();
        }
        config
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_written_is_read_back(config in config()) {
        prop_assume!(config.quota.to_resource_quota(config.resources.memory.max_bytes).is_ok());
        let text = toml::to_string(&config).unwrap();
        match ComponentConfig::from_toml(&text) {
            Ok(read) => prop_assert_eq!(read, config),
            Err(error) => prop_assert!(false, "{error}\n{text}"),
        }
    }
}
