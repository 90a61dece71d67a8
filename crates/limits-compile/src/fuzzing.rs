//! The parsers of foreign bytes, for fuzzers. Not a part of the interface.

use crate::cache::cache_key::CacheKey;
use crate::cache::entry::{self, About, Entry};
use crate::cache::secret::Secret;

const SECRET: Secret = Secret::from_bytes([7; 32]);
const KEY: CacheKey = CacheKey::from_bytes([7; 32]);

/// Returns a good entry of a cache, with such compiled code.
#[must_use]
pub fn cache_entry(code: &[u8]) -> Vec<u8> {
    let about = About { counts: vec![1, 2, 3], adapted: None };
    let mut bytes =
        entry::seal_component(&SECRET, &KEY, &about, [b"\0asm", code]).unwrap_or_default();
    bytes.extend(b"\0asm");
    bytes.extend(code);
    bytes
}

/// Parses an entry of a cache, as it is or, if `authentic`, with a fitting authentication code of
/// its header. Returns the compiled code, if it is an entry with some.
#[must_use]
pub fn parse_cache_entry(mut bytes: Vec<u8>, authentic: bool) -> Option<Vec<u8>> {
    if authentic {
        entry::authenticate_again(&mut bytes, &SECRET);
    }
    let length = u64::try_from(bytes.len()).ok()?;
    match entry::read(&mut &*bytes, length, &SECRET, &KEY).ok()?? {
        Entry::Component(kept) => kept.code().to_vec().ok(),
        Entry::Refused(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{cache_entry, parse_cache_entry};

    #[test]
    fn a_good_entry_is_parsed_and_a_changed_one_is_not() {
        let good = cache_entry(b"code");
        assert_eq!(parse_cache_entry(good.clone(), false).as_deref(), Some(&b"code"[..]));
        let mut bad = good;
        bad[20] ^= 1;
        assert_eq!(parse_cache_entry(bad, false), None);
    }
}
