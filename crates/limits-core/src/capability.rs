//! Capabilities: permissions, patterns, and the decision on one request.

mod address;
pub(crate) mod decision;
pub(crate) mod domain;
mod endpoint;
pub(crate) mod id;
pub(crate) mod path;
pub(crate) mod pattern;
pub(crate) mod permission;
pub(crate) mod resource;
mod segment;
pub(crate) mod set;
