//! Capabilities: permissions, patterns, and the decision on one request.

mod address;
pub(crate) mod decision;
pub(crate) mod domain;
mod endpoint;
pub(crate) mod extent;
mod host_name;
pub(crate) mod id;
mod judged_address;
mod network;
pub(crate) mod path;
pub(crate) mod pattern;
pub(crate) mod pattern_error;
pub(crate) mod permission;
pub(crate) mod resource;
mod rules;
mod segment;
mod segment_compiler;
pub(crate) mod set;
pub(crate) mod special_address;
pub(crate) mod target;
