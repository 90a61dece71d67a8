//! What becomes of an execution whose component has no CPU time left.

use core::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::document::nearest;
use crate::error::quoted;

/// What becomes of an execution whose component has used up the CPU time of its quota.
///
/// The order is the order of generosity: one that is denied its CPU time ends, one that is
/// throttled comes to its end in spite of it, only later. So the lower of two is `a.min(b)`, as
/// with [`Allowance`](limits_core::Allowance).
///
/// It is for whoever runs the component; `limits-wasmtime` calls it `CpuPolicy`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "who does not get it waits or ends")]
pub enum CpuTimePolicy {
    /// It ends with the refusal.
    Deny,
    /// It waits for the next period while its deadline runs on.
    #[default]
    Throttle,
}

impl CpuTimePolicy {
    /// The words of the file.
    pub(crate) const WORDS: [&str; 2] = [Self::Throttle.as_str(), Self::Deny.as_str()];

    /// Returns the word of the file: `throttle` or `deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Throttle => "throttle",
        }
    }
}

impl fmt::Display for CpuTimePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for CpuTimePolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CpuTimePolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = CpuTimePolicy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"throttle\" or \"deny\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<CpuTimePolicy, E> {
                match text {
                    "throttle" => Ok(CpuTimePolicy::Throttle),
                    "deny" => Ok(CpuTimePolicy::Deny),
                    _ => Err(E::custom(refuse(text))),
                }
            }
        }
        deserializer.deserialize_str(Word)
    }
}

fn refuse(text: &str) -> String {
    let words = &CpuTimePolicy::WORDS;
    let meant = match nearest(text, words) {
        Some(word) => format!(": did you mean `{word}`?"),
        None => String::new(),
    };
    format!("unknown word `{}`{meant} (expected one of {})", quoted(text), words.join(", "))
}
