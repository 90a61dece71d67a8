//! The end of one execution, as reported to its account.

use core::fmt;
use core::time::Duration;

use crate::execution::refused_growth::RefusedGrowth;
use crate::execution::wasm_error::WasmError;

/// The outcome of one execution, in one word.
///
/// The words are those of the `wasm-limits` command's reports. They are stable and fit as metric
/// labels.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ExecutionOutcome {
    /// The guest returned.
    Success,
    /// The guest used all its fuel.
    OutOfFuel,
    /// The guest did not end by its deadline.
    Timeout,
    /// The component could not be instantiated within its memory.
    OutOfMemory,
    /// The guest met another limit of its store.
    LimitExceeded,
    /// The component's quota or a parent's had nothing left, so the guest could not begin or go on.
    QuotaExceeded,
    /// The guest requested a resource that it has no capability for.
    Denied,
    /// The guest trapped.
    Trap,
    /// The component, the call or the configuration is invalid.
    Error,
    /// The host ran out of a resource, or was busy.
    Host,
    /// A host function ended the guest with an error of its own. WASI's `exit` is such an error,
    /// whatever its code.
    HostFunction,
    /// The host cancelled the execution.
    Cancelled,
    /// The caller dropped the execution's future before its end.
    Dropped,
}

impl ExecutionOutcome {
    /// Every outcome, in the order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::Success,
        Self::OutOfFuel,
        Self::Timeout,
        Self::OutOfMemory,
        Self::LimitExceeded,
        Self::QuotaExceeded,
        Self::Denied,
        Self::Trap,
        Self::Error,
        Self::Host,
        Self::HostFunction,
        Self::Cancelled,
        Self::Dropped,
    ];

    /// Returns the word, such as `out_of_fuel`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::OutOfFuel => "out_of_fuel",
            Self::Timeout => "timeout",
            Self::OutOfMemory => "out_of_memory",
            Self::LimitExceeded => "limit_exceeded",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Denied => "denied",
            Self::Trap => "trap",
            Self::Error => "error",
            Self::Host => "host",
            Self::HostFunction => "host_function",
            Self::Cancelled => "cancelled",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for ExecutionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl WasmError {
    /// Returns the outcome of an execution that ended with this error.
    ///
    /// A trap after the host had no memory for the guest counts as the host's, since it says
    /// nothing about the guest.
    #[must_use]
    pub const fn outcome(&self) -> ExecutionOutcome {
        match self {
            Self::OutOfFuel { .. } => ExecutionOutcome::OutOfFuel,
            Self::ExecutionTimeout { .. } => ExecutionOutcome::Timeout,
            Self::OutOfMemory(_) => ExecutionOutcome::OutOfMemory,
            Self::LimitExceeded(_) => ExecutionOutcome::LimitExceeded,
            Self::Quota(_) => ExecutionOutcome::QuotaExceeded,
            Self::Denied(_) => ExecutionOutcome::Denied,
            Self::Cancelled => ExecutionOutcome::Cancelled,
            Self::Trap { refused: Some(RefusedGrowth::Host(_)), .. }
            | Self::HostExhausted(_)
            | Self::HostBusy { .. } => ExecutionOutcome::Host,
            Self::Trap { .. } => ExecutionOutcome::Trap,
            Self::Host(_) => ExecutionOutcome::HostFunction,
            Self::InvalidComponent { .. }
            | Self::Rejected(_)
            | Self::InvalidCall(_)
            | Self::InvalidConfiguration { .. } => ExecutionOutcome::Error,
        }
    }
}

/// The end of one execution, reported to its [account](crate::Account::ended) once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ExecutionEnd {
    /// The outcome.
    pub outcome: ExecutionOutcome,
    /// Time that the guest and the host functions it called held a thread. All of it has been
    /// charged to the account before, but for less than a microsecond.
    pub cpu_time: Duration,
    /// Wall-clock time in which the guest could have run and waited for the account's CPU time.
    pub throttled_time: Duration,
    /// Wall-clock time in which the guest could have run and waited for its turn on a thread.
    pub queued_time: Duration,
    /// Wall-clock time from beginning to end, waiting included.
    pub wall_time: Duration,
}

impl ExecutionEnd {
    /// Returns the end of an execution that took no time. The fields can be set on it.
    #[must_use]
    pub const fn new(outcome: ExecutionOutcome) -> Self {
        Self {
            outcome,
            cpu_time: Duration::ZERO,
            throttled_time: Duration::ZERO,
            queued_time: Duration::ZERO,
            wall_time: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ExecutionEnd, ExecutionOutcome};
    use crate::capability::permission::Permission;
    use crate::capability::set::CapabilitySet;
    use crate::execution::fuel::FuelMetrics;
    use crate::execution::host_shortage::{HostResource, HostShortage};
    use crate::execution::invalid_call::InvalidCall;
    use crate::execution::limit_exceeded::{LimitExceeded, LimitKind};
    use crate::execution::refused_growth::RefusedGrowth;
    use crate::execution::wasm_error::WasmError;
    use crate::quota::quota_error::QuotaError;
    use crate::quota::quota_type::QuotaResource;
    use core::time::Duration;
    use std::collections::BTreeSet;
    use std::format;
    use std::string::String;

    #[test]
    fn every_outcome_has_a_word_of_its_own() {
        let words: BTreeSet<&str> = ExecutionOutcome::ALL.iter().map(|o| o.as_str()).collect();
        assert_eq!(words.len(), 13);
        assert!(ExecutionOutcome::ALL.is_sorted());
        assert_eq!(format!("{:>9}", ExecutionOutcome::Trap), "     trap");
    }

    #[test]
    fn every_error_has_its_outcome() {
        let limit = LimitExceeded::new(LimitKind::Memory, 1);
        let quota = QuotaError::new(QuotaResource::Memory, 8).with_request(7, 2);
        let shortage = || HostShortage::new(HostResource::Memory, "ENOMEM");
        let denied =
            CapabilitySet::new().check(Permission::FilesystemRead, "/x").into_result().unwrap_err();
        let reason = String::new;
        let trap = |refused| WasmError::Trap { reason: reason(), refused };
        let call = InvalidCall::NotAFunction { export: reason() };
        let table = [
            (WasmError::out_of_fuel(FuelMetrics::new(1, 1)), "out_of_fuel"),
            (WasmError::execution_timeout(1, None), "timeout"),
            (WasmError::OutOfMemory(limit), "out_of_memory"),
            (WasmError::LimitExceeded(limit), "limit_exceeded"),
            (WasmError::Quota(quota), "quota_exceeded"),
            (WasmError::Denied(denied), "denied"),
            (WasmError::Cancelled, "cancelled"),
            (trap(None), "trap"),
            (trap(Some(RefusedGrowth::Quota(quota))), "trap"),
            (trap(Some(RefusedGrowth::Host(shortage()))), "host"),
            (WasmError::HostExhausted(shortage()), "host"),
            (WasmError::HostBusy { max_concurrent: 1, pooled: None }, "host"),
            (WasmError::host("disk on fire"), "host_function"),
            (WasmError::InvalidComponent { reason: reason() }, "error"),
            (WasmError::InvalidCall(call), "error"),
            (WasmError::InvalidConfiguration { reason: reason() }, "error"),
        ];
        for (error, word) in table {
            assert_eq!(error.outcome().as_str(), word, "{error}");
        }
    }

    #[test]
    fn a_new_end_took_no_time() {
        let end = ExecutionEnd::new(ExecutionOutcome::Error);
        let times = [end.cpu_time, end.throttled_time, end.wall_time];
        assert_eq!(times, [Duration::ZERO; 3]);
    }
}
