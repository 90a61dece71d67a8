//! The columns of a setting's row, by its key.

use core::fmt;

use crate::grammar::kind::Unit;
use crate::settings::row::{Enforcer, Scope};
use crate::settings::table::SettingKey;

impl SettingKey {
    /// Returns the key as it stands in the file, such as `resources.cpu.max_fuel`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().path
    }

    /// Returns the unit of the setting.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.row().kind.unit()
    }

    /// Returns the executions over which the setting counts.
    #[must_use]
    pub const fn scope(self) -> Scope {
        self.row().scope
    }

    /// Returns the part of a program that enforces the setting.
    #[must_use]
    pub const fn enforcer(self) -> Enforcer {
        self.row().enforcer
    }

    /// Returns the last part of the key, such as `max_fuel`.
    pub(crate) fn name(self) -> &'static str {
        let path = self.as_str();
        path.rsplit_once('.').map_or(path, |(_, name)| name)
    }

    /// Returns the description of the setting, in one line.
    #[cfg(any(test, feature = "schema"))]
    pub(crate) fn about(self) -> &'static str {
        self.row().about.trim()
    }
}

impl fmt::Display for SettingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
