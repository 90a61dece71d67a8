//! The files that a command reads.

pub(crate) mod component_file;
pub(crate) mod manifest;
