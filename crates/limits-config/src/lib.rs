#![doc = include_str!("../README.md")]

mod grammar;
mod loaded_component;
mod policy;
mod resolve;
mod settings;
mod tables;
#[cfg(test)]
mod tests;
mod toml;

pub use limits_core;
pub use semver;

pub use crate::grammar::component_name::{ComponentName, NameError};
pub use crate::grammar::component_path::{ComponentPath, PathError};
pub use crate::grammar::kind::Unit;
pub use crate::grammar::rate::{parse_bandwidth, parse_cpu_time};
pub use crate::grammar::size::{SizeError, format_size, parse_storage};
pub use crate::grammar::value::Value;
pub use crate::loaded_component::{LoadError, LoadedComponent};
pub use crate::policy::Policy;
pub use crate::resolve::change::{Change, Rule};
pub use crate::resolve::effective_config::EffectiveConfig;
pub use crate::resolve::largest_limits::UnboundedMemory;
pub use crate::settings::row::{Enforcer, Scope};
pub use crate::settings::setting::{Origin, Setting};
pub use crate::settings::table::{
    CpuConfig, HostCeilings, HostConfig, MemoryConfig, QuotaSection, SettingKey,
};
pub use crate::tables::cluster_conflict::UnsharedPeriod;
pub use crate::tables::cluster_table::ClusterTable;
pub use crate::tables::compile_settings::{CompileKey, CompileSetting, CompileSettings};
pub use crate::tables::component_config::{ComponentConfig, ComponentSection};
pub use crate::tables::quota_conflict::QuotaConflict;
pub use crate::tables::resources_config::ResourcesConfig;
#[cfg(any(test, feature = "schema"))]
pub use crate::tables::schema::{component_schema, policy_schema};
pub use crate::toml::config_error::{ConfigError, ConfigErrorKind};
pub use crate::toml::config_file::read_regular_file;
