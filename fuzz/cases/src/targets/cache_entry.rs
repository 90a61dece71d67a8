//! Entries of the cache of compiled components.

use limits_compile::fuzzing::{cache_entry, parse_cache_entry};

use crate::corpus::Corpus;

const WORDS: &[&[u8]] = &[
    b"\0asm",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\0\0\0\0\0\0\0\0",
    b"[",
    b"]",
    b"1,",
    b"null",
    b"{",
    b"\"",
];

/// Only the entry that was written is taken as it is; one with a fitting code of authentication is
/// parsed, too.
pub(crate) fn run(bytes: &[u8]) -> bool {
    if let Some(code) = parse_cache_entry(bytes.to_vec(), false) {
        assert_eq!(bytes, cache_entry(&code), "an entry that was not written is taken");
    }
    parse_cache_entry(bytes.to_vec(), true).is_some()
}

pub(crate) fn corpus() -> Corpus {
    let inputs = vec![cache_entry(b""), cache_entry(b"code"), cache_entry(&[7; 300])];
    Corpus { inputs, words: WORDS, most: 2_048 }
}
