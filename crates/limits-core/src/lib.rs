#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod allowance;
mod capability;
mod error;
mod exceeded;
mod fuel;
mod limits;
mod quota;

pub use crate::allowance::Allowance;
pub use crate::capability::{
    CapabilityDenied, CapabilitySet, CapabilitySetBuilder, Decision, Denial, Domain, Pattern,
    PatternError, PatternProblem, Permission, PermissionError, ResourceError, normalize_path,
};
pub use crate::error::{HostError, WasmError, WasmResult};
pub use crate::exceeded::{LimitExceeded, LimitKind};
pub use crate::fuel::{FuelConfig, FuelMetrics};
pub use crate::limits::{ResourceLimits, ResourceLimitsBuilder};
pub use crate::quota::ResourceQuota;
