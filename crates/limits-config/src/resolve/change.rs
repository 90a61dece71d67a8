//! Changes that a policy makes, with the rule of each.

use core::fmt;
use core::time::Duration;

use limits_core::Permission;

use crate::grammar::value::Value;
use crate::settings::table::SettingKey;

/// A line of the policy that changed something.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// The file and the table, such as `policy.toml [ceiling]`, fit to be shown.
    pub table: String,
    /// The key in that table, such as `resources.cpu.max_fuel`.
    pub key: &'static str,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.table, self.key)
    }
}

/// A difference between the request of a component and its effective configuration, or an override
/// that has no effect.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// A setting differs from the component's file, or from the default.
    Setting {
        /// The setting.
        key: SettingKey,
        /// The value without the rule.
        from: Value,
        /// The value in effect.
        to: Value,
        /// The rule.
        rule: Rule,
    },
    /// An override is above the ceiling and pins no hash, so the ceiling counts.
    Capped {
        /// The setting.
        key: SettingKey,
        /// The value of the override.
        wanted: Value,
        /// The value of the ceiling.
        ceiling: Value,
        /// The override.
        rule: Rule,
    },
    /// A table of the policy lists capabilities, so that one of its patterns must match each
    /// request as well.
    Capabilities {
        /// The permissions that the component asks for and the table lists no pattern of: all
        /// their requests are denied.
        ungranted: Vec<Permission>,
        /// The table.
        rule: Rule,
    },
    /// A rate is larger than can be counted in the period, so the most that can be is enforced.
    Uncountable {
        /// The rate.
        key: SettingKey,
        /// The value without this bound.
        wanted: Value,
        /// The value in effect.
        most: Value,
        /// The window in which the rate is counted.
        period: Duration,
    },
    /// An override pins another hash than the component has, so it can only lower.
    OtherHash {
        /// The override.
        rule: Rule,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { key, from, to, rule } => {
                let kind = key.row().kind;
                let verb = if kind.rank(*to) < kind.rank(*from) { "lowered" } else { "raised" };
                let (from, to) = (kind.show(*from), kind.show(*to));
                write!(f, "{key} {verb} from {from} to {to} by {rule}")
            }
            Self::Capped { key, wanted, ceiling, rule } => {
                let kind = key.row().kind;
                let (wanted, ceiling) = (kind.show(*wanted), kind.show(*ceiling));
                write!(
                    f,
                    "{rule} of {wanted} is above the ceiling of {ceiling} and pins no matching \
                     sha256: the ceiling counts"
                )
            }
            Self::Capabilities { ungranted, rule } => {
                write!(f, "capabilities restricted by {rule}")?;
                for (index, permission) in ungranted.iter().enumerate() {
                    let before = if index == 0 { ", which grants no " } else { ", " };
                    write!(f, "{before}{permission}")?;
                }
                Ok(())
            }
            Self::Uncountable { key, wanted, most, period } => {
                let kind = key.row().kind;
                let (wanted, most) = (kind.show(*wanted), kind.show(*most));
                let period_key = SettingKey::Period;
                write!(
                    f,
                    "{key} of {wanted} is more than can be counted in a {period_key} of {period:?}: \
                     {most} is enforced"
                )
            }
            Self::OtherHash { rule } => {
                write!(f, "{rule} is not the component's hash: the override can only lower")
            }
        }
    }
}
