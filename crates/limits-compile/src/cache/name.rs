//! The name of a file in a cache.

use core::fmt;
use std::ffi::OsStr;

use crate::cache::cache_key::CacheKey;

/// The name of a file in a cache: the key in hexadecimal digits, and the kind.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Name {
    /// A compiled component, or a verdict.
    Entry(CacheKey),
    /// The lock of the thread that compiles.
    Lock(CacheKey),
    /// An entry that is written, with the number that its writer chose.
    Temp(CacheKey, u64),
}

impl Name {
    /// Returns the name that a file has, if it is a cache's.
    pub(super) fn parse(name: &OsStr) -> Option<Self> {
        let (stem, kind) = name.to_str()?.split_once('.')?;
        let mut key = [0; 32];
        hex::decode_to_slice(stem, &mut key).ok()?;
        let key = CacheKey::from_bytes(key);
        let parsed = match kind {
            "entry" => Self::Entry(key),
            "lock" => Self::Lock(key),
            temp => Self::Temp(key, u64::from_str_radix(temp.strip_suffix(".temp")?, 16).ok()?),
        };
        // One name of each: capital digits and signs are another file's.
        (name == OsStr::new(&parsed.to_string())).then_some(parsed)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(key) => write!(f, "{key}.entry"),
            Self::Lock(key) => write!(f, "{key}.lock"),
            Self::Temp(key, number) => write!(f, "{key}.{number:016x}.temp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Name;
    use crate::cache::cache_key::CacheKey;
    use std::ffi::OsStr;

    #[test]
    fn names_are_parsed_as_they_are_written_and_others_are_not_ours() {
        let key = CacheKey::from_bytes([0xab; 32]);
        let digits = "ab".repeat(32);
        for (name, text) in [
            (Name::Entry(key), format!("{digits}.entry")),
            (Name::Lock(key), format!("{digits}.lock")),
            (Name::Temp(key, 0x1f), format!("{digits}.000000000000001f.temp")),
        ] {
            assert_eq!(name.to_string(), text);
            assert_eq!(Name::parse(OsStr::new(&text)), Some(name));
        }
        for text in [
            String::new(),
            String::from("."),
            String::from("notes.entry"),
            digits.clone(),
            format!("{digits}."),
            format!("{digits}.entry2"),
            format!("{}.entry", digits.to_uppercase()),
            format!("{digits}00.entry"),
            format!("{digits}.1f.temp"),
            format!("{digits}.+00000000000001f.temp"),
            format!("{digits}.temp"),
        ] {
            assert_eq!(Name::parse(OsStr::new(&text)), None, "{text}");
        }
    }
}
