#![doc = include_str!("../README.md")]

mod amount;
mod capabilities;
mod component;
mod cpu_time_policy;
mod decision;
mod document;
mod effective;
mod error;
mod file;
mod host;
mod name;
mod origin;
mod path;
mod period;
mod policy;
mod quota;
mod rate;
mod resources;
#[cfg(any(test, feature = "schema"))]
mod schema;
mod setting;
mod size;
mod tree;
mod window;

pub use semver;

pub use crate::capabilities::{
    CapabilitiesSection, FilesystemCapabilities, MessagingCapabilities, NetworkCapabilities,
    StorageCapabilities,
};
pub use crate::component::{ComponentConfig, ComponentSection};
pub use crate::effective::{Change, EffectiveConfig, Rule};
pub use crate::error::{ConfigError, ConfigErrorKind};
pub use crate::file::read_regular_file;
pub use crate::host::HostCeilings;
pub use crate::name::{ComponentName, NameError};
pub use crate::origin::Origin;
pub use crate::path::{ComponentPath, PathError};
pub use crate::policy::Policy;
pub use crate::quota::{QuotaConflict, QuotaSection};
pub use crate::rate::{parse_bandwidth, parse_cpu_time};
pub use crate::resources::{CpuConfig, HostConfig, MemoryConfig, ResourcesConfig};
#[cfg(any(test, feature = "schema"))]
pub use crate::schema::{component_schema, policy_schema};
pub use crate::setting::{Setting, SettingKey, Unit};
pub use crate::size::{SizeError, format_size, parse_storage};
