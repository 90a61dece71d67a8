//! Sizes.

use limits_config::{format_size, parse_storage};

use crate::corpus::{Corpus, texts};

pub(crate) const WORDS: &[&[u8]] = &[
    b"0",
    b"9",
    b"18446744073709551615",
    b".",
    b".5",
    b" ",
    b"-",
    b"+",
    b"e",
    b"B",
    b"KB",
    b"kB",
    b"Mb",
    b"GiB",
    b"TiB",
    b"/s",
    b"ms",
    b"\xc2\xa0",
    b"\xd9\xa3",
];

pub(crate) fn run(bytes: &[u8]) -> bool {
    let Ok(text) = core::str::from_utf8(bytes) else { return false };
    let Ok(size) = parse_storage(text) else { return false };
    // The size is shown as bytes, and in a unit where that is exact.
    let shown = format_size(size);
    let digits = shown.split(' ').next().unwrap_or_default();
    assert_eq!(parse_storage(digits), Ok(size), "{shown}");
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b". ".contains(&byte)));
    true
}

pub(crate) fn corpus() -> Corpus {
    texts(&["4194304", "4MiB", "1.5 GB", "0B", "16777215TiB", "0.25 KiB"], WORDS, 64)
}
