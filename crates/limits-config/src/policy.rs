//! The operator's policy.

use core::num::NonZeroU32;
use core::str::FromStr;
use std::path::{Path, PathBuf};

use crate::grammar::component_name::ComponentName;
use crate::resolve::change::Rule;
use crate::resolve::effective_config::EffectiveConfig;
use crate::resolve::policy_layers::{HashPin, PolicyLayers, PolicyTable};
use crate::settings::declared::Declared;
use crate::settings::table::HostCeilings;
use crate::tables::cluster_table::ClusterTable;
use crate::tables::compile_settings::CompileSettings;
use crate::tables::component_config::ComponentConfig;
use crate::tables::policy_file::PolicyFile;
use crate::toml::config_error::ConfigError;
use crate::toml::config_file;
use crate::toml::document::Document;
use crate::toml::shown::shown;

/// The operator's policy: a ceiling for every component, overrides for some, and ceilings for the
/// sum of all.
///
/// A component's file asks, the policy decides. For each setting:
///
/// 1. the value of the component's file counts, else the default;
/// 2. an override, `[component."ID"]`, replaces it, be it higher or lower;
/// 3. `[ceiling]` lowers it, unless the override pins the component's `sha256` and the hash
///    matches.
///
/// An override that pins another hash can only lower. A request for a resource is allowed when a
/// pattern of the component's file matches it, and one of each table of the policy that lists
/// capabilities; an override with the matching hash stands in the ceiling's place.
/// The default policy changes nothing, and [`EffectiveConfig::changes`] has a line for each change.
/// The reference, `docs/component-toml.md`, explains the rules in full: windows of rates, memory
/// under `[host]`, patterns.
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
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Policy {
    path: Option<PathBuf>,
    tables: PolicyFile,
}

impl Policy {
    /// Reads a policy from a text.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first error of the text, as in
    /// [`ComponentConfig::from_toml`](crate::ComponentConfig::from_toml). Only settings of `[host]`
    /// and `[cluster]` can contradict each other: the others meet settings of the component's file.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(text)?;
        let tables: PolicyFile = document.read()?;
        tables.host.check().map_err(|conflict| {
            let (key, other) = conflict.keys();
            let message = |place: &str| conflict.message(place);
            document.refuse_conflict(key.as_str(), other.as_str(), message)
        })?;
        if let Some(cluster) = &tables.cluster {
            cluster.check(&tables.host).map_err(|conflict| {
                let message = |place: &str| format!("{}{place}", conflict.message);
                document.refuse_conflict(conflict.key, conflict.other, message)
            })?;
        }
        Ok(Self { path: None, tables })
    }

    /// Reads a policy from a file.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml), and if the file cannot be read; see
    /// [`ComponentConfig::from_file`](crate::ComponentConfig::from_file).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let mut policy = config_file::read(path, Self::from_toml)?;
        if let (Some(cluster), Some(folder)) = (&mut policy.tables.cluster, path.parent()) {
            cluster.in_folder(folder);
        }
        Ok(Self { path: Some(path.to_path_buf()), ..policy })
    }

    /// Resolves the configuration of a component.
    ///
    /// * `id` is the identity under which overrides apply. It comes from the host: the name in the
    ///   component's file is a claim, and a host that uses it as the identity trusts the author of
    ///   the file.
    /// * `sha256` is the hash of the component's bytes, if the host has them. Without it no
    ///   override that pins a hash passes the ceiling.
    pub fn apply(
        &self,
        config: &ComponentConfig,
        id: &ComponentName,
        sha256: Option<&[u8; 32]>,
    ) -> EffectiveConfig {
        let file = self.path.as_ref().map_or_else(|| String::from("policy"), |path| shown(path));
        let ceiling = PolicyTable {
            name: format!("{file} [ceiling]"),
            settings: self.tables.ceiling.declared(),
            capabilities: self.tables.ceiling.capabilities.as_ref(),
        };
        let component_override = self.tables.component.get(id).map(|over| {
            let pin = match (&over.sha256, sha256) {
                (None, _) => HashPin::Absent,
                (Some(pinned), Some(hash)) if pinned.0 == *hash => HashPin::Matches,
                (Some(_), _) => HashPin::Differs,
            };
            let table = PolicyTable {
                name: format!("{file} [component.\"{id}\"]"),
                settings: over.declared(),
                capabilities: over.capabilities.as_ref(),
            };
            (table, pin)
        });
        let host_memory = self.tables.host.memory().map(|memory| {
            let rule = Rule { table: format!("{file} [host]"), key: "memory" };
            (memory, rule)
        });
        let layers = PolicyLayers { ceiling, component_override };
        let weight = self.weight(id, &layers);
        EffectiveConfig::resolve(id.clone(), config, &layers, host_memory, weight)
    }

    /// Returns the weight of a component. An override that pins another hash can only lower, and no
    /// weight is lower than that of a component without override.
    fn weight(&self, id: &ComponentName, layers: &PolicyLayers<'_>) -> NonZeroU32 {
        let pin = layers.component_override.as_ref().map_or(HashPin::Absent, |(_, pin)| *pin);
        let weight = self.tables.component.get(id).and_then(|over| over.weight);
        let weight = weight.filter(|_| pin != HashPin::Differs);
        weight.map_or(NonZeroU32::MIN, |weight| weight.0)
    }

    /// Returns the settings of `[ceiling]`.
    pub(crate) fn ceiling(&self) -> Declared {
        self.tables.ceiling.declared()
    }

    /// Goes through the settings of all overrides. Those with a hash are taken to match.
    pub(crate) fn overrides(&self) -> impl Iterator<Item = (Declared, HashPin)> {
        self.tables.component.values().map(|over| {
            let pin = if over.sha256.is_some() { HashPin::Matches } else { HashPin::Absent };
            (over.declared(), pin)
        })
    }

    /// Returns the ceilings over the sum of all components.
    #[must_use]
    pub const fn host(&self) -> &HostCeilings {
        &self.tables.host
    }

    /// Returns the structure that components may have, and the budget of compiling one.
    #[must_use]
    pub const fn compile(&self) -> &CompileSettings {
        &self.tables.compile
    }

    /// Returns the store of the rates that several hosts share, `None` if nothing is shared.
    ///
    /// A rate of a component is counted in a period that its own file can ask for: see
    /// [`ClusterTable::check_component`].
    #[must_use]
    pub const fn cluster(&self) -> Option<&ClusterTable> {
        self.tables.cluster.as_ref()
    }

    /// Tells whether the policy has an override for `id`. An identity without one has the ceilings
    /// alone.
    #[must_use]
    pub fn names(&self, id: &ComponentName) -> bool {
        self.tables.component.contains_key(id)
    }
}

impl FromStr for Policy {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::from_toml(text)
    }
}

impl ComponentConfig {
    /// Returns the configuration of the component where no policy restricts it, under its own name.
    pub fn effective(&self) -> EffectiveConfig {
        Policy::default().apply(self, &self.component.name, None)
    }
}
