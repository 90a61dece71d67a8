//! The end of an execution other than success.

use alloc::boxed::Box;
use alloc::string::String;
use core::error::Error;
use core::fmt;

use crate::capability::decision::CapabilityDenied;
use crate::escaped::shown_reason;
use crate::execution::fuel::FuelMetrics;
use crate::execution::host_error::HostError;
use crate::execution::host_shortage::HostShortage;
use crate::execution::invalid_call::InvalidCall;
use crate::execution::limit_exceeded::LimitExceeded;
use crate::execution::refused_growth::RefusedGrowth;
use crate::execution::rejection::Rejection;
use crate::execution::wait::Wait;
use crate::quota::quota_error::QuotaError;

/// The result of running a component under limits.
pub type WasmResult<T> = Result<T, WasmError>;

/// The reason for which an execution did not succeed.
///
/// [`blame`](Self::blame) returns the party that must act on it; the error alone is enough for
/// that, without the report. `Display` [escapes](crate::Escaped) each reason and cuts it at 8 192
/// characters.
#[derive(Debug)]
#[non_exhaustive]
pub enum WasmError {
    /// The guest used all its fuel.
    OutOfFuel {
        /// Fuel allowed, in units.
        max_fuel: u64,
        /// Fuel used, in units; can pass `max_fuel` by the cost of one uninterruptible step.
        consumed: u64,
    },
    /// The execution did not end by its deadline.
    ExecutionTimeout {
        /// Wall-clock time allowed, in milliseconds.
        timeout_ms: u64,
        /// Fuel used by then, in units, if known; an upper bound where the report's fuel is one.
        fuel_consumed: Option<u64>,
        /// The wait that is to blame, if any: the one for its turn if the deadline passed in it,
        /// else the one for a CPU time quota; a parent's quota rather than its own if it waited
        /// for both.
        waited: Option<Wait>,
    },
    /// The component could not be instantiated within its memory.
    OutOfMemory(LimitExceeded),
    /// The guest requested more than a limit of its store allows.
    LimitExceeded(LimitExceeded),
    /// The component requested more than its quota or a parent's has left.
    Quota(QuotaError),
    /// The component requested a resource that it has no capability for.
    Denied(CapabilityDenied),
    /// The execution was cancelled by the host.
    Cancelled,
    /// The guest trapped.
    Trap {
        /// The runtime's name of the trap.
        reason: String,
        /// The growth of a memory or table that a quota or the host refused before, if any; one
        /// refused by a parent or the host rather than one refused by the component's own quota.
        refused: Option<RefusedGrowth>,
    },
    /// A host function failed with an error of its own, which may be another execution's end.
    Host(HostError),
    /// The host ran out of a resource that the execution needed.
    HostExhausted(HostShortage),
    /// The host is running its most executions, or its pool is in use.
    HostBusy {
        /// The most executions at one time, or the pool's number of slots.
        max_concurrent: usize,
        /// The kind of the pool's slots, such as `memories`; `None` if the executor's bound was
        /// met.
        pooled: Option<&'static str>,
    },
    /// The component was not compiled: its structure or the budget of compiling refused it.
    Rejected(Rejection),
    /// The bytes are not a component that can run here.
    InvalidComponent {
        /// The defect.
        reason: String,
    },
    /// The component has no such export, or it is of another type.
    InvalidCall(InvalidCall),
    /// The limits or the host around them are not usable.
    InvalidConfiguration {
        /// The defect and its remedy.
        reason: String,
    },
}

impl WasmError {
    /// Returns the error of an execution that used all its fuel.
    #[must_use]
    pub const fn out_of_fuel(fuel: FuelMetrics) -> Self {
        Self::OutOfFuel { max_fuel: fuel.max_fuel(), consumed: fuel.consumed() }
    }

    /// Returns the error of an execution that did not end by its deadline.
    #[must_use]
    pub const fn execution_timeout(timeout_ms: u64, fuel_consumed: Option<u64>) -> Self {
        Self::ExecutionTimeout { timeout_ms, fuel_consumed, waited: None }
    }

    /// Returns the error of a guest that trapped.
    #[must_use]
    pub fn trap(reason: impl Into<String>) -> Self {
        Self::Trap { reason: reason.into(), refused: None }
    }

    /// Wraps the error of a host function.
    #[must_use]
    pub fn host(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Host(HostError::new(error.into()))
    }
}

impl From<QuotaError> for WasmError {
    fn from(error: QuotaError) -> Self {
        Self::Quota(error)
    }
}

impl From<InvalidCall> for WasmError {
    fn from(call: InvalidCall) -> Self {
        Self::InvalidCall(call)
    }
}

impl From<Rejection> for WasmError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<CapabilityDenied> for WasmError {
    fn from(denied: CapabilityDenied) -> Self {
        Self::Denied(denied)
    }
}

impl fmt::Display for WasmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfFuel { max_fuel, consumed } => {
                write!(f, "out of fuel: {}", FuelMetrics::new(*max_fuel, *consumed))
            }
            Self::ExecutionTimeout { timeout_ms, fuel_consumed, waited } => {
                write!(f, "execution timed out after {timeout_ms} ms")?;
                if let Some(fuel) = fuel_consumed {
                    write!(f, ", {fuel} fuel used")?;
                }
                waited.map_or(Ok(()), |waited| write!(f, "; {waited}"))
            }
            Self::OutOfMemory(refused) => write!(f, "out of memory: {refused}"),
            Self::LimitExceeded(refused) => fmt::Display::fmt(refused, f),
            Self::Quota(refused) => fmt::Display::fmt(refused, f),
            Self::Denied(denied) => fmt::Display::fmt(denied, f),
            Self::Cancelled => f.write_str("execution cancelled by the host"),
            Self::Trap { reason, refused: None } => {
                write!(f, "guest trapped: {}", shown_reason(reason))
            }
            Self::Trap { reason, refused: Some(refused) } => {
                let reason = shown_reason(reason);
                write!(f, "guest trapped: {reason}; a growth was refused before: {refused}")
            }
            Self::Host(error) => write!(f, "host function failed: {error}"),
            Self::HostExhausted(shortage) => fmt::Display::fmt(shortage, f),
            Self::HostBusy { max_concurrent, pooled: None } => {
                write!(f, "host busy: {max_concurrent} executions are running, the most allowed")
            }
            Self::HostBusy { max_concurrent, pooled: Some(what) } => {
                write!(
                    f,
                    "host busy: all {max_concurrent} {what} of the pool are in use; size it for \
                     more stores, or run fewer at one time"
                )
            }
            Self::Rejected(rejection) => write!(f, "component rejected: {rejection}"),
            Self::InvalidComponent { reason } => {
                write!(f, "invalid component: {}", shown_reason(reason))
            }
            Self::InvalidCall(call) => write!(f, "invalid call: {call}"),
            Self::InvalidConfiguration { reason } => {
                write!(f, "invalid configuration: {}", shown_reason(reason))
            }
        }
    }
}

impl Error for WasmError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // The text of the inner error is in this one, so its cause comes next in the chain.
            Self::Host(error) => error.inner().source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WasmError;
    use crate::capability::decision::CapabilityDenied;
    use crate::capability::permission::Permission;
    use crate::capability::set::CapabilitySet;
    use crate::execution::fuel::FuelMetrics;
    use crate::execution::host_shortage::{HostResource, HostShortage};
    use crate::execution::invalid_call::InvalidCall;
    use crate::execution::limit_exceeded::{LimitExceeded, LimitKind};
    use crate::execution::refused_growth::RefusedGrowth;
    use crate::execution::wait::{CpuWait, Wait};
    use crate::quota::quota_error::QuotaError;
    use crate::quota::quota_type::QuotaResource;
    use crate::quota::retry::Retry;
    use core::time::Duration;
    use std::string::{String, ToString as _};

    #[test]
    fn test_out_of_fuel_error() {
        let error = WasmError::out_of_fuel(FuelMetrics::new(1_000, 1_000));
        assert_eq!(error.to_string(), "out of fuel: 1000 of 1000 fuel (100.0 %)");
    }

    #[test]
    fn test_execution_timeout_with_fuel() {
        let error = WasmError::execution_timeout(100, Some(42));
        assert_eq!(error.to_string(), "execution timed out after 100 ms, 42 fuel used");
    }

    #[test]
    fn test_execution_timeout_without_fuel() {
        let error = WasmError::execution_timeout(100, None);
        assert_eq!(error.to_string(), "execution timed out after 100 ms");
    }

    fn denied() -> CapabilityDenied {
        CapabilitySet::new().check(Permission::FilesystemRead, "/x").into_result().unwrap_err()
    }

    fn no_export() -> InvalidCall {
        InvalidCall::NoExport { export: String::from("f"), nearest: None }
    }

    #[test]
    fn every_error_has_its_text() {
        let refused = LimitExceeded::new(LimitKind::Memory, 65_536).with_request(0, 131_072);
        let reason = || String::from("reason");
        let table = [
            (
                WasmError::OutOfMemory(refused),
                "out of memory: memory limit of 65536 bytes exceeded: 0 in use, 131072 more requested",
            ),
            (
                WasmError::LimitExceeded(LimitExceeded::new(LimitKind::Handles, 8)),
                "handle limit of 8 handles exceeded",
            ),
            (
                QuotaError::new(QuotaResource::Memory, 8).with_request(7, 2).into(),
                "memory quota of 8 bytes exceeded: 7 used, 2 more requested; retry after a release",
            ),
            (denied().into(), "filesystem.read of `/x` denied: nothing is granted"),
            (WasmError::Cancelled, "execution cancelled by the host"),
            (WasmError::trap(reason()), "guest trapped: reason"),
            (WasmError::host("disk on fire"), "host function failed: disk on fire"),
            (
                WasmError::HostBusy { max_concurrent: 3, pooled: None },
                "host busy: 3 executions are running, the most allowed",
            ),
            (
                WasmError::HostBusy { max_concurrent: 20, pooled: Some("memories") },
                "host busy: all 20 memories of the pool are in use; size it for more stores, or \
                 run fewer at one time",
            ),
            (
                WasmError::HostExhausted(HostShortage::new(HostResource::Descriptors, "EMFILE")),
                "the host ran out of file descriptors: EMFILE",
            ),
            (
                WasmError::HostExhausted(HostShortage::new(HostResource::Threads, "EAGAIN")),
                "the host ran out of threads: EAGAIN",
            ),
            (
                WasmError::HostExhausted(HostShortage::new(HostResource::Disk, "ENOSPC")),
                "the host ran out of disk space: ENOSPC",
            ),
            (
                WasmError::ExecutionTimeout {
                    timeout_ms: 300,
                    fuel_consumed: Some(0),
                    waited: Some(cpu_wait(1)),
                },
                "execution timed out after 300 ms, 0 fuel used; it waited 299ms for CPU time: the \
                 parent's CPU time quota of 50000 µs per 1s exceeded: 50000 used, 1 more requested; \
                 retry in 700ms",
            ),
            (
                WasmError::ExecutionTimeout {
                    timeout_ms: 300,
                    fuel_consumed: Some(7),
                    waited: Some(Wait::Turn(Duration::from_millis(280))),
                },
                "execution timed out after 300 ms, 7 fuel used; it waited 280ms for its turn on a \
                 thread",
            ),
            (
                WasmError::Trap {
                    reason: reason(),
                    refused: Some(RefusedGrowth::Quota(memory_quota().at_depth(1))),
                },
                "guest trapped: reason; a growth was refused before: the parent's memory \
                 quota of 8 bytes exceeded: 7 used, 2 more requested; retry after a release",
            ),
            (WasmError::InvalidComponent { reason: reason() }, "invalid component: reason"),
            (no_export().into(), "invalid call: the component exports no function `f`"),
            (WasmError::InvalidConfiguration { reason: reason() }, "invalid configuration: reason"),
        ];
        for (error, text) in table {
            assert_eq!(error.to_string(), text);
        }
    }

    fn memory_quota() -> QuotaError {
        QuotaError::new(QuotaResource::Memory, 8).with_request(7, 2)
    }

    fn cpu_wait(level: u32) -> Wait {
        let retry = Retry::After(Duration::from_millis(700));
        let refused = QuotaError::new(QuotaResource::CpuTime, 50_000)
            .with_request(50_000, 1)
            .with_retry(retry)
            .per(Duration::from_secs(1))
            .at_depth(level);
        Wait::CpuTime(CpuWait { time: Duration::from_millis(299), refused })
    }
}
