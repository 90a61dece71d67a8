//! Tables of a file that hold settings: read, written and described by their rows.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Serializer};

use crate::settings::declared::Declared;
use crate::settings::table::SettingKey;
use crate::toml::known_name::KnownName;

/// A table of a file that holds settings.
pub(crate) trait Section: Sized {
    /// The name of the table, such as `resources.memory`.
    const PREFIX: &'static str;
    /// The settings of the table.
    const KEYS: &'static [SettingKey];
    /// Their names in the table, in the same order.
    const NAMES: &'static [&'static str];

    /// Returns the settings that are given.
    fn declared(&self) -> Declared;

    /// Makes the table of settings.
    ///
    /// # Errors
    ///
    /// The name of a required setting that is not given.
    fn from_declared(declared: &Declared) -> Result<Self, &'static str>;
}

/// The settings of a table in the policy file, where none is required.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rules<T> {
    pub(crate) declared: Declared,
    table: PhantomData<T>,
}

impl<T> Default for Rules<T> {
    fn default() -> Self {
        Self { declared: Declared::default(), table: PhantomData }
    }
}

impl<'de, T: Section> Deserialize<'de> for Rules<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct(T::PREFIX, T::NAMES, Entries(PhantomData))
    }
}

/// Reads a table from `Component.toml`.
pub(crate) fn read<'de, T: Section, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let Rules::<T> { declared, .. } = Rules::deserialize(deserializer)?;
    T::from_declared(&declared).map_err(D::Error::missing_field)
}

/// Writes those settings of a table that are given.
pub(crate) fn write<T: Section, S: Serializer>(table: &T, s: S) -> Result<S::Ok, S::Error> {
    let declared = table.declared();
    s.collect_map(declared.iter().map(|(key, value)| (key.name(), key.row().kind.written(value))))
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Section> Visitor<'de> for Entries<T> {
    type Value = Rules<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the table `{}`", T::PREFIX)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Rules<T>, A::Error> {
        let mut rules = Rules::default();
        while let Some(index) = entries.next_key_seed(KnownName(T::NAMES))? {
            let Some(key) = T::KEYS.get(index).copied() else { continue };
            let value = entries.next_value_seed(key.row().kind)?;
            if rules.declared.set(key, Some(value)).is_some() {
                return Err(A::Error::duplicate_field(key.name()));
            }
        }
        Ok(rules)
    }
}

/// Describes a table for editors; `is_whole` where required settings must be given.
#[cfg(any(test, feature = "schema"))]
pub(crate) fn schema<T: Section>(is_whole: bool) -> schemars::Schema {
    use crate::settings::row::DefaultValue;

    let mut properties = schemars::json_schema!({});
    for key in T::KEYS {
        let mut schema = crate::grammar::schema::of_kind(key.row().kind);
        schema.insert(String::from("description"), key.about().into());
        if let DefaultValue::Is(value) = key.row().default {
            let default = schemars::json_schema!({ "default": key.row().kind.written(value) });
            schema.ensure_object().extend(default.as_object().cloned().unwrap_or_default());
        }
        properties.insert(String::from(key.name()), schema.into());
    }
    let required: Vec<&str> = T::KEYS
        .iter()
        .filter(|key| is_whole && key.row().default == DefaultValue::Required)
        .map(|key| key.name())
        .collect();
    let mut schema = schemars::json_schema!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false
    });
    if !required.is_empty() {
        schema.insert(String::from("required"), required.into());
    }
    schema
}

#[cfg(any(test, feature = "schema"))]
impl<T: Section> schemars::JsonSchema for Rules<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::PREFIX.into()
    }

    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schema::<T>(false)
    }
}

#[cfg(test)]
mod tests {
    use super::Section;
    use crate::grammar::kind::Kind;
    use crate::grammar::value::Value;
    use crate::settings::declared::Declared;
    use crate::settings::row::DefaultValue;
    use crate::settings::table::{
        CpuConfig, HostCeilings, HostConfig, MemoryConfig, QuotaSection, SettingKey,
    };
    use limits_core::Allowance;

    fn extremes(kind: Kind) -> Vec<Value> {
        match kind {
            Kind::Count => vec![Value::number(0), Value::number(u32::MAX.into())],
            Kind::Period => vec![Value::number(1), Value::number(24 * 60 * 60 * 1_000)],
            Kind::Word(words) => words.iter().map(|word| Value::Word(word)).collect(),
            _ if kind.has_unlimited() => {
                vec![Value::number(0), Value::number(u64::MAX), Allowance::Unlimited.into()]
            }
            _ => vec![Value::number(0), Value::number(u64::MAX)],
        }
    }

    fn hold<T: Section>(seen: &mut Vec<SettingKey>) {
        let is_required = |key: &&SettingKey| key.row().default == DefaultValue::Required;
        for (key, name) in T::KEYS.iter().copied().zip(T::NAMES) {
            assert_eq!(key.as_str(), format!("{}.{name}", T::PREFIX));
            for value in extremes(key.row().kind) {
                let required =
                    T::KEYS.iter().filter(is_required).map(|key| (*key, Value::number(1)));
                let mut given: Declared = required.collect();
                given.set(key, Some(value));
                let table = T::from_declared(&given).expect(name);
                assert_eq!(table.declared(), given, "{key} = {value}");
            }
            seen.push(key);
        }
    }

    #[test]
    fn the_field_of_each_setting_holds_every_value_of_its_kind() {
        let mut seen = Vec::new();
        hold::<MemoryConfig>(&mut seen);
        hold::<CpuConfig>(&mut seen);
        hold::<HostConfig>(&mut seen);
        hold::<QuotaSection>(&mut seen);
        assert_eq!(seen, SettingKey::COMPONENT);
        hold::<HostCeilings>(&mut seen);
        assert_eq!(seen, SettingKey::ALL);
        assert_eq!(seen.split_off(SettingKey::COMPONENT.len()), SettingKey::HOST);
        assert!(SettingKey::ALL.is_sorted());
    }

    #[test]
    fn a_required_setting_that_is_missing_is_named() {
        assert_eq!(MemoryConfig::from_declared(&Declared::default()), Err("max_bytes"));
        assert_eq!(QuotaSection::from_declared(&Declared::default()), Ok(QuotaSection::default()));
    }
}
