//! Quotas: the limits of a component over time, and the tracker that counts its use of them.

pub(crate) mod account;
pub(crate) mod allowance;
mod bounds;
pub(crate) mod clock;
mod demand;
pub(crate) mod lease;
pub(crate) mod quota_error;
pub(crate) mod quota_type;
mod rate;
pub(crate) mod rate_policy;
pub(crate) mod reservation;
pub(crate) mod resource_quota;
pub(crate) mod retry;
pub(crate) mod status;
pub(crate) mod storage_baseline;
pub(crate) mod store_loss;
mod sync;
mod take;
mod total;
pub(crate) mod tracker;
pub(crate) mod usage;
mod window;
