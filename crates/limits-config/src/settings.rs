//! The settings: one row each, and walks over the rows.

pub(crate) mod declared;
mod define;
mod field;
pub(crate) mod rates;
pub(crate) mod row;
pub(crate) mod section;
pub(crate) mod setting;
pub(crate) mod setting_key;
pub(crate) mod table;
pub(crate) mod translate;
