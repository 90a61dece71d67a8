//! The commands.

pub(crate) mod cache;
pub(crate) mod calibrate;
pub(crate) mod check;
mod manual;
pub(crate) mod run;
pub(crate) mod text;
