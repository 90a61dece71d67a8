//! Component.toml.

use limits_config::{ComponentConfig, ConfigError};
use limits_core::is_hidden;

use crate::corpus::{Corpus, texts};

/// Words of both files.
pub(crate) const WORDS: &[&[u8]] = &[
    b"[",
    b"]",
    b"{",
    b"}",
    b"=",
    b"\"",
    b"'",
    b"\"\"\"",
    b".",
    b",",
    b"\n",
    b"\r\n",
    b"#",
    b"\\u0000",
    b"\xef\xbb\xbf",
    b"-1",
    b"0x",
    b"1e9",
    b"nan",
    b"inf",
    b"18446744073709551616",
    b"true",
    b"\"unlimited\"",
    b"1979-05-27",
    b"max_bytes",
    b"[quota]",
    b"[compile]",
    b"[host]",
    b"**",
    b"<id>",
];

pub(crate) fn run(bytes: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(bytes) else { return false };
    match ComponentConfig::from_toml(text) {
        Ok(config) => {
            let effective = config.effective();
            assert_eq!(Some(effective.limits()), config.resource_limits().ok());
            true
        }
        Err(error) => points_into(text, &error),
    }
}

/// Asserts that an error is one line for a terminal, and points into the text. Returns false: the
/// text was refused.
pub(crate) fn points_into(text: &str, error: &ConfigError) -> bool {
    let shown = error.to_string();
    assert!(!shown.contains(is_hidden), "{shown:?}");
    let lines = text.matches('\n').count() + 1;
    assert!(error.line().is_none_or(|line| (1..=lines).contains(&line)), "{shown}");
    assert!(error.column().is_none_or(|column| column >= 1), "{shown}");
    false
}

pub(crate) fn corpus() -> Corpus {
    let examples = [
        include_str!("../../../../examples/visits/Component.toml"),
        include_str!("../../../../examples/fill-storage/Component.toml"),
        include_str!("../../../../examples/spin/Component.toml"),
        "component = { name = \"a\", version = \"1.0.0\" }\nresources.memory.max_bytes = 1\n",
        "[component]\nname = \"a\"\nversion = \"1.0.0\"\n[resources.memory]\nmax_bytes = \"1MiB\"\n\
         [capabilities]\nnetwork = { connect = [\"*.example.com:443\", \"10.0.0.0/8:*\"] }\n",
    ];
    texts(&examples, WORDS, 4_096)
}
