//! The operator's policy file: what components get at most.

use core::fmt;
use core::str::FromStr;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decision::{Layers, Pin, Table};
use crate::document::Document;
use crate::effective::{Change, Rule};
use crate::error::{quoted, shown};
use crate::{
    CapabilitiesSection, ComponentConfig, ComponentName, ConfigError, CpuConfig, EffectiveConfig,
    HostCeilings, HostConfig, MemoryConfig, QuotaSection, amount, file,
};

/// The operator's policy: a ceiling for every component, overrides for some, and ceilings for the
/// sum of all.
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
/// What becomes of an execution without CPU time is settled in the same way, with `deny` as the
/// lower of the two.
///
/// A rate of the policy is counted in the period of its own table, 1 s if that has none. The period
/// of the component becomes the operator's if it is longer, and else a part of it, so that no window
/// of the operator's admits more than the operator wrote.
///
/// An execution never gets more memory than the memory quota of its component or the ceiling over
/// all components, and a rate that comes out as zero in one period is zero.
///
/// `[host]` bounds the sum of all components, whatever is granted to each: see [`HostCeilings`].
/// Nothing lifts it, and quotas above it stay as they are, since it is shared.
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
/// let config = ComponentConfig::from_toml(
///     r#"
///     component = { name = "greedy", version = "1.0.0" }
///     resources.memory.max_bytes = "1MiB"
///     resources.cpu.max_fuel = 50_000_000
///     "#,
/// )?;
/// let policy = Policy::from_toml("[ceiling]\nresources.cpu.max_fuel = 1_000")?;
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
    /// What all components together get at most.
    host: HostCeilings,
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
    pub(crate) capabilities: Option<&'a CapabilitiesSection>,
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

impl Policy {
    /// Reads a policy from a text.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first thing that is wrong, as in
    /// [`ComponentConfig::from_toml`](crate::ComponentConfig::from_toml). Of the settings only those
    /// of `[host]` can contradict each other: what the others meet is in the component's file.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(text)?;
        let rules: PolicyFile = document.read()?;
        match rules.host.check() {
            Ok(()) => Ok(Self { file: None, rules }),
            Err(conflict) => Err(document.refuse_conflict(&conflict)),
        }
    }

    /// Reads a policy from a file.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml), and if the file cannot be read; see
    /// [`ComponentConfig::from_file`](crate::ComponentConfig::from_file).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let policy = file::read(path, Self::from_toml)?;
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
        let layers = Layers { ceiling, over };
        let host_memory = self.rules.host.memory().map(|memory| {
            let table = format!("{} [host]", self.file_name());
            (memory, Rule { table, key: "memory" })
        });
        let settings = layers.settle(config, host_memory, &mut changes);
        let cpu_time_policy = layers.cpu_time_policy(config, &mut changes);
        let capabilities = layers.grant(&config.capabilities, &mut changes);
        EffectiveConfig { id: id.clone(), settings, cpu_time_policy, capabilities, changes }
    }

    /// Returns the ceilings over the sum of all components.
    #[must_use]
    pub const fn host(&self) -> &HostCeilings {
        &self.rules.host
    }

    /// Tells whether there is an override for `id`: an identity without one has the ceilings alone.
    #[must_use]
    pub fn names(&self, id: &ComponentName) -> bool {
        self.rules.component.contains_key(id)
    }

    fn file_name(&self) -> String {
        self.file.as_ref().map_or_else(|| String::from("policy"), |path| shown(path))
    }
}

impl FromStr for Policy {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::from_toml(text)
    }
}
