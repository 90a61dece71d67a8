//! SHA-256 hashes as a file holds them.

use core::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::toml::shown::quoted;

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sha256(pub(crate) [u8; 32]);

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HexDigits)
    }
}

struct HexDigits;

impl Visitor<'_> for HexDigits {
    type Value = Sha256;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a SHA-256 as 64 hexadecimal digits in quotes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Sha256, E> {
        let mut hash = [0; 32];
        match hex::decode_to_slice(text, &mut hash) {
            Ok(()) => Ok(Sha256(hash)),
            Err(_) => Err(E::custom(format!("`{}` is not 64 hexadecimal digits", quoted(text)))),
        }
    }
}
