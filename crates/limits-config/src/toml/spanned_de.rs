//! A serde deserializer over TOML's spanned tree, whose errors know their path and place.
//!
//! `toml`'s own deserializer puts the expected keys into a text. An error that names the nearest
//! valid key needs them as a list.

use core::fmt;
use core::ops::Range;
use std::vec;

use serde::de::{
    DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

use crate::toml::shown::quoted;

/// A value of the tree, as a deserializer.
#[derive(Clone, Copy)]
pub(crate) struct SpannedValue<'t, 'i>(pub(crate) &'t DeValue<'i>);

/// An error below a value, with its path and place.
#[derive(Debug)]
pub(crate) struct DeError(Box<DeErrorParts>);

#[derive(Debug)]
pub(crate) struct DeErrorParts {
    pub(crate) problem: DeProblem,
    /// The innermost segment first.
    pub(crate) path: Vec<PathStep>,
    pub(crate) span: Option<Range<usize>>,
}

/// The kinds of errors that serde reports.
#[derive(Debug)]
pub(crate) enum DeProblem {
    UnknownKey { expected: &'static [&'static str] },
    MissingKey,
    WrongType { found: String, expected: String },
    Value(String),
}

/// One step of the path from the root to a value.
#[derive(Clone, Debug)]
pub(crate) enum PathStep {
    Key(String),
    Index(usize),
}

impl PathStep {
    /// Returns the key, or nothing for an index.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Key(name) => name,
            Self::Index(_) => "",
        }
    }
}

impl DeError {
    fn new(problem: DeProblem, path: Vec<PathStep>) -> Self {
        Self(Box::new(DeErrorParts { problem, path, span: None }))
    }

    fn wrong_type(found: String, expected: &dyn Expected) -> Self {
        Self::new(DeProblem::WrongType { found, expected: expected.to_string() }, Vec::new())
    }

    /// Records that the error is inside `step`, which is at `span`.
    fn inside(mut self, step: PathStep, span: Range<usize>) -> Self {
        self.0.path.push(step);
        self.0.span.get_or_insert(span);
        self
    }

    pub(crate) fn into_parts(self) -> DeErrorParts {
        *self.0
    }
}

impl fmt::Display for DeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.problem)
    }
}

impl core::error::Error for DeError {}

impl Error for DeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(DeProblem::Value(message.to_string()), Vec::new())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_type(describe(found), expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_type(describe(found), expected)
    }

    fn unknown_field(_field: &str, expected: &'static [&'static str]) -> Self {
        // The key comes into the path where the map is walked.
        Self::new(DeProblem::UnknownKey { expected }, Vec::new())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(DeProblem::MissingKey, vec![PathStep::Key(field.to_owned())])
    }
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("boolean `{value}`"),
        Unexpected::Unsigned(value) => format!("integer `{value}`"),
        Unexpected::Signed(value) => format!("integer `{value}`"),
        Unexpected::Str(value) => format!("string \"{}\"", quoted(value).in_quotes()),
        Unexpected::Seq => String::from("an array"),
        Unexpected::Map => String::from("a table"),
        other => other.to_string(),
    }
}

impl SpannedValue<'_, '_> {
    fn found(self) -> String {
        match self.0 {
            DeValue::String(text) => describe(Unexpected::Str(text)),
            DeValue::Integer(number) => format!("integer `{}`", quoted(&number.to_string())),
            DeValue::Float(number) => format!("float `{}`", quoted(number.as_str())),
            DeValue::Boolean(value) => describe(Unexpected::Bool(*value)),
            DeValue::Datetime(value) => format!("date `{value}`"),
            DeValue::Array(_) => describe(Unexpected::Seq),
            DeValue::Table(_) => describe(Unexpected::Map),
        }
    }

    fn refuse(self, expected: &dyn Expected) -> DeError {
        DeError::wrong_type(self.found(), expected)
    }

    fn unsigned(number: &DeInteger<'_>) -> Option<u64> {
        u64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    fn whole<'de, V: Visitor<'de>>(self, visitor: V, most: u64) -> Result<V::Value, DeError> {
        if let DeValue::Integer(number) = self.0
            && let Some(value) = Self::unsigned(number).filter(|value| *value <= most)
        {
            return visitor.visit_u64(value);
        }
        Err(self.refuse(&format!("a whole number from 0 to {most}").as_str()))
    }
}

impl<'de> Deserializer<'de> for SpannedValue<'_, '_> {
    type Error = DeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0 {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Integer(number) => match Self::unsigned(number) {
                Some(value) => visitor.visit_u64(value),
                None => Err(self.refuse(&visitor)),
            },
            DeValue::Boolean(value) => visitor.visit_bool(*value),
            DeValue::Float(_) | DeValue::Datetime(_) => Err(self.refuse(&visitor)),
            DeValue::Array(_) => self.deserialize_seq(visitor),
            DeValue::Table(table) => visitor.visit_map(Entries::new(table)),
        }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.whole(visitor, u64::from(u32::MAX))
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.whole(visitor, u64::MAX)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0 {
            DeValue::Array(items) => visitor.visit_seq(Items { items: items.iter(), index: 0 }),
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0 {
            DeValue::Table(table) => visitor.visit_map(Entries::new(table)),
            _ => Err(self.refuse(&"a table")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct enum identifier ignored_any
    }
}

/// The entries of a table in the order of the text, so that the first error is reported.
struct Entries<'t, 'i> {
    entries: vec::IntoIter<Entry<'t, 'i>>,
    value: Option<Entry<'t, 'i>>,
}

type Entry<'t, 'i> = (&'t Spanned<DeString<'i>>, &'t Spanned<DeValue<'i>>);

impl<'t, 'i> Entries<'t, 'i> {
    fn new(table: &'t DeTable<'i>) -> Self {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        Self { entries: entries.into_iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = DeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DeError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, value));
        let name: &str = key.get_ref();
        seed.deserialize(name.into_deserializer())
            .map(Some)
            .map_err(|error: DeError| error.inside(PathStep::Key(name.to_owned()), key.span()))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DeError> {
        let Some((key, value)) = self.value.take() else {
            return Err(DeError::custom("a value was asked for before its key"));
        };
        seed.deserialize(SpannedValue(value.get_ref())).map_err(|error| {
            error.inside(PathStep::Key(key.get_ref().clone().into_owned()), value.span())
        })
    }
}

struct Items<'t, 'i> {
    items: core::slice::Iter<'t, Spanned<DeValue<'i>>>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = DeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DeError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(SpannedValue(item.get_ref()))
            .map(Some)
            .map_err(|error| error.inside(PathStep::Index(index), item.span()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}
