//! The reference in docs/ agrees with the crate.

use std::path::Path;

use limits_config::{ComponentConfig, Policy, SettingKey};
use limits_core::Permission;

use crate::EXAMPLE;

fn reference() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/component-toml.md");
    std::fs::read_to_string(file).unwrap()
}

fn blocks(text: &str) -> Vec<&str> {
    let blocks = text.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn each_example_is_valid() {
    let text = reference();
    let (policies, components): (Vec<_>, Vec<_>) =
        blocks(&text).into_iter().partition(|block| block.starts_with("# policy.toml\n"));
    assert_eq!((policies.len(), components.len()), (1, 1));
    assert_eq!(components[0], EXAMPLE);
    for component in components {
        ComponentConfig::from_toml(component).unwrap();
    }
    for policy in policies {
        Policy::from_toml(policy).unwrap();
    }
}

#[test]
fn each_key_has_a_row() {
    let text = reference();
    for key in SettingKey::COMPONENT.iter() {
        let (_, key) = key.as_str().split_once('.').unwrap();
        assert!(text.contains(&format!("\n| `{key}` |")), "no row for {key}");
    }
    let (_, host) = text.split_once("\n### `[host]`").unwrap();
    for key in SettingKey::HOST.iter() {
        let (_, key) = key.as_str().split_once('.').unwrap();
        assert!(host.contains(&format!("\n| `{key}` |")), "no row for host.{key}");
    }
    for permission in Permission::ALL.iter() {
        assert!(text.contains(&format!("`{permission}`")), "no mention of {permission}");
    }
}

#[test]
fn each_default_is_the_real_one() {
    let text = reference();
    let config = ComponentConfig::from_toml(crate::MINIMAL).unwrap();
    let shown = [
        (SettingKey::MaxInstances, "128"),
        (SettingKey::MaxMemories, "8"),
        (SettingKey::MaxTables, "32"),
        (SettingKey::MaxTableElements, "20000"),
        (SettingKey::MaxFuel, "1000000"),
        (SettingKey::TimeoutMs, "100"),
        (SettingKey::MaxCopyBytes, "1048576 (1 MiB)"),
        (SettingKey::MaxHandles, "1024"),
        (SettingKey::MaxResources, "1024"),
        (SettingKey::MaxOutputBytes, "67108864 (64 MiB)"),
        (SettingKey::MaxOutputRate, "67108864 (64 MiB) per second"),
        (SettingKey::MaxRandomBytes, "65536 (64 KiB)"),
        (SettingKey::MaxDescriptors, "128"),
        (SettingKey::MaxDirectoryEntries, "65536"),
        (SettingKey::MaxBlockingThreads, "8"),
        (SettingKey::MaxSockets, "32"),
        (SettingKey::MaxLookups, "256"),
        (SettingKey::MaxSocketBufferBytes, "262144 (256 KiB)"),
        (SettingKey::MaxRequests, "1000"),
        (SettingKey::MaxRequestsInFlight, "16"),
        (SettingKey::MaxResponseHeadBytes, "65536 (64 KiB)"),
        (SettingKey::MaxResponseBytes, "268435456 (256 MiB)"),
        (SettingKey::ConnectTimeoutMs, "10000"),
        (SettingKey::TlsTimeoutMs, "10000"),
        (SettingKey::FirstByteTimeoutMs, "30000"),
        (SettingKey::IdleTimeoutMs, "30000"),
        (SettingKey::RequestTimeoutMs, "300000"),
        (SettingKey::MaxMessageBytes, "262144 (256 KiB)"),
        (SettingKey::MaxValueBytes, "1048576 (1 MiB)"),
        (SettingKey::Storage, "104857600 (100 MiB)"),
        (SettingKey::MessageRate, "1000"),
        (SettingKey::NetworkBandwidth, "10485760 (10 MiB) per second"),
        (SettingKey::CpuTime, "`\"1000ms/s\"`"),
    ];
    for (key, default) in shown {
        let (_, name) = key.as_str().split_once('.').unwrap();
        let row = text.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
        assert!(row.contains(&format!("| {default} |")), "{row}");
        let digits: String = default
            .chars()
            .skip_while(|letter| !letter.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        let value = config.effective().value(key).unwrap().at_most().unwrap();
        assert_eq!(value.to_string(), digits, "{key}");
    }
}
