//! One setting in effect.

use core::fmt;

use serde::Serialize;

use crate::grammar::value::Value;
use crate::settings::table::SettingKey;

/// One setting in effect.
///
/// Its text is the value with its unit: `4194304 (4 MiB)`, `1000 ms`, `unlimited`, `throttle`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// The key.
    pub key: SettingKey,
    /// The value, an amount in [`SettingKey::unit`] or a word. Rates are per second, periods in
    /// milliseconds. Only settings of `[quota]` and `[host]` can be unlimited.
    pub value: Value,
    /// The file that decided the value.
    pub origin: Origin,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.key.row().kind.show(self.value))
    }
}

/// The file that decided a setting.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// Neither file: the default.
    Default,
    /// The component's own file.
    Component,
    /// The operator's policy file.
    Policy,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Default => "default",
            Self::Component => "component",
            Self::Policy => "policy",
        })
    }
}
