//! The configuration in effect: file, defaults and policy together.

mod adjust;
mod capability_grants;
pub(crate) mod change;
pub(crate) mod effective_config;
pub(crate) mod largest_limits;
pub(crate) mod policy_layers;
mod rate_window;
