#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod account;
mod allowance;
mod blame;
mod bounds;
mod capability;
mod clock;
mod cpu_time_policy;
mod cpu_wait;
mod demand;
mod error;
mod escaped;
mod exceeded;
mod fuel;
mod limits;
mod quota;
mod quota_error;
mod quota_type;

mod rate;
mod refused_growth;
mod reservation;
mod shortage;
mod status;
mod sync;
mod total;
mod tracker;
mod usage;
mod window;

pub use crate::account::Account;
pub use crate::allowance::Allowance;
pub use crate::blame::Blame;
pub use crate::capability::{
    CapabilityDenied, CapabilitySet, CapabilitySetBuilder, Decision, Denial, Domain, IdProblem,
    Pattern, PatternError, PatternProblem, Permission, PermissionError, ResourceError,
    normalize_path,
};
#[cfg(feature = "std")]
pub use crate::clock::SystemClock;
pub use crate::clock::{Clock, ManualClock};
pub use crate::cpu_time_policy::{CpuTimePolicy, CpuTimePolicyError};
pub use crate::cpu_wait::CpuWait;
pub use crate::error::{HostError, WasmError, WasmResult};
pub use crate::escaped::{Escaped, EscapedJson, is_hidden};
pub use crate::exceeded::{LimitExceeded, LimitKind};
pub use crate::fuel::{FuelConfig, FuelMetrics};
pub use crate::limits::{ResourceLimits, ResourceLimitsBuilder};
pub use crate::quota::ResourceQuota;
pub use crate::quota_error::{QuotaError, Retry};
pub use crate::quota_type::{QuotaResource, QuotaType};
pub use crate::refused_growth::RefusedGrowth;
pub use crate::reservation::Reservation;
pub use crate::shortage::{HostResource, HostShortage};
pub use crate::status::{QuotaResourceStatus, QuotaStatus};
pub use crate::tracker::{PeriodMismatch, QuotaTracker};
pub use crate::usage::QuotaUsage;
