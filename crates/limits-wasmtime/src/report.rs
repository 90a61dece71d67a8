//! The report of an execution: the resources that it used.

use core::time::Duration;

use limits_core::{FuelMetrics, LimitExceeded, QuotaError};

/// The resources that one execution used, whether it ended well or not.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ExecutionReport {
    /// Fuel allowed and used, in units.
    pub fuel: FuelMetrics,
    /// Whether the fuel used is exact.
    ///
    /// Exact after success, out of fuel, a host function's error, and a timeout or cancellation
    /// that met the guest between two intervals of fuel or waiting in a host function. Otherwise,
    /// after any other trap and after a timeout or cancellation that was noticed as the guest came
    /// back from the host, the runtime has the count in a register. The report then has the count
    /// in the store plus one interval (at most 50 000 units, far fewer near the deadline). That is
    /// an upper bound for code as compilers emit it. Code can be written to burn more than an
    /// interval in one straight stretch that ends in a trap: do not bill such ends by it.
    pub fuel_exact: bool,
    /// Limit of the bytes of all memories and tables of the store together.
    pub max_memory_bytes: u64,
    /// Peak of those bytes since the store was made.
    pub peak_memory_bytes: u64,
    /// Time that the guest and the host functions it called held a thread.
    ///
    /// Measured as wall-clock time inside polls: it includes time in which the operating system
    /// ran something else, and excludes work that host functions gave to other threads.
    pub cpu_time: Duration,
    /// Wall-clock time from the start of instantiation, or of the call into a kept store, to
    /// the end, waiting included.
    pub wall_time: Duration,
    /// The part of `wall_time` until the store had its instance, and the call began: zero for a
    /// call into a kept instance, all of it for an execution that ended before.
    pub instantiate_time: Duration,
    /// Wall-clock time in which the guest could have run and waited for its account's next window.
    pub throttled_time: Duration,
    /// Wall-clock time in which the guest could have run and waited for its turn: see
    /// [`ComponentExecutor::with_fair_slices`](crate::ComponentExecutor::with_fair_slices).
    pub queued_time: Duration,
    /// Number of uninterrupted stretches that the guest ran in.
    pub slices: u64,
    /// Number of refused growths of memories and tables.
    pub refusals: u64,
    /// The last of those refusals, if it was the store's own limit that refused.
    pub last_refusal: Option<LimitExceeded>,
    /// The last of those refusals, if it was the account that refused.
    pub last_quota_refusal: Option<QuotaError>,
}

/// The output of an execution that ended well, and its report.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ExecutionResult<T> {
    /// The value that the guest returned.
    pub output: T,
    /// The resources that it used.
    pub report: ExecutionReport,
}

impl<T> ExecutionResult<T> {
    /// Returns the fuel allowed and used.
    #[must_use]
    pub const fn fuel_metrics(&self) -> &FuelMetrics {
        &self.report.fuel
    }
}
