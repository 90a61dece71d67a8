//! `Component.toml`: the identity, the resources and the capabilities that a component asks for.

use core::str::FromStr;
use std::path::Path;

use limits_core::{CapabilitySet, Escaped, ResourceLimits, WasmError, WasmResult};
use semver::Version;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::grammar::component_name::ComponentName;
use crate::grammar::component_path::ComponentPath;
use crate::settings::declared::Declared;
use crate::settings::section::Section as _;
use crate::settings::table::QuotaSection;
use crate::tables::capabilities;
use crate::tables::resources_config::ResourcesConfig;
use crate::toml::config_error::ConfigError;
use crate::toml::config_file;
use crate::toml::document::{Document, FileGrammar};
use crate::toml::shown::quoted;

/// A `Component.toml`: the identity of a component, and the resources and capabilities that it asks
/// for.
///
/// The operator decides what it gets: [`Policy::apply`](crate::Policy::apply) makes an
/// [`EffectiveConfig`](crate::EffectiveConfig). Without a policy,
/// [`effective`](Self::effective) grants everything that the file asks for.
///
/// ```
/// use limits_config::ComponentConfig;
/// use limits_core::ResourceLimits;
///
/// let config = ComponentConfig::from_toml(
///     r#"
///     [component]
///     name = "data-processor"
///     version = "1.0.0"
///
///     [resources.memory]
///     max_bytes = "4MiB"
///     "#,
/// )?;
/// let limits = ResourceLimits::try_from(config)?;
/// assert_eq!(limits.max_memory_bytes(), 4_194_304);
/// assert_eq!(limits.execution_timeout_ms(), 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ComponentConfig {
    /// The identity of the component.
    pub component: ComponentSection,
    /// The resources that one execution may use.
    pub resources: ResourcesConfig,
    /// The resources that the component may use over time, in all its executions.
    #[serde(default, skip_serializing_if = "QuotaSection::is_empty")]
    pub quota: QuotaSection,
    /// The resources that the component may access, as patterns. An unlisted resource is denied.
    ///
    /// Each permission holds at most 256 patterns, none twice, of which at most 16 have two or
    /// more `**`.
    #[serde(default, with = "capabilities", skip_serializing_if = "CapabilitySet::is_empty")]
    #[cfg_attr(
        any(test, feature = "schema"),
        schemars(with = "crate::tables::schema::Capabilities")
    )]
    pub capabilities: CapabilitySet,
}

/// `[component]`: the identity of a component.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ComponentSection {
    /// The name that the component claims. The host decides the identity that counts.
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::grammar::schema::Name"))]
    pub name: ComponentName,
    /// The version of the component, in semantic versioning.
    #[serde(deserialize_with = "version")]
    #[cfg_attr(
        any(test, feature = "schema"),
        schemars(with = "crate::grammar::schema::SemanticVersion")
    )]
    pub version: Version,
    /// The path of the code, relative to this file's folder and inside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        any(test, feature = "schema"),
        schemars(with = "crate::grammar::schema::RelativePath")
    )]
    pub path: Option<ComponentPath>,
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
    let version = String::deserialize(deserializer)?;
    Version::parse(&version).map_err(|error| {
        // It quotes the character that it stopped at.
        let error = error.to_string();
        D::Error::custom(format!(
            "`{}` is not a semantic version, such as 1.0.0: {}",
            quoted(&version),
            Escaped::head(&error, 128)
        ))
    })
}

impl ComponentConfig {
    /// Reads a `Component.toml` from a text.
    ///
    /// A byte order mark and Windows line ends are fine.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first error of the text: not TOML, an unknown or missing or repeated
    /// key, a value of the wrong type or out of range, settings that contradict each other, or more
    /// than 1 MiB of text.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(text)?;
        let config: Self = document.read()?;
        match config.quota.to_resource_quota(config.resources.memory.max_bytes) {
            Ok(_) => Ok(config),
            Err(conflict) => {
                let (key, other) = conflict.keys();
                let message = |place: &str| conflict.message(place);
                Err(document.refuse_conflict(key.as_str(), other.as_str(), message))
            }
        }
    }

    /// Reads a `Component.toml` from a file.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml), and if the file cannot be read, is not a regular file (a
    /// pipe or a device is refused without blocking), has more than 1 MiB or is not UTF-8.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        config_file::read(path.as_ref(), Self::from_toml)
    }

    /// Returns the limits of one execution where no policy applies.
    ///
    /// # Errors
    ///
    /// None; the original design declares a result.
    pub fn resource_limits(&self) -> WasmResult<ResourceLimits> {
        Ok(self.resources.limits())
    }

    /// Returns all settings that the file gives.
    pub(crate) fn declared(&self) -> Declared {
        self.resources.declared().merge(self.quota.declared())
    }
}

impl FileGrammar for ComponentConfig {
    fn on_missing(key: &str) -> Option<&'static str> {
        matches!(key, "resources" | "resources.memory" | "resources.memory.max_bytes").then_some(
            "memory has no default, write `[resources.memory]` with, for example, \
             `max_bytes = \"64MiB\"`",
        )
    }

    fn on_misplaced(path: &[&str]) -> Option<String> {
        match path {
            [table @ ("host" | "ceiling" | "compile" | "cluster")] => {
                Some(format!("`[{table}]` is the operator's, in the policy file"))
            }
            _ => None,
        }
    }
}

impl FromStr for ComponentConfig {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::from_toml(text)
    }
}

impl TryFrom<&ComponentConfig> for ResourceLimits {
    type Error = WasmError;

    fn try_from(config: &ComponentConfig) -> WasmResult<Self> {
        config.resource_limits()
    }
}

impl TryFrom<ComponentConfig> for ResourceLimits {
    type Error = WasmError;

    fn try_from(config: ComponentConfig) -> WasmResult<Self> {
        config.resource_limits()
    }
}
