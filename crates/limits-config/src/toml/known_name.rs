//! Keys of tables whose names are known.

use core::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, Visitor};

/// Reads a key as its position in a list of names.
pub(crate) struct KnownName(pub(crate) &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for KnownName {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<usize, D::Error> {
        d.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KnownName {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let position = self.0.iter().position(|one| *one == name);
        position.ok_or_else(|| E::unknown_field(name, self.0))
    }
}
