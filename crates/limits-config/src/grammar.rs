//! The grammar of single values.

pub(crate) mod component_name;
pub(crate) mod component_path;
pub(crate) mod kind;
pub(crate) mod period;
pub(crate) mod rate;
#[cfg(any(test, feature = "schema"))]
pub(crate) mod schema;
pub(crate) mod size;
pub(crate) mod store_url;
pub(crate) mod value;
pub(crate) mod weight;
