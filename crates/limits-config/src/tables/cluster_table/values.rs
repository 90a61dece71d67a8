//! Values of single keys of `[cluster]`.

use core::fmt;
use core::ops::RangeInclusive;
use std::path::PathBuf;

use limits_core::is_hidden;
use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use crate::grammar::store_url::StoreUrl;
use crate::toml::shown::quoted;

/// The most sentinels.
const MOST_SENTINELS: usize = 16;
/// The longest name, in bytes.
const LONGEST_WORD: usize = 256;
/// The longest prefix, in bytes.
const LONGEST_PREFIX: usize = 64;

pub(crate) fn url<'de, D: Deserializer<'de>>(d: D) -> Result<Option<StoreUrl>, D::Error> {
    const URL: Text<StoreUrl> =
        Text { expected: "an address, such as \"redis://127.0.0.1:6379\"", parse: StoreUrl::parse };
    URL.deserialize(d).map(Some)
}

pub(crate) fn sentinels<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<StoreUrl>, D::Error> {
    d.deserialize_seq(Sentinels)
}

pub(crate) fn word<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Text { expected: "a name in quotes", parse: parse_word }.deserialize(d).map(Some)
}

pub(crate) fn path<'de, D: Deserializer<'de>>(d: D) -> Result<Option<PathBuf>, D::Error> {
    Text { expected: "a path in quotes", parse: parse_path }.deserialize(d).map(Some)
}

pub(crate) fn prefix<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Text { expected: "a text, such as \"wasm-limits:\"", parse: parse_prefix }.deserialize(d)
}

pub(crate) fn max_hosts<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    within(d, 1..=10_000, "hosts")
}

pub(crate) fn wait_replicas<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    within(d, 0..=16, "replicas")
}

fn parse_word(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > LONGEST_WORD || text.contains([' ', '\n']) {
        let text = quoted(text);
        return Err(format!("`{text}` is not a name: 1 to {LONGEST_WORD} bytes without spaces"));
    }
    plain(text).map(String::from)
}

fn parse_path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err(String::from("a path cannot be empty"));
    }
    plain(text).map(PathBuf::from)
}

fn parse_prefix(text: &str) -> Result<String, String> {
    // A brace would move the part of the key that decides its place in a store.
    let is_letter = |byte: u8| byte.is_ascii_graphic() && !b"{}\"'".contains(&byte);
    if (1..=LONGEST_PREFIX).contains(&text.len()) && text.bytes().all(is_letter) {
        return Ok(String::from(text));
    }
    Err(format!(
        "`{}` is not a prefix: 1 to {LONGEST_PREFIX} printable ASCII characters other than space, \
         braces and quotes",
        quoted(text)
    ))
}

/// Refuses a text with characters that an editor does not show.
fn plain(text: &str) -> Result<&str, String> {
    match text.contains(is_hidden) {
        true => Err(format!("`{}` has a hidden character", quoted(text))),
        false => Ok(text),
    }
}

fn within<'de, D: Deserializer<'de>>(
    d: D,
    range: RangeInclusive<u32>,
    things: &str,
) -> Result<u32, D::Error> {
    let number = u32::deserialize(d)?;
    if range.contains(&number) {
        return Ok(number);
    }
    let (least, most) = range.into_inner();
    Err(D::Error::custom(format!("{number} {things} are out of range: {least} to {most}")))
}

/// Reads a text by `parse`, so that its refusal has a place.
struct Text<T> {
    expected: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

impl<'de, T> DeserializeSeed<'de> for Text<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<T, D::Error> {
        d.deserialize_str(self)
    }
}

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

/// Reads the addresses of sentinels, at least one and none twice.
struct Sentinels;

impl<'de> Visitor<'de> for Sentinels {
    type Value = Vec<StoreUrl>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of addresses, such as [\"redis://10.0.0.7:26379\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut addresses: A) -> Result<Vec<StoreUrl>, A::Error> {
        const ONE: Text<StoreUrl> = Text {
            expected: "an address, such as \"redis://10.0.0.7:26379\"",
            parse: StoreUrl::parse_sentinel,
        };
        let mut sentinels: Vec<StoreUrl> = Vec::new();
        while let Some(one) = addresses.next_element_seed(ONE)? {
            if sentinels.contains(&one) {
                return Err(A::Error::custom(format!("`{}` is listed twice", one.as_str())));
            }
            if sentinels.iter().any(|other| other.has_tls() != one.has_tls()) {
                return Err(A::Error::custom("some sentinels have TLS and some have not"));
            }
            sentinels.push(one);
        }
        match sentinels.len() {
            0 => Err(A::Error::custom("the list is empty")),
            1..=MOST_SENTINELS => Ok(sentinels),
            many => Err(A::Error::custom(format!(
                "{many} sentinels are too many: at most {MOST_SENTINELS}"
            ))),
        }
    }
}
