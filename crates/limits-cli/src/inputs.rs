//! The files that a command reads.

pub(crate) mod binary;
pub(crate) mod component_file;
pub(crate) mod core_module;
pub(crate) mod manifest;
pub(crate) mod names_within;
pub(crate) mod same_file;
pub(crate) mod wants;
