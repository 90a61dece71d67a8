//! `Component.toml`: what a component is and what it asks for.

use core::str::FromStr;
use std::path::Path;

use limits_core::{ResourceLimits, WasmError, WasmResult};
use semver::Version;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::document::Document;
use crate::error::quoted;
use crate::{
    CapabilitiesSection, ComponentName, ComponentPath, ConfigError, EffectiveConfig, Policy,
    QuotaSection, ResourcesConfig, file,
};

/// A `Component.toml`: what a component is and what it asks for.
///
/// What it gets is an [`EffectiveConfig`]: without a policy what it asks for, see
/// [`effective`](Self::effective), else what [`Policy::apply`] grants.
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
    /// What the component is.
    pub component: ComponentSection,
    /// What one execution may use.
    pub resources: ResourcesConfig,
    /// What the component may use over time, across all its executions.
    #[serde(default, skip_serializing_if = "QuotaSection::is_empty")]
    pub quota: QuotaSection,
    /// What the component may touch. Nothing is allowed that is not listed.
    #[serde(default, skip_serializing_if = "CapabilitiesSection::is_empty")]
    pub capabilities: CapabilitiesSection,
}

/// `[component]`: what a component is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ComponentSection {
    /// What the component calls itself. A claim: the host gives the identity that counts.
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Name"))]
    pub name: ComponentName,
    /// The component's version, as semantic versioning writes it.
    #[serde(deserialize_with = "version")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::SemanticVersion"))]
    pub version: Version,
    /// Where its code is, relative to this file's folder and inside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::RelativePath"))]
    pub path: Option<ComponentPath>,
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Version, D::Error> {
    let version = String::deserialize(deserializer)?;
    Version::parse(&version).map_err(|error| {
        D::Error::custom(format!(
            "`{}` is not a semantic version, such as 1.0.0: {error}",
            quoted(&version)
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
    /// [`ConfigError`] for the first thing that is wrong: not TOML, an unknown or missing or
    /// repeated key, a value of the wrong type or out of range, settings that contradict each
    /// other, or more than 1 MiB of text.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let document = Document::parse(text)?;
        let config: Self = document.read()?;
        match config.quota.to_resource_quota(config.resources.memory.max_bytes) {
            Ok(_) => Ok(config),
            Err(conflict) => Err(document.refuse_conflict(&conflict)),
        }
    }

    /// Reads a `Component.toml` from a file.
    ///
    /// # Errors
    ///
    /// As [`from_toml`](Self::from_toml), and if the file cannot be read, is not a regular file (a
    /// pipe or a device is refused without blocking), has more than 1 MiB or is not UTF-8.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        file::read(path.as_ref(), Self::from_toml)
    }

    /// Returns what one execution may use if nobody else has a say.
    ///
    /// # Errors
    ///
    /// None of its own; it is the builder's result.
    pub fn resource_limits(&self) -> WasmResult<ResourceLimits> {
        self.resources.limits()
    }

    /// Returns what the component gets where no policy restricts it, under its own name.
    #[must_use]
    pub fn effective(&self) -> EffectiveConfig {
        Policy::default().apply(self, &self.component.name, None)
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
