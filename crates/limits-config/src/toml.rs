//! TOML texts and files, with the place of each value.

pub(crate) mod config_error;
pub(crate) mod config_file;
pub(crate) mod document;
pub(crate) mod known_name;
pub(crate) mod nearest;
pub(crate) mod shown;
pub(crate) mod spanned_de;
