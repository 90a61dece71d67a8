//! What a component may touch: permissions, patterns, decisions.

mod address;
mod decision;
mod domain;
mod endpoint;
mod id;
mod path;
mod pattern;
mod permission;
mod resource;
mod segment;
mod set;

pub use decision::{CapabilityDenied, Decision, Denial};
pub use domain::Domain;
pub use id::IdProblem;
pub use path::normalize_path;
pub use pattern::{Pattern, PatternError, PatternProblem};
pub use permission::{Permission, PermissionError};
pub use resource::ResourceError;
pub use set::{CapabilitySet, CapabilitySetBuilder};
