//! The settings that a table or a file gives.

use core::time::Duration;
use std::collections::BTreeMap;

use limits_core::Allowance;

use crate::grammar::value::Value;
use crate::settings::row::DefaultValue;
use crate::settings::table::SettingKey;

/// The settings that a table or a file gives.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Declared(BTreeMap<SettingKey, Value>);

impl Declared {
    pub(crate) fn get(&self, key: SettingKey) -> Option<Value> {
        self.0.get(&key).copied()
    }

    /// Returns an amount, if this setting is given and is one.
    pub(crate) fn amount(&self, key: SettingKey) -> Option<Allowance> {
        self.get(key).and_then(Value::amount)
    }

    /// Sets a value. Returns the earlier one.
    pub(crate) fn set(&mut self, key: SettingKey, value: Option<Value>) -> Option<Value> {
        value.and_then(|value| self.0.insert(key, value))
    }

    /// Goes through the settings in the order of the table.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SettingKey, Value)> {
        self.0.iter().map(|(key, value)| (*key, *value))
    }

    pub(crate) fn into_settings(self) -> impl Iterator<Item = (SettingKey, Value)> {
        self.0.into_iter()
    }

    /// Adds the settings of another table.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns the default of a setting, where it may depend on those given here.
    pub(crate) fn default_of(&self, key: SettingKey) -> Value {
        match key.row().default {
            // The file gives it, or is refused. An amount that is not given is not allowed.
            DefaultValue::Required => Value::number(0),
            DefaultValue::Is(value) => value,
            DefaultValue::AtLeastMemoryLimit(amount) => {
                self.amount(SettingKey::MaxBytes).map_or(amount, |limit| limit.max(amount)).into()
            }
        }
    }

    /// Adds the defaults of those keys that are not given.
    pub(crate) fn with_defaults(mut self, keys: &[SettingKey]) -> Self {
        for key in keys {
            if !self.0.contains_key(key) {
                let value = self.default_of(*key);
                self.0.insert(*key, value);
            }
        }
        self
    }

    /// Returns the window in which the rates given here are counted.
    pub(crate) fn window(&self, period: SettingKey) -> Duration {
        let value = self.get(period).unwrap_or_else(|| self.default_of(period));
        value.at_most().map_or(Duration::MAX, Duration::from_millis)
    }
}

impl FromIterator<(SettingKey, Value)> for Declared {
    fn from_iter<I: IntoIterator<Item = (SettingKey, Value)>>(settings: I) -> Self {
        Self(settings.into_iter().collect())
    }
}
