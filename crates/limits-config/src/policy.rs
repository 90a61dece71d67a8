//! The operator's policy file: what components get at most.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use limits_core::Allowance;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::document::Document;
use crate::effective::{Change, Rule};
use crate::error::quoted;
use crate::{
    CapabilitiesSection, ComponentConfig, ComponentName, ConfigError, CpuConfig, EffectiveConfig,
    HostConfig, MemoryConfig, Origin, QuotaSection, Setting, SettingKey, amount, file, quota,
};

/// The operator's policy: a ceiling for every component, and overrides for some.
///
/// A component's own file asks; the policy decides. For each setting:
///
/// 1. what counts at first is what the component's file says, else the default;
/// 2. an override, `[component."ID"]`, replaces it, be it higher or lower;
/// 3. `[ceiling]` lowers it, unless the override pins the component's `sha256` and the hash
///    matches: then the override counts as it is.
///
/// An override that pins a hash which does not match, or where the host gave no hash, can only
/// lower: what was granted to one component is not granted to another under the same identity, and
/// what was forbidden stays forbidden.
///
/// An execution never gets more memory than the memory quota of its component, and a rate that
/// comes out as zero in one period is zero.
///
/// A capability must be granted by both files. A `[capabilities]` table in the ceiling or in an
/// override grants the patterns that it lists literally, or all of a permission with `**`;
/// patterns are not intersected, so `/a/b` is not granted by `/a/*`. Without such a table the
/// component's list stands. Both tables must grant, except that an override whose hash matches
/// decides alone.
///
/// Nothing is dropped silently: [`EffectiveConfig::changes`] has a line for each change.
///
/// ```
/// use limits_config::{ComponentConfig, Policy};
///
/// let config = ComponentConfig::from_str(
///     r#"
///     component = { name = "greedy", version = "1.0.0" }
///     resources.memory.max_bytes = "1MiB"
///     resources.cpu.max_fuel = 50_000_000
///     "#,
/// )?;
/// let policy = Policy::from_str("[ceiling]\nresources.cpu.max_fuel = 1_000")?;
///
/// let effective = policy.apply(&config, &config.component.name, None);
/// assert_eq!(effective.limits().max_fuel_per_execution(), 1_000);
/// assert_eq!(
///     effective.changes()[0].to_string(),
///     "resources.cpu.max_fuel lowered from 50000000 fuel to 1000 fuel \
///      by policy [ceiling] resources.cpu.max_fuel"
/// );
/// # Ok::<(), limits_config::ConfigError>(())
/// ```
///
/// The default policy changes nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Policy {
    file: Option<PathBuf>,
    rules: PolicyFile,
}

/// The operator's policy file.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PolicyFile {
    /// What every component gets at most.
    ceiling: Ceiling,
    /// Overrides by the identity that the host gives a component; by default its name.
    #[cfg_attr(
        any(test, feature = "schema"),
        schemars(with = "BTreeMap<crate::schema::Name, Override>")
    )]
    component: BTreeMap<ComponentName, Override>,
}

/// What every component gets at most. What is not here is not bounded by the policy.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct Ceiling {
    /// What one execution may use at most.
    resources: ResourceRules,
    /// What a component may use over time at most.
    quota: QuotaSection,
    /// What a component may touch at most. Without this table the component's own list counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "CapabilitiesSection"))]
    capabilities: Option<CapabilitiesSection>,
}

/// What one component gets instead of what it asks for.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct Override {
    /// The SHA-256 of the component's bytes. Only with a matching one may an override pass the
    /// ceiling.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Sha256"))]
    sha256: Option<Sha256>,
    /// What one execution may use.
    resources: ResourceRules,
    /// What the component may use over time.
    quota: QuotaSection,
    /// What the component may touch at most. Without this table its own list counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "CapabilitiesSection"))]
    capabilities: Option<CapabilitiesSection>,
}

/// `[resources]` where nothing is required.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct ResourceRules {
    /// Memory of one execution.
    memory: MemoryRules,
    /// CPU of one execution.
    cpu: CpuConfig,
    /// What the host holds for one execution.
    host: HostConfig,
}

/// `[resources.memory]` where nothing is required; the fields are those of [`MemoryConfig`].
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MemoryRules {
    /// Bytes of all linear memories and tables together.
    #[serde(deserialize_with = "amount::some_bytes", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Bytes"))]
    pub(crate) max_bytes: Option<u64>,
    /// Core instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Count"))]
    pub(crate) max_instances: Option<u32>,
    /// Linear memories.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Count"))]
    pub(crate) max_memories: Option<u32>,
    /// Tables.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Count"))]
    pub(crate) max_tables: Option<u32>,
    /// Elements of all tables together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Number"))]
    pub(crate) max_table_elements: Option<u64>,
}

impl From<&MemoryConfig> for MemoryRules {
    fn from(memory: &MemoryConfig) -> Self {
        Self {
            max_bytes: Some(memory.max_bytes),
            max_instances: memory.max_instances,
            max_memories: memory.max_memories,
            max_tables: memory.max_tables,
            max_table_elements: memory.max_table_elements,
        }
    }
}

/// The tables that `Component.toml`, a ceiling and an override have in common.
#[derive(Clone, Copy)]
pub(crate) struct Tables<'a> {
    pub(crate) memory: &'a MemoryRules,
    pub(crate) cpu: &'a CpuConfig,
    pub(crate) host: &'a HostConfig,
    pub(crate) quota: &'a QuotaSection,
    capabilities: Option<&'a CapabilitiesSection>,
}

impl Ceiling {
    fn tables(&self) -> Tables<'_> {
        let Self { resources: ResourceRules { memory, cpu, host }, quota, capabilities } = self;
        Tables { memory, cpu, host, quota, capabilities: capabilities.as_ref() }
    }
}

impl Override {
    fn tables(&self) -> Tables<'_> {
        let Self { sha256: _, resources: ResourceRules { memory, cpu, host }, quota, capabilities } =
            self;
        Tables { memory, cpu, host, quota, capabilities: capabilities.as_ref() }
    }
}

/// A SHA-256 as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Sha256([u8; 32]);

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.map(|byte| format!("{byte:02x}")).concat())
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;
        impl Visitor<'_> for Hex {
            type Value = Sha256;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SHA-256 as 64 hexadecimal digits in quotes")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Sha256, E> {
                let refuse =
                    || E::custom(format!("`{}` is not 64 hexadecimal digits", quoted(text)));
                if text.len() != 64 {
                    return Err(refuse());
                }
                let mut hash = [0; 32];
                for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    for digit in pair {
                        let digit = char::from(*digit).to_digit(16).ok_or_else(refuse)?;
                        *byte = *byte << 4 | u8::try_from(digit).map_err(|_error| refuse())?;
                    }
                }
                Ok(Sha256(hash))
            }
        }
        deserializer.deserialize_str(Hex)
    }
}

/// What an override may do.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Pin {
    /// It pins no hash: it counts up to the ceiling.
    Absent,
    /// Its hash matches: it counts as it is.
    Matches,
    /// Its hash is another one: it can only lower.
    Differs,
}

impl Policy {
    /// Reads a policy from a text.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first thing that is wrong, as in
    /// [`ComponentConfig::from_str`](crate::ComponentConfig::from_str).
    #[expect(clippy::should_implement_trait, reason = "it is, and this needs no import")]
    pub fn from_str(text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(text)?;
        Ok(Self { file: None, rules: document.read()? })
    }

    /// Reads a policy from a file.
    ///
    /// # Errors
    ///
    /// As [`from_str`](Self::from_str), and if the file cannot be read; see
    /// [`ComponentConfig::from_file`](crate::ComponentConfig::from_file).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let policy = file::read(path, Self::from_str)?;
        Ok(Self { file: Some(path.to_path_buf()), ..policy })
    }

    /// Decides what a component gets.
    ///
    /// * `id` is the identity under which overrides apply. It comes from the host: the name in the
    ///   component's file is a claim, and a host that takes it for the identity trusts whoever
    ///   wrote that file.
    /// * `sha256` is the hash of the very bytes that will run, `None` if the host has none.
    #[must_use]
    pub fn apply(
        &self,
        config: &ComponentConfig,
        id: &ComponentName,
        sha256: Option<&[u8; 32]>,
    ) -> EffectiveConfig {
        let ceiling = Table {
            name: format!("{} [ceiling]", self.file_name()),
            tables: self.rules.ceiling.tables(),
        };
        let over = self.rules.component.get(id).map(|over| {
            let pin = match (&over.sha256, sha256) {
                (None, _) => Pin::Absent,
                (Some(pinned), Some(hash)) if pinned.0 == *hash => Pin::Matches,
                (Some(_), _) => Pin::Differs,
            };
            let name = format!("{} [component.\"{id}\"]", self.file_name());
            (Table { name, tables: over.tables() }, pin)
        });
        let mut changes = Vec::new();
        if let Some((table, Pin::Differs)) = &over {
            changes.push(Change::OtherHash { rule: table.rule("sha256") });
        }
        let over = over.as_ref().map(|(table, pin)| (table, *pin));
        let settings = settle(config, &ceiling, over, &mut changes);
        let capabilities = grant(&config.capabilities, &ceiling, over, &mut changes);
        EffectiveConfig { id: id.clone(), settings, capabilities, changes }
    }

    fn file_name(&self) -> String {
        self.file.as_ref().map_or_else(|| String::from("policy"), |path| path.display().to_string())
    }
}

impl FromStr for Policy {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::from_str(text)
    }
}

/// A table of the policy with its name for the report.
struct Table<'a> {
    name: String,
    tables: Tables<'a>,
}

impl Table<'_> {
    fn rule(&self, key: &'static str) -> Rule {
        Rule { table: self.name.clone(), key }
    }
}

/// Decides each setting.
fn settle(
    config: &ComponentConfig,
    ceiling: &Table<'_>,
    over: Option<(&Table<'_>, Pin)>,
    changes: &mut Vec<Change>,
) -> Vec<Setting> {
    let memory = MemoryRules::from(&config.resources.memory);
    let asked = Tables {
        memory: &memory,
        cpu: &config.resources.cpu,
        host: &config.resources.host,
        quota: &config.quota,
        capabilities: None,
    };
    let mut settings = Vec::with_capacity(SettingKey::ALL.len());
    let mut max_bytes = Allowance::AtMost(0);
    for key in SettingKey::ALL {
        let (from, origin) = match key.declared(asked) {
            Some(value) => (value, Origin::Component),
            None => (key.default(max_bytes), Origin::Default),
        };
        let mut setting = Setting { key, value: from, origin };
        let mut rule = None;
        let mut pin = Pin::Differs;
        if let Some((table, its_pin)) = over
            && let Some(wanted) = key.declared(table.tables)
            && (its_pin != Pin::Differs || wanted < from)
        {
            pin = its_pin;
            setting.value = wanted;
            rule = Some(table.rule(key.as_str()));
        }
        if pin != Pin::Matches
            && let Some(most) = key.declared(ceiling.tables)
            && most < setting.value
        {
            if let Some(rule) = rule.filter(|_| pin == Pin::Absent) {
                changes.push(Change::Capped { key, wanted: setting.value, ceiling: most, rule });
            }
            setting.value = most;
            rule = Some(ceiling.rule(key.as_str()));
        }
        if let Some(rule) = rule.filter(|_| setting.value != from) {
            setting.origin = Origin::Policy;
            changes.push(Change::Setting { key, from, to: setting.value, rule });
        }
        if key == SettingKey::MaxBytes {
            max_bytes = setting.value;
        }
        settings.push(setting);
    }
    reconcile(&mut settings, changes);
    settings
}

/// Lowers what other settings leave no room for.
fn reconcile(settings: &mut [Setting], changes: &mut Vec<Change>) {
    let find = |settings: &[Setting], key| settings.iter().copied().find(|one| one.key == key);
    let lower = |settings: &mut [Setting], changes: &mut Vec<Change>, key, to, because: Setting| {
        let decided = changes.iter().find_map(|change| match change {
            Change::Setting { key, rule, .. } if *key == because.key => Some(rule.clone()),
            _ => None,
        });
        let rule = decided.unwrap_or_else(|| Rule {
            table: String::from("Component.toml"),
            key: because.key.as_str(),
        });
        for setting in settings.iter_mut().filter(|setting| setting.key == key) {
            changes.push(Change::Setting { key, from: setting.value, to, rule: rule.clone() });
            setting.value = to;
            setting.origin = because.origin;
        }
    };
    if let (Some(quota), Some(limit)) =
        (find(settings, SettingKey::QuotaMemory), find(settings, SettingKey::MaxBytes))
        && quota.value < limit.value
    {
        lower(settings, changes, SettingKey::MaxBytes, quota.value, quota);
    }
    let Some(period) = find(settings, SettingKey::Period) else { return };
    let window = Duration::from_millis(period.value.at_most().unwrap_or(u64::MAX));
    for key in [SettingKey::MessageRate, SettingKey::NetworkBandwidth, SettingKey::CpuTime] {
        let nothing = Allowance::AtMost(0);
        if let Some(rate) = find(settings, key)
            && rate.value != nothing
            && quota::per_period(rate.value, window) == nothing
        {
            lower(settings, changes, key, nothing, period);
        }
    }
}

/// Decides each capability.
fn grant(
    asked: &CapabilitiesSection,
    ceiling: &Table<'_>,
    over: Option<(&Table<'_>, Pin)>,
    changes: &mut Vec<Change>,
) -> CapabilitiesSection {
    let mut granted = asked.clone();
    let alone =
        over.is_some_and(|(table, pin)| pin == Pin::Matches && table.tables.capabilities.is_some());
    let ceiling = Some(ceiling).filter(|_| !alone);
    for table in ceiling.into_iter().chain(over.map(|(table, _)| table)) {
        let Some(capabilities) = table.tables.capabilities else { continue };
        let listed = capabilities.iter();
        for ((key, listed), (permission, patterns)) in listed.zip(granted.lists_mut()) {
            debug_assert_eq!(key, permission, "both go through the same permissions in one order");
            let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
            if listed.contains("**") {
                continue;
            }
            patterns.retain(|pattern| {
                let kept = listed.contains(pattern.as_str());
                if !kept {
                    let rule = table.rule("capabilities");
                    let pattern = pattern.clone();
                    changes.push(Change::Capability { permission, pattern, rule });
                }
                kept
            });
        }
    }
    granted
}
