//! Lines of a Component.toml, to paste.

use core::fmt::Write as _;

use limits_config::{Setting, SettingKey, Unit, format_size};
use limits_core::{Permission, is_hidden};

use crate::units::grouped;

/// Writes a setting of `[quota]` in a line, without its table.
pub(crate) fn quota_line(Setting { key, value, .. }: &Setting) -> String {
    match value.at_most() {
        Some(number) => amount_line(*key, number),
        None => format!("{} = {}", name(*key), string(&value.to_string())),
    }
}

/// Writes an amount of `[quota]` in a line, without its table.
pub(crate) fn amount_line(key: SettingKey, number: u64) -> String {
    let name = name(key);
    let digits = match i64::try_from(number) {
        Ok(_) => grouped(number),
        // No number of TOML is as large, but a size may be a text.
        Err(_) => string(&number.to_string()),
    };
    match key.unit() {
        Unit::Bytes => format!("{name} = {digits} # {}", in_units(number)),
        Unit::BytesPerSecond => format!("{name} = {digits} # {}/s", in_units(number)),
        Unit::Milliseconds => format!("{name} = \"{number}ms\""),
        Unit::MillisecondsPerSecond => format!("{name} = \"{number}ms/s\""),
        _ => format!("{name} = {digits}"),
    }
}

/// Writes the patterns of a permission in a line, without the table.
pub(crate) fn patterns_line<T: AsRef<str>>(
    permission: Permission,
    patterns: impl IntoIterator<Item = T>,
) -> String {
    let quoted: Vec<String> =
        patterns.into_iter().map(|pattern| string(pattern.as_ref())).collect();
    format!("{permission} = [{}]", quoted.join(", "))
}

/// Writes a text as a string of TOML, in which nothing is hidden.
pub(crate) fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        let written = match letter {
            '"' | '\\' => write!(quoted, "\\{letter}"),
            _ if is_hidden(letter) => write!(quoted, "\\U{:08X}", u32::from(letter)),
            _ => write!(quoted, "{letter}"),
        };
        debug_assert!(written.is_ok(), "a String takes every text");
    }
    quoted.push('"');
    quoted
}

/// Returns the name of a key in its table.
fn name(key: SettingKey) -> &'static str {
    key.as_str().rsplit_once('.').map_or(key.as_str(), |(_, name)| name)
}

/// Writes bytes in the largest unit that fits, such as `4 MiB`.
fn in_units(bytes: u64) -> String {
    let shown = format_size(bytes);
    match shown.split_once(" (") {
        Some((_, rounded)) => String::from(rounded.trim_end_matches(')')),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::{amount_line, patterns_line, quota_line, string};
    use crate::report::settings::quotas;
    use limits_config::{ComponentConfig, SettingKey};
    use limits_core::{Permission, is_hidden};

    fn config(tables: &str) -> ComponentConfig {
        ComponentConfig::from_toml(&format!(
            "[component]\nname = \"a\"\nversion = \"1.0.0\"\n[resources.memory]\nmax_bytes = 0\n\
             {tables}"
        ))
        .unwrap()
    }

    #[test]
    fn every_quota_reads_back_as_it_was() {
        for quota in [
            "",
            "storage = \"unlimited\"\nmemory = \"18446744073709551615\"\ncpu_time = \"unlimited\"\n\
             message_rate = \"unlimited\"\nnetwork_bandwidth = \"unlimited\"\n",
            "storage = \"1.5GB\"\nmessage_rate = 7\nnetwork_bandwidth = \"5MB/s\"\n\
             cpu_time = \"800ms/s\"\ncpu_time_policy = \"deny\"\nperiod = \"90s\"\n",
        ] {
            let effective = config(&format!("[quota]\n{quota}")).effective();
            let lines: String = quotas(&effective)
                .iter()
                .map(|setting| format!("{}\n", quota_line(setting)))
                .collect();
            let again = config(&format!("[quota]\n{lines}")).effective();
            let values = |config| -> Vec<_> {
                quotas(config).into_iter().map(|setting| (setting.key, setting.value)).collect()
            };
            assert_eq!(values(&effective), values(&again), "{lines}");
        }
        assert_eq!(amount_line(SettingKey::Storage, 5 << 20), "storage = 5_242_880 # 5 MiB");
        assert_eq!(amount_line(SettingKey::QuotaMemory, 512), "memory = 512 # 512 B");
        assert_eq!(amount_line(SettingKey::CpuTime, 800), "cpu_time = \"800ms/s\"");
    }

    #[test]
    fn every_pattern_reads_back_as_it_was_and_hides_nothing() {
        let hidden = "/a\"b\u{202e}c/é";
        let line = patterns_line(Permission::FilesystemRead, [hidden, "/d/**"]);
        assert_eq!(line, "filesystem.read = [\"/a\\\"b\\U0000202Ec/é\", \"/d/**\"]");
        let config = config(&format!("[capabilities]\n{line}\n"));
        let patterns: Vec<String> = config
            .capabilities
            .patterns(Permission::FilesystemRead)
            .map(|pattern| String::from(pattern.as_str()))
            .collect();
        assert_eq!(patterns, [hidden, "/d/**"]);
        let all: String = ('\0'..=char::MAX).filter(|letter| is_hidden(*letter)).collect();
        assert!(!string(&all).contains(is_hidden));
        assert_eq!(string("a\\b\n"), "\"a\\\\b\\U0000000A\"");
    }
}
