//! The keys of `[resources.host]` about sockets, HTTP, messages and pairs of keys and values.

use limits_config::{ComponentConfig, Policy, SettingKey};

use crate::MINIMAL;

/// Each key with a value, written and in its unit.
const ROWS: [(SettingKey, &str, u64); 14] = [
    (SettingKey::MaxSockets, "1", 1),
    (SettingKey::MaxLookups, "2", 2),
    (SettingKey::MaxSocketBufferBytes, "\"3KiB\"", 3_072),
    (SettingKey::MaxRequests, "4", 4),
    (SettingKey::MaxRequestsInFlight, "5", 5),
    (SettingKey::MaxResponseHeadBytes, "\"6KiB\"", 6_144),
    (SettingKey::MaxResponseBytes, "\"7KiB\"", 7_168),
    (SettingKey::ConnectTimeoutMs, "8", 8),
    (SettingKey::TlsTimeoutMs, "9", 9),
    (SettingKey::FirstByteTimeoutMs, "10", 10),
    (SettingKey::IdleTimeoutMs, "11", 11),
    (SettingKey::RequestTimeoutMs, "12", 12),
    (SettingKey::MaxMessageBytes, "\"13KiB\"", 13_312),
    (SettingKey::MaxValueBytes, "\"14KiB\"", 14_336),
];

fn lines(prefix: &str) -> String {
    ROWS.iter().map(|(key, written, _)| format!("{prefix}{key} = {written}\n")).collect()
}

/// The limits of the network, in the order of [`ROWS`].
fn limits(config: &limits_config::EffectiveConfig) -> [u64; 14] {
    let limits = config.limits();
    [
        limits.max_sockets().into(),
        limits.max_lookups(),
        limits.max_socket_buffer_bytes(),
        limits.max_requests(),
        limits.max_requests_in_flight().into(),
        limits.max_response_head_bytes(),
        limits.max_response_bytes(),
        limits.connect_timeout_ms(),
        limits.tls_timeout_ms(),
        limits.first_byte_timeout_ms(),
        limits.idle_timeout_ms(),
        limits.request_timeout_ms(),
        limits.max_message_bytes(),
        limits.max_value_bytes(),
    ]
}

#[test]
fn each_key_becomes_its_own_limit() {
    let file = format!("{}{MINIMAL}", lines(""));
    let effective = ComponentConfig::from_toml(&file).unwrap().effective();
    assert_eq!(limits(&effective), ROWS.map(|(_, _, value)| value));
}

#[test]
fn a_ceiling_lowers_each_of_them() {
    let policy = Policy::from_toml(&lines("ceiling.")).unwrap();
    let config = ComponentConfig::from_toml(MINIMAL).unwrap();
    let effective = policy.apply(&config, &config.component.name, None);
    assert_eq!(limits(&effective), ROWS.map(|(_, _, value)| value));
    assert_eq!(effective.changes().len(), ROWS.len());
    assert_eq!(
        effective.changes()[7].to_string(),
        "resources.host.connect_timeout_ms lowered from 10000 ms to 8 ms by policy [ceiling] \
         resources.host.connect_timeout_ms"
    );
}

#[test]
fn none_of_them_is_unlimited() {
    for (key, _, _) in ROWS {
        let file = format!("{key} = \"unlimited\"\n{MINIMAL}");
        assert!(ComponentConfig::from_toml(&file).is_err(), "{key}");
    }
}
