//! CPU time policies as words: "throttle", "deny".

use core::fmt;

use limits_core::CpuTimePolicy;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

use crate::document::nearest;
use crate::error::quoted;

/// The words of the file, the default first.
pub(crate) const WORDS: [&str; 2] =
    [CpuTimePolicy::Throttle.as_str(), CpuTimePolicy::Deny.as_str()];

struct Word;

impl Visitor<'_> for Word {
    type Value = CpuTimePolicy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"throttle\" or \"deny\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<CpuTimePolicy, E> {
        text.parse().map_err(|_error| E::custom(refuse(text)))
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<CpuTimePolicy>, D::Error> {
    deserializer.deserialize_any(Word).map(Some)
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
pub(crate) fn serialize<S: Serializer>(
    policy: &Option<CpuTimePolicy>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match policy {
        Some(policy) => serializer.serialize_str(policy.as_str()),
        None => serializer.serialize_none(),
    }
}

/// Says that a word is none of ours, and which was probably meant.
fn refuse(text: &str) -> String {
    let meant = match nearest(text, &WORDS) {
        Some(word) => format!(": did you mean `{word}`?"),
        None => String::new(),
    };
    format!("unknown word `{}`{meant} (expected one of {})", quoted(text), WORDS.join(", "))
}
