//! Reports of the commands, and their way out of the process.

pub(crate) mod calibration;
pub(crate) mod cluster_terms;
pub(crate) mod console;
pub(crate) mod json;
pub(crate) mod level_use;
pub(crate) mod model;
pub(crate) mod phases;
pub(crate) mod refusal;
pub(crate) mod report_file;
mod service_use;
pub(crate) mod settings;
mod store_use;
pub(crate) mod suggestion;
mod switched_off;
pub(crate) mod text;
pub(crate) mod toml;
pub(crate) mod wants;
