//! `share`: the quotas that hosts share.

use core::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::toml::shown::quoted;

/// The words of the list.
const WORDS: [&str; 2] = ["component", "host"];

/// The quotas that hosts share, at least one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Levels {
    pub(crate) component: bool,
    pub(crate) host: bool,
}

impl Default for Levels {
    fn default() -> Self {
        Self { component: true, host: false }
    }
}

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List)
    }
}

struct List;

impl<'de> Visitor<'de> for List {
    type Value = Levels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of \"component\" and \"host\"")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Levels, A::Error> {
        let mut levels = Levels { component: false, host: false };
        while let Some(()) = words.next_element_seed(Word(&mut levels))? {}
        if levels.component || levels.host {
            return Ok(levels);
        }
        Err(A::Error::custom(
            "nothing is shared: name \"component\" or \"host\", or remove the table",
        ))
    }
}

/// Reads one word into the levels of those before it.
struct Word<'l>(&'l mut Levels);

impl<'de> de::DeserializeSeed<'de> for Word<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_str(self)
    }
}

impl Visitor<'_> for Word<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"component\" or \"host\"")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<(), E> {
        let Self(levels) = self;
        let level = match word {
            "component" => &mut levels.component,
            "host" => &mut levels.host,
            _ => {
                let (word, words) = (quoted(word), WORDS.join(" or "));
                return Err(E::custom(format!("`{word}` cannot be shared: expected {words}")));
            }
        };
        if core::mem::replace(level, true) {
            return Err(E::custom(format!("`{word}` is listed twice")));
        }
        Ok(())
    }
}

#[cfg(any(test, feature = "schema"))]
impl schemars::JsonSchema for Levels {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        stringify!(Levels).into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array",
            "items": { "enum": WORDS },
            "minItems": 1,
            "uniqueItems": true
        })
    }
}
