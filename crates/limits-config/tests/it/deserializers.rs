//! The public types read from other formats, and from files of the host's own.

use core::fmt::Debug;

use limits_config::{
    ComponentConfig, CpuConfig, HostCeilings, HostConfig, MemoryConfig, QuotaSection,
};
use limits_core::Allowance;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error, MapDeserializer};

use crate::{EXAMPLE, MINIMAL};

/// Reads one key from a number of each type that a format can have.
fn from_numbers<T: DeserializeOwned>(
    keys: &[(&str, u8)],
) -> Vec<(&'static str, Result<T, String>)> {
    macro_rules! each {
        ($($number:ident),+) => {
            [$({
                let entries = keys.iter().map(|(key, number)| (*key, $number::from(*number)));
                let read = T::deserialize(MapDeserializer::<_, Error>::new(entries));
                (stringify!($number), read.map_err(|error| error.to_string()))
            }),+]
        };
    }
    Vec::from(each!(u8, u16, u32, u64, u128, i16, i32, i64, i128))
}

/// Reads a text, and the tree that a format makes of it.
fn from_formats<T: DeserializeOwned>(
    keys: &[(&str, u8)],
) -> Vec<(&'static str, Result<T, String>)> {
    let lines: String = keys.iter().map(|(key, number)| format!("{key} = {number}\n")).collect();
    let json: serde_json::Map<_, _> =
        keys.iter().map(|(key, number)| ((*key).to_owned(), (*number).into())).collect();
    let json = serde_json::Value::from(json);
    let toml = |error: toml::de::Error| error.to_string();
    let fault = |error: serde_json::Error| error.to_string();
    Vec::from([
        ("TOML", toml::from_str(&lines).map_err(toml)),
        ("TOML tree", lines.parse::<toml::Table>().and_then(T::deserialize).map_err(toml)),
        ("JSON", serde_json::from_str(&json.to_string()).map_err(fault)),
        ("JSON tree", serde_json::from_value(json).map_err(fault)),
    ])
}

fn reads_as<T: DeserializeOwned + Debug + PartialEq>(
    keys: &[(&str, u8)],
    check: impl Fn(&T) -> bool,
) {
    for (way, read) in from_numbers::<T>(keys).into_iter().chain(from_formats(keys)) {
        let read = read.unwrap_or_else(|error| panic!("{keys:?} from {way}: {error}"));
        assert!(check(&read), "{keys:?} from {way}: {read:?}");
    }
}

#[test]
fn every_amount_reads_plain_integers_from_every_format() {
    let (seven, eight) = (Some(Allowance::AtMost(7)), Some(Allowance::AtMost(8)));
    reads_as::<QuotaSection>(&[("message_rate", 7), ("network_bandwidth", 8)], |quota| {
        quota.message_rate == seven && quota.network_bandwidth == eight
    });
    reads_as::<QuotaSection>(&[("storage", 7), ("memory", 8)], |quota| {
        quota.storage == seven && quota.memory == eight
    });
    reads_as::<HostCeilings>(
        &[("storage", 7), ("message_rate", 8), ("network_bandwidth", 7), ("memory", 8)],
        |host| {
            let quota = host.to_resource_quota();
            (Some(quota.max_storage_bytes), Some(quota.max_message_rate)) == (seven, eight)
                && Some(quota.max_network_bandwidth) == seven
                && Some(quota.max_memory_bytes) == eight
        },
    );
    reads_as::<MemoryConfig>(&[("max_bytes", 7)], |memory| memory.max_bytes == 7);
    reads_as::<HostConfig>(&[("max_copy_bytes", 7)], |host| host.max_copy_bytes == Some(7));
}

#[test]
fn every_count_reads_plain_integers_from_every_format() {
    for (way, memory) in from_formats::<MemoryConfig>(&[
        ("max_bytes", 7),
        ("max_instances", 1),
        ("max_memories", 2),
        ("max_tables", 3),
        ("max_table_elements", 4),
    ]) {
        let memory = memory.unwrap();
        let read = (memory.max_instances, memory.max_memories, memory.max_tables);
        assert_eq!(read, (Some(1), Some(2), Some(3)), "{way}");
        assert_eq!((memory.max_bytes, memory.max_table_elements), (7, Some(4)), "{way}");
    }
    for (way, cpu) in from_formats::<CpuConfig>(&[("max_fuel", 7), ("timeout_ms", 8)]) {
        let cpu = cpu.unwrap();
        assert_eq!((cpu.max_fuel, cpu.timeout_ms), (Some(7), Some(8)), "{way}");
    }
    for (way, host) in from_formats::<HostConfig>(&[("max_handles", 8), ("max_resources", 9)]) {
        let host = host.unwrap();
        assert_eq!((host.max_handles, host.max_resources), (Some(8), Some(9)), "{way}");
    }
}

#[test]
fn a_cpu_time_needs_its_unit_in_every_format() {
    for (way, read) in from_numbers::<QuotaSection>(&[("cpu_time", 7)])
        .into_iter()
        .chain(from_formats(&[("cpu_time", 7)]))
    {
        let error = read.unwrap_err();
        assert!(
            error.contains("integer `7`, expected a CPU time, such as \"800ms/s\""),
            "{way}: {error}"
        );
    }
}

fn refusal<N>(number: N) -> String
where
    N: for<'de> serde::de::IntoDeserializer<'de, Error>,
{
    let entries = core::iter::once(("storage", number));
    QuotaSection::deserialize(MapDeserializer::<_, Error>::new(entries)).unwrap_err().to_string()
}

#[test]
fn an_amount_is_whole_not_negative_and_fits_64_bits_in_every_format() {
    let expected = "expected bytes, such as 4194304 or \"4MiB\", or \"unlimited\"";
    for (error, found) in [
        (refusal(-1_i8), "invalid value: integer `-1`"),
        (refusal(i64::MIN), "invalid value: integer `-9223372036854775808`"),
        (refusal(-1_i128), "invalid value: integer `-1`"),
        (refusal(1_i128 << 64), "invalid value: integer `18446744073709551616`"),
        (refusal(1_u128 << 64), "invalid value: integer `18446744073709551616`"),
        (refusal(500.0_f64), "invalid type: floating point `500.0`"),
        (refusal(true), "invalid type: boolean `true`"),
    ] {
        assert_eq!(error, format!("{found}, {expected}"));
    }
    for text in ["storage = -1", "storage = 500.0", "storage = []"] {
        assert!(toml::from_str::<QuotaSection>(text).is_err(), "{text}");
    }
    let most = QuotaSection::deserialize(MapDeserializer::<_, Error>::new(core::iter::once((
        "storage",
        u128::from(u64::MAX),
    ))));
    assert_eq!(most.unwrap().storage, Some(Allowance::AtMost(u64::MAX)));
}

#[test]
fn a_whole_file_reads_the_same_from_other_formats() {
    for text in [EXAMPLE, MINIMAL] {
        let config = ComponentConfig::from_toml(text).unwrap();
        assert_eq!(toml::from_str::<ComponentConfig>(text).unwrap(), config);
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(ComponentConfig::deserialize(table).unwrap(), config);
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<ComponentConfig>(&json).unwrap(), config);
        let toml = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<ComponentConfig>(&toml).unwrap(), config);
    }
}
