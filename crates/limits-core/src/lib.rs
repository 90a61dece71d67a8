#![doc = include_str!("../README.md")]
#![no_std]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod capability;
mod escaped;
mod execution;
mod quota;

pub use crate::capability::decision::{CapabilityDenied, Decision, Denial};
pub use crate::capability::domain::Domain;
pub use crate::capability::extent::Extent;
pub use crate::capability::id::IdProblem;
pub use crate::capability::path::normalize_path;
pub use crate::capability::pattern::Pattern;
pub use crate::capability::pattern_error::{PatternError, PatternProblem};
pub use crate::capability::permission::{Permission, PermissionError};
pub use crate::capability::resource::ResourceError;
pub use crate::capability::set::{CapabilitySet, CapabilitySetBuilder};
pub use crate::capability::special_address::{SpecialAddress, special_address};
pub use crate::capability::target::NetworkTarget;
pub use crate::escaped::{Escaped, EscapedJson, is_hidden};
pub use crate::execution::blame::Blame;
pub use crate::execution::compile_budget::{CompileAllowance, CompileBudget};
pub use crate::execution::cpu_time_policy::{CpuTimePolicy, CpuTimePolicyError};
pub use crate::execution::execution_end::{ExecutionEnd, ExecutionOutcome};
pub use crate::execution::fuel::{FuelConfig, FuelMetrics};
pub use crate::execution::host_error::HostError;
pub use crate::execution::host_shortage::{HostResource, HostShortage};
pub use crate::execution::invalid_call::InvalidCall;
pub use crate::execution::limit_exceeded::{LimitExceeded, LimitKind};
pub use crate::execution::limits::ResourceLimits;
pub use crate::execution::limits::builder::ResourceLimitsBuilder;
pub use crate::execution::refused_growth::RefusedGrowth;
pub use crate::execution::rejection::{CompileResource, Rejection};
pub use crate::execution::structure::{StructureCount, StructureLimits};
pub use crate::execution::wait::{CpuWait, Wait};
pub use crate::execution::wasm_error::{WasmError, WasmResult};
pub use crate::quota::account::Account;
pub use crate::quota::allowance::Allowance;
#[cfg(feature = "std")]
pub use crate::quota::clock::SystemClock;
pub use crate::quota::clock::{Clock, ManualClock};
pub use crate::quota::lease::{LeaseSignal, LeaseTerms, LeaseUse, LeasedRate, Leases};
pub use crate::quota::quota_error::QuotaError;
pub use crate::quota::quota_type::{QuotaResource, QuotaType};
pub use crate::quota::rate_policy::{RatePolicy, RatePolicyError};
pub use crate::quota::reservation::Reservation;
pub use crate::quota::resource_quota::ResourceQuota;
pub use crate::quota::retry::Retry;
pub use crate::quota::status::{QuotaResourceStatus, QuotaStatus};
pub use crate::quota::storage_baseline::{StorageBaseline, StorageBaselineError};
pub use crate::quota::store_loss::{StoreLoss, StoreLossError};
pub use crate::quota::tracker::{PeriodMismatch, QuotaTracker};
pub use crate::quota::usage::QuotaUsage;
