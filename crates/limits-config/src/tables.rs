//! The tables of `Component.toml` and of the policy file.

pub(crate) mod capabilities;
pub(crate) mod cluster_conflict;
pub(crate) mod cluster_table;
pub(crate) mod compile_settings;
pub(crate) mod component_config;
pub(crate) mod host_ceilings;
pub(crate) mod policy_file;
pub(crate) mod quota_conflict;
pub(crate) mod quota_section;
pub(crate) mod resources_config;
#[cfg(any(test, feature = "schema"))]
pub(crate) mod schema;
pub(crate) mod sha256;
