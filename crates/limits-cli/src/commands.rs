//! The three commands.

pub(crate) mod calibrate;
pub(crate) mod check;
pub(crate) mod run;
