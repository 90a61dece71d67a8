//! The targets, each in a file of its own.

pub(crate) mod answer;
pub(crate) mod bandwidth;
pub(crate) mod cache_entry;
pub(crate) mod component_toml;
pub(crate) mod pattern;
pub(crate) mod policy;
pub(crate) mod request;
pub(crate) mod size;
pub(crate) mod structure;
