//! The files that a command reads.

pub(crate) mod cache;
pub(crate) mod cache_place;
pub(crate) mod component_file;
pub(crate) mod manifest;
pub(crate) mod names_within;
pub(crate) mod outer_sections;
pub(crate) mod same_file;
pub(crate) mod wants;
