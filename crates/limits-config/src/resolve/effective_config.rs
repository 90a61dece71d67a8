//! What a component gets: its file, the defaults and the policy together.

use core::fmt;
use core::time::Duration;

use limits_core::{Allowance, CpuTimePolicy, ResourceLimits, ResourceQuota};

use crate::error::quoted;
use crate::{CapabilitiesSection, ComponentName, Origin, Setting, SettingKey, quota};

/// What a component gets: its file, the defaults and the policy together.
///
/// Made by [`ComponentConfig::effective`](crate::ComponentConfig::effective) and
/// [`Policy::apply`](crate::Policy::apply).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EffectiveConfig {
    pub(crate) id: ComponentName,
    /// One for each key, in the order of [`SettingKey::COMPONENT`].
    pub(crate) settings: Vec<Setting>,
    pub(crate) cpu_time_policy: (CpuTimePolicy, Origin),
    pub(crate) capabilities: CapabilitiesSection,
    pub(crate) changes: Vec<Change>,
}

impl EffectiveConfig {
    /// Returns the identity under which quotas and overrides apply.
    #[must_use]
    pub const fn id(&self) -> &ComponentName {
        &self.id
    }

    /// Goes through all settings that hold an amount: those of `[resources]`, then those of
    /// `[quota]`.
    pub fn settings(&self) -> impl Iterator<Item = Setting> {
        self.settings.iter().copied()
    }

    /// Returns how much of one setting is allowed, in its unit; `None` for a key of `[host]`, which
    /// is not of one component: see [`Policy::host`](crate::Policy::host).
    #[must_use]
    pub fn value(&self, key: SettingKey) -> Option<Allowance> {
        self.settings.iter().find(|setting| setting.key == key).map(|setting| setting.value)
    }

    /// Returns how much of one setting of a component is allowed.
    fn own(&self, key: SettingKey) -> Allowance {
        // Each of them has a value, and nobody asks for others.
        self.value(key).unwrap_or(Allowance::AtMost(0))
    }

    /// Returns what one execution may use.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the builder only asks for what is given")]
    pub fn limits(&self) -> ResourceLimits {
        // Unlimited is not in the grammar of these keys, and a count came from 32 bits.
        let number = |key| self.own(key).at_most().unwrap_or(u64::MAX);
        let count = |key| u32::try_from(number(key)).unwrap_or(u32::MAX);
        ResourceLimits::builder()
            .memory_bytes(number(SettingKey::MaxBytes))
            .max_instances(count(SettingKey::MaxInstances))
            .max_memories(count(SettingKey::MaxMemories))
            .max_tables(count(SettingKey::MaxTables))
            .max_table_elements(number(SettingKey::MaxTableElements))
            .max_fuel(number(SettingKey::MaxFuel))
            .execution_timeout_ms(number(SettingKey::TimeoutMs))
            .max_copy_bytes(number(SettingKey::MaxCopyBytes))
            .max_handles(count(SettingKey::MaxHandles))
            .max_resources(count(SettingKey::MaxResources))
            .build()
            .expect("the memory limit is given")
    }

    /// Returns what the component may use over time.
    ///
    /// The rates become amounts per period, rounded down.
    #[must_use]
    pub fn quota(&self) -> ResourceQuota {
        let period = self.period();
        let rate = |key| quota::per_period(self.own(key), period);
        ResourceQuota::new()
            .with_storage(self.own(SettingKey::Storage))
            .with_message_rate(rate(SettingKey::MessageRate))
            .with_network_bandwidth(rate(SettingKey::NetworkBandwidth))
            .with_cpu_time(rate(SettingKey::CpuTime))
            .with_memory(self.own(SettingKey::QuotaMemory))
            .with_reset_period(period)
    }

    /// Returns what becomes of an execution when the component has no CPU time left.
    #[must_use]
    pub const fn cpu_time_policy(&self) -> CpuTimePolicy {
        self.cpu_time_policy.0
    }

    /// Returns who decided [`cpu_time_policy`](Self::cpu_time_policy).
    #[must_use]
    pub const fn cpu_time_policy_origin(&self) -> Origin {
        self.cpu_time_policy.1
    }

    pub(crate) fn period(&self) -> Duration {
        Duration::from_millis(self.own(SettingKey::Period).at_most().unwrap_or(u64::MAX))
    }

    /// Returns what the component may touch.
    #[must_use]
    pub const fn capabilities(&self) -> &CapabilitiesSection {
        &self.capabilities
    }

    /// Returns what the policy changed, in the order of the file, and what cannot be counted. Empty
    /// without a policy, unless a rate is larger than can be counted.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}

/// A line of the policy that changed something.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// The file and the table, such as `policy.toml [ceiling]`.
    pub table: String,
    /// The key in that table, such as `resources.cpu.max_fuel`.
    pub key: &'static str,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.table, self.key)
    }
}

/// Something that a policy changed or would have changed, or that cannot be as it was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// A setting is not what the component asked for or would have by default.
    Setting {
        /// Which one.
        key: SettingKey,
        /// What it would have been.
        from: Allowance,
        /// What it is.
        to: Allowance,
        /// What decided it.
        rule: Rule,
    },
    /// An override is above the ceiling and does not pin the component's hash, so the ceiling
    /// counts.
    Capped {
        /// Which setting.
        key: SettingKey,
        /// What the override says.
        wanted: Allowance,
        /// What the ceiling says.
        ceiling: Allowance,
        /// The override.
        rule: Rule,
    },
    /// An execution without CPU time does not end as the component asked for, or as it would by
    /// default.
    CpuTimePolicy {
        /// What would have become of it.
        from: CpuTimePolicy,
        /// What becomes of it.
        to: CpuTimePolicy,
        /// What decided it.
        rule: Rule,
    },
    /// An override throttles where the ceiling denies and does not pin the component's hash, so
    /// the ceiling counts.
    CpuTimePolicyCapped {
        /// What the override says.
        wanted: CpuTimePolicy,
        /// What the ceiling says.
        ceiling: CpuTimePolicy,
        /// The override.
        rule: Rule,
    },
    /// A pattern that the component asked for is not granted.
    Capability {
        /// Which permission, such as `filesystem.read`.
        permission: &'static str,
        /// The pattern.
        pattern: String,
        /// What does not list it.
        rule: Rule,
    },
    /// A rate is larger than can be counted in the period, so the most that can be is enforced.
    Uncountable {
        /// Which rate.
        key: SettingKey,
        /// What it would have been.
        wanted: Allowance,
        /// What it is.
        most: Allowance,
        /// The window in which it is counted.
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
                let verb = if to < from { "lowered" } else { "raised" };
                let (from, to) = (key.show(*from), key.show(*to));
                write!(f, "{key} {verb} from {from} to {to} by {rule}")
            }
            Self::Capped { key, wanted, ceiling, rule } => {
                capped(f, rule, &key.show(*wanted), &key.show(*ceiling))
            }
            Self::CpuTimePolicy { from, to, rule } => {
                let verb = if to < from { "lowered" } else { "raised" };
                write!(f, "quota.cpu_time_policy {verb} from {from} to {to} by {rule}")
            }
            Self::CpuTimePolicyCapped { wanted, ceiling, rule } => {
                capped(f, rule, wanted.as_str(), ceiling.as_str())
            }
            Self::Capability { permission, pattern, rule } => {
                write!(f, "{permission} `{}` not granted by {rule}", quoted(pattern))
            }
            Self::Uncountable { key, wanted, most, period } => {
                let (wanted, most) = (key.show(*wanted), key.show(*most));
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

fn capped(f: &mut fmt::Formatter<'_>, rule: &Rule, wanted: &str, ceiling: &str) -> fmt::Result {
    write!(
        f,
        "{rule} of {wanted} is above the ceiling of {ceiling} and pins no matching sha256: the \
         ceiling counts"
    )
}
