//! The ways in which the value of a setting is written.

use core::fmt;

use limits_core::Allowance;
use serde::de::{DeserializeSeed, Error, Unexpected, Visitor};
use serde::{Deserialize as _, Deserializer, Serialize, Serializer};

use crate::grammar::period;
use crate::grammar::rate::{parse_bandwidth, parse_cpu_time};
use crate::grammar::size::{format_size, parse_storage};
use crate::grammar::value::Value;
use crate::toml::nearest::nearest;
use crate::toml::shown::quoted;

/// The unit in which a setting is counted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// A count.
    Count,
    /// Units of fuel.
    Fuel,
    /// Messages per second.
    MessagesPerSecond,
    /// Milliseconds.
    Milliseconds,
    /// Milliseconds per second.
    MillisecondsPerSecond,
    /// No unit: the setting is a word.
    Word,
}

/// The way in which the value of a setting is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A whole number of 32 bits.
    Count,
    /// A whole number of 64 bits in a unit.
    Number(Unit),
    /// A size.
    Size,
    /// A size per second.
    SizeRate,
    /// A size, or unlimited.
    Storage,
    /// A count of 64 bits, or unlimited.
    Entries,
    /// Messages per second, or unlimited.
    Messages,
    /// A bandwidth, or unlimited.
    Bandwidth,
    /// Milliseconds of CPU time per second, or unlimited.
    CpuTime,
    /// A period.
    Period,
    /// One of these words, the strictest first.
    Word(&'static [&'static str]),
}

impl Kind {
    /// Returns the unit of the value.
    pub(crate) const fn unit(self) -> Unit {
        match self {
            Self::Count | Self::Entries => Unit::Count,
            Self::Number(unit) => unit,
            Self::Size | Self::Storage => Unit::Bytes,
            Self::Messages => Unit::MessagesPerSecond,
            Self::Bandwidth | Self::SizeRate => Unit::BytesPerSecond,
            Self::CpuTime => Unit::MillisecondsPerSecond,
            Self::Period => Unit::Milliseconds,
            Self::Word(_) => Unit::Word,
        }
    }

    /// Tells whether the value may be unlimited.
    pub(crate) const fn has_unlimited(self) -> bool {
        matches!(
            self,
            Self::Storage | Self::Entries | Self::Messages | Self::Bandwidth | Self::CpuTime
        )
    }

    /// Returns how generous a value is, to be compared with others of this kind.
    pub(crate) fn rank(self, value: Value) -> Allowance {
        match (self, value) {
            (_, Value::Amount(amount)) => amount,
            (Self::Word(words), Value::Word(word)) => {
                let position = words.iter().position(|one| *one == word).unwrap_or_default();
                Allowance::AtMost(u64::try_from(position).unwrap_or_default())
            }
            (_, Value::Word(_)) => Allowance::AtMost(0),
        }
    }

    /// Writes a value with its unit, for people.
    pub(crate) fn show(self, value: Value) -> String {
        let Some(number) = value.at_most() else { return value.to_string() };
        match self.unit() {
            Unit::Bytes => format_size(number),
            Unit::BytesPerSecond => format!("{}/s", format_size(number)),
            Unit::Count | Unit::Word => number.to_string(),
            Unit::Fuel => format!("{number} fuel"),
            Unit::MessagesPerSecond => format!("{number}/s"),
            Unit::Milliseconds => format!("{number} ms"),
            Unit::MillisecondsPerSecond => format!("{number} ms/s"),
        }
    }

    /// Writes a value as a file holds it.
    pub(crate) const fn written(self, value: Value) -> Written {
        Written { kind: self, value }
    }

    fn parse<E: Error>(self, text: &str) -> Result<Value, E> {
        let parsed = match self {
            Self::Size | Self::Storage => parse_storage(text).map(Value::number),
            Self::Bandwidth | Self::SizeRate => parse_bandwidth(text).map(Value::number),
            Self::CpuTime => parse_cpu_time(text).map(Value::number),
            Self::Period => return period::parse(text).map(Value::number),
            Self::Word(words) => return parse_word(text, words),
            Self::Count | Self::Number(_) | Self::Entries | Self::Messages => {
                return Err(E::invalid_type(Unexpected::Str(text), &self));
            }
        };
        parsed.map_err(E::custom)
    }
}

/// Finds a word, or names those that are valid.
fn parse_word<E: Error>(text: &str, words: &'static [&'static str]) -> Result<Value, E> {
    if let Some(word) = words.iter().find(|word| **word == text) {
        return Ok(Value::Word(word));
    }
    let meant = match nearest(text, words) {
        Some(word) => format!(": did you mean `{word}`?"),
        None => String::new(),
    };
    let valid: Vec<&str> = words.iter().rev().copied().collect();
    Err(E::custom(format!(
        "unknown word `{}`{meant} (expected one of {})",
        quoted(text),
        valid.join(", ")
    )))
}

impl<'de> DeserializeSeed<'de> for Kind {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self {
            Self::Count => u32::deserialize(deserializer).map(|n| Value::number(n.into())),
            Self::Number(_) => u64::deserialize(deserializer).map(Value::number),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl Visitor<'_> for Kind {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count | Self::Number(_) => f.write_str("a whole number")?,
            Self::Size | Self::Storage => f.write_str("bytes, such as 4194304 or \"4MiB\"")?,
            Self::Entries => f.write_str("entries, such as 1000")?,
            Self::Messages => f.write_str("messages per second, such as 500")?,
            Self::Bandwidth | Self::SizeRate => {
                f.write_str("bytes per second, such as 1048576 or \"5MB/s\"")?;
            }
            Self::CpuTime => f.write_str("a CPU time, such as \"800ms/s\"")?,
            Self::Period => f.write_str("a period, such as \"1s\" or \"500ms\"")?,
            Self::Word(words) => {
                let words: Vec<_> = words.iter().rev().map(|word| format!("\"{word}\"")).collect();
                f.write_str(&words.join(" or "))?;
            }
        }
        if self.has_unlimited() { f.write_str(", or \"unlimited\"") } else { Ok(()) }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        match self {
            Self::CpuTime | Self::Period | Self::Word(_) => {
                Err(E::invalid_type(Unexpected::Unsigned(number), &self))
            }
            _ => Ok(Value::number(number)),
        }
    }

    // TOML has signed integers only, and other formats wider ones.
    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        self.visit_i128(number.into())
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<Value, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(out_of_range(number, self)),
        }
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<Value, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(out_of_range(number, self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        if self.has_unlimited() && text == Value::UNLIMITED {
            return Ok(Allowance::Unlimited.into());
        }
        self.parse(text)
    }
}

fn out_of_range<E: Error>(number: impl fmt::Display, kind: Kind) -> E {
    let found = format!("integer `{number}`");
    E::invalid_value(Unexpected::Other(&found), &kind)
}

/// A value as a file holds it.
pub(crate) struct Written {
    kind: Kind,
    value: Value,
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match (self.kind, self.value.at_most()) {
            (Kind::CpuTime, Some(ms)) => s.collect_str(&format_args!("{ms}ms/s")),
            (Kind::Period, Some(ms)) => s.collect_str(&format_args!("{ms}ms")),
            _ => self.value.serialize(s),
        }
    }
}
