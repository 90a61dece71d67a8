//! The errors of running a component under limits.

use alloc::boxed::Box;
use alloc::string::String;
use core::error::Error;
use core::fmt;

use crate::capability::decision::CapabilityDenied;
use crate::execution::blame::Blame;
use crate::execution::cpu_wait::CpuWait;
use crate::execution::fuel::FuelMetrics;
use crate::execution::host_shortage::HostShortage;
use crate::execution::invalid_call::InvalidCall;
use crate::execution::limit_exceeded::{LimitExceeded, LimitKind};
use crate::execution::refused_growth::RefusedGrowth;
use crate::quota::quota_error::QuotaError;

/// The result of running a component under limits.
pub type WasmResult<T> = Result<T, WasmError>;

/// Why a component was not run to its end.
///
/// Who has to answer for it is [`blame`](Self::blame); an error knows that by itself, so it can be
/// handed on without the report.
#[derive(Debug)]
#[non_exhaustive]
pub enum WasmError {
    /// The guest used all its fuel.
    OutOfFuel {
        /// Fuel allowed, in units.
        max_fuel: u64,
        /// Fuel used, in units; can pass `max_fuel` by what one uninterruptible step costs.
        consumed: u64,
    },
    /// The execution did not end by its deadline.
    ExecutionTimeout {
        /// Wall-clock time allowed, in milliseconds.
        timeout_ms: u64,
        /// Fuel used by then, in units, as far as it is known: where the report says that its fuel
        /// is not exact, this is the same upper bound.
        fuel_consumed: Option<u64>,
        /// The CPU time quota that the execution had to wait for before, if any; a parent's
        /// rather than its own where it waited for both.
        waited: Option<CpuWait>,
    },
    /// The component could not be instantiated within its memory.
    OutOfMemory(LimitExceeded),
    /// The guest asked for more of something than a limit of its store allows.
    LimitExceeded(LimitExceeded),
    /// The component asked for more than its quota, or a parent's, has left.
    Quota(QuotaError),
    /// The component asked for something that it has no capability for.
    Denied(CapabilityDenied),
    /// The execution was cancelled by the host.
    Cancelled,
    /// The guest trapped.
    Trap {
        /// What the runtime calls the trap.
        reason: String,
        /// A growth of a memory or table that a quota or the host had refused before, if any; one
        /// that a parent or the host refused rather than one that the component's own quota did.
        refused: Option<RefusedGrowth>,
    },
    /// A host function failed with an error of its own, which may be another execution's end.
    Host(HostError),
    /// The host ran out of something that the execution needed.
    HostExhausted(HostShortage),
    /// The host runs as many executions as it allows itself, or its pool is in use.
    HostBusy {
        /// How many executions may run at once, or how many places of its kind the pool has.
        max_concurrent: usize,
        /// What the engine's pool has no place left for, such as `memories`; `None` if the bound
        /// is the executor's.
        pooled: Option<&'static str>,
    },
    /// These bytes are not a component that can run here.
    InvalidComponent {
        /// What is wrong with it.
        reason: String,
    },
    /// The component has no such export, or it is of another type.
    InvalidCall(InvalidCall),
    /// The limits or the host around them are not usable.
    InvalidConfiguration {
        /// What is wrong and what to do.
        reason: String,
    },
}

impl WasmError {
    /// Says that the fuel is used up.
    #[must_use]
    pub const fn out_of_fuel(fuel: FuelMetrics) -> Self {
        Self::OutOfFuel { max_fuel: fuel.max_fuel(), consumed: fuel.consumed() }
    }

    /// Says that the deadline has passed.
    #[must_use]
    pub const fn execution_timeout(timeout_ms: u64, fuel_consumed: Option<u64>) -> Self {
        Self::ExecutionTimeout { timeout_ms, fuel_consumed, waited: None }
    }

    /// Says that the guest trapped.
    #[must_use]
    pub fn trap(reason: impl Into<String>) -> Self {
        Self::Trap { reason: reason.into(), refused: None }
    }

    /// Wraps the error of a host function.
    #[must_use]
    pub fn host(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Host(HostError(error.into()))
    }

    /// Tells who has to answer for this; see [`Blame`] for the invariant.
    ///
    /// | error | blame |
    /// |---|---|
    /// | out of fuel, out of memory, a limit, a missing capability | the guest |
    /// | a quota | its own quota; the host, if a parent's |
    /// | a timeout | the guest; if it had to wait for CPU time, as for the quota that it waited for |
    /// | a trap | the guest; if it had been refused memory by a quota or the host, as for that |
    /// | a host function's error, a shortage of the host, a busy host | the host |
    /// | cancelled, a component that is invalid or too large to load, an invalid call or configuration | the caller |
    ///
    /// Time in which the guest waited for anything but CPU time of its account counts as its own:
    /// for a slow host function, or for a thread of a busy runtime. Where that matters, compare the
    /// report's CPU time with its wall-clock time.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::OutOfFuel { .. }
            | Self::ExecutionTimeout { waited: None, .. }
            | Self::OutOfMemory(_)
            | Self::Denied(_)
            | Self::Trap { refused: None, .. } => Blame::Guest,
            Self::LimitExceeded(exceeded) => match exceeded.kind() {
                // Refused before any guest ran, as an invalid component is.
                LimitKind::ComponentInstances | LimitKind::ComponentSize => Blame::Caller,
                _ => Blame::Guest,
            },
            Self::ExecutionTimeout { waited: Some(CpuWait { refused, .. }), .. }
            | Self::Trap { refused: Some(RefusedGrowth::Quota(refused)), .. }
            | Self::Quota(refused) => {
                if refused.depth() == 0 {
                    Blame::OwnQuota
                } else {
                    Blame::Host
                }
            }
            Self::Trap { refused: Some(RefusedGrowth::Host(_)), .. }
            | Self::Host(_)
            | Self::HostExhausted(_)
            | Self::HostBusy { .. } => Blame::Host,
            Self::Cancelled
            | Self::InvalidComponent { .. }
            | Self::InvalidCall(_)
            | Self::InvalidConfiguration { .. } => Blame::Caller,
        }
    }

    /// Tells whether the component has to answer for this: the guest, or its own quota.
    #[must_use]
    pub const fn is_guest_fault(&self) -> bool {
        matches!(self.blame(), Blame::Guest | Blame::OwnQuota)
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
            Self::Trap { reason, refused: None } => write!(f, "guest trapped: {reason}"),
            Self::Trap { reason, refused: Some(refused) } => {
                write!(f, "guest trapped: {reason}; it had been refused memory before: {refused}")
            }
            Self::Host(error) => write!(f, "host function failed: {error}"),
            Self::HostExhausted(shortage) => fmt::Display::fmt(shortage, f),
            Self::HostBusy { max_concurrent, pooled: None } => write!(
                f,
                "host busy: {max_concurrent} executions already run, which is the most allowed"
            ),
            Self::HostBusy { max_concurrent, pooled: Some(what) } => {
                write!(f, "host busy: all {max_concurrent} {what} of the pool are in use")
            }
            Self::InvalidComponent { reason } => write!(f, "invalid component: {reason}"),
            Self::InvalidCall(call) => write!(f, "invalid call: {call}"),
            Self::InvalidConfiguration { reason } => write!(f, "invalid configuration: {reason}"),
        }
    }
}

impl Error for WasmError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // The text of the inner error is in ours, so its cause comes next in the chain.
            Self::Host(error) => error.0.source(),
            _ => None,
        }
    }
}

/// The error of a host function, as it went into the guest.
#[derive(Debug)]
pub struct HostError(Box<dyn Error + Send + Sync>);

impl HostError {
    /// Finds an error of type `E` in this error or its causes.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn Error + 'static)> = Some(&*self.0);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<E>() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// Returns the error itself.
    #[must_use]
    pub fn into_inner(self) -> Box<dyn Error + Send + Sync> {
        self.0
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{HostError, WasmError};
    use crate::capability::decision::CapabilityDenied;
    use crate::capability::permission::Permission;
    use crate::capability::set::CapabilitySet;
    use crate::execution::blame::Blame;
    use crate::execution::cpu_wait::CpuWait;
    use crate::execution::fuel::FuelMetrics;
    use crate::execution::host_shortage::{HostResource, HostShortage};
    use crate::execution::invalid_call::InvalidCall;
    use crate::execution::limit_exceeded::{LimitExceeded, LimitKind};
    use crate::execution::refused_growth::RefusedGrowth;
    use crate::quota::quota_error::{QuotaError, Retry};
    use crate::quota::quota_type::QuotaResource;
    use core::error::Error;
    use core::fmt;
    use core::time::Duration;
    use std::boxed::Box;
    use std::string::{String, ToString};

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
    fn every_error_says_what_happened() {
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
                QuotaError::new(QuotaResource::Memory, 7, 2, 8, Retry::Now).into(),
                "memory quota of 8 bytes exceeded: 7 used, 2 more requested; retry when some is given back",
            ),
            (denied().into(), "filesystem.read of `/x` denied: nothing is granted"),
            (WasmError::Cancelled, "execution cancelled by the host"),
            (WasmError::trap(reason()), "guest trapped: reason"),
            (WasmError::host("disk on fire"), "host function failed: disk on fire"),
            (
                WasmError::HostBusy { max_concurrent: 3, pooled: None },
                "host busy: 3 executions already run, which is the most allowed",
            ),
            (
                WasmError::HostBusy { max_concurrent: 20, pooled: Some("memories") },
                "host busy: all 20 memories of the pool are in use",
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
                WasmError::Trap {
                    reason: reason(),
                    refused: Some(RefusedGrowth::Quota(memory_quota().at_level(1))),
                },
                "guest trapped: reason; it had been refused memory before: the parent's memory \
                 quota of 8 bytes exceeded: 7 used, 2 more requested; retry when some is given back",
            ),
            (WasmError::InvalidComponent { reason: reason() }, "invalid component: reason"),
            (no_export().into(), "invalid call: the component exports no function `f`"),
            (WasmError::InvalidConfiguration { reason: reason() }, "invalid configuration: reason"),
        ];
        for (error, words) in table {
            assert_eq!(error.to_string(), words);
        }
    }

    fn memory_quota() -> QuotaError {
        QuotaError::new(QuotaResource::Memory, 7, 2, 8, Retry::Now)
    }

    fn cpu_wait(level: u32) -> CpuWait {
        let retry = Retry::After(Duration::from_millis(700));
        let refused = QuotaError::new(QuotaResource::CpuTime, 50_000, 1, 50_000, retry)
            .per(Duration::from_secs(1))
            .at_level(level);
        CpuWait { time: Duration::from_millis(299), refused }
    }

    /// I17 of `blame.rs`, over every kind of error.
    #[test]
    fn i17_a_guest_answers_for_its_own_acts_alone() {
        let limit = LimitExceeded::new(LimitKind::Memory, 1);
        let timeout =
            |waited| WasmError::ExecutionTimeout { timeout_ms: 1, fuel_consumed: None, waited };
        let trap = |refused| WasmError::Trap { reason: String::new(), refused };
        let shortage = || HostShortage::new(HostResource::Memory, "ENOMEM");
        let inner = WasmError::out_of_fuel(FuelMetrics::new(1, 1));
        let reason = String::new;
        let table = [
            (WasmError::out_of_fuel(FuelMetrics::new(1, 1)), Blame::Guest),
            (timeout(None), Blame::Guest),
            (timeout(Some(cpu_wait(0))), Blame::OwnQuota),
            (timeout(Some(cpu_wait(1))), Blame::Host),
            (WasmError::OutOfMemory(limit), Blame::Guest),
            (WasmError::LimitExceeded(limit), Blame::Guest),
            (
                WasmError::LimitExceeded(LimitExceeded::new(LimitKind::ComponentSize, 1)),
                Blame::Caller,
            ),
            (
                WasmError::LimitExceeded(LimitExceeded::new(LimitKind::ComponentInstances, 1)),
                Blame::Caller,
            ),
            (WasmError::Quota(memory_quota()), Blame::OwnQuota),
            (WasmError::Quota(memory_quota().at_level(1)), Blame::Host),
            (WasmError::Quota(memory_quota().at_level(2)), Blame::Host),
            (WasmError::Denied(denied()), Blame::Guest),
            (WasmError::Cancelled, Blame::Caller),
            (trap(None), Blame::Guest),
            (trap(Some(RefusedGrowth::Quota(memory_quota()))), Blame::OwnQuota),
            (trap(Some(RefusedGrowth::Quota(memory_quota().at_level(1)))), Blame::Host),
            (trap(Some(RefusedGrowth::Host(shortage()))), Blame::Host),
            (WasmError::host("disk on fire"), Blame::Host),
            (WasmError::host(inner), Blame::Host),
            (WasmError::HostExhausted(shortage()), Blame::Host),
            (WasmError::HostBusy { max_concurrent: 1, pooled: None }, Blame::Host),
            (WasmError::InvalidComponent { reason: reason() }, Blame::Caller),
            (no_export().into(), Blame::Caller),
            (WasmError::InvalidConfiguration { reason: reason() }, Blame::Caller),
        ];
        for (error, blame) in table {
            assert_eq!(error.blame(), blame, "{error}");
            let is_components = matches!(blame, Blame::Guest | Blame::OwnQuota);
            assert_eq!(error.is_guest_fault(), is_components, "{error}");
        }
    }

    #[derive(Debug)]
    struct Outer(Inner);
    #[derive(Debug)]
    struct Inner(u8);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }
    impl fmt::Display for Inner {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("inner")
        }
    }
    impl Error for Inner {}
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_host_functions_error_is_found_by_its_type_at_any_depth() {
        let error = HostError(Box::new(Outer(Inner(7))));
        assert!(error.downcast_ref::<Outer>().is_some());
        assert_eq!(error.downcast_ref::<Inner>().map(|inner| inner.0), Some(7));
        assert!(error.downcast_ref::<fmt::Error>().is_none());
        assert!(error.into_inner().is::<Outer>());
    }

    #[test]
    fn the_chain_names_each_cause_once() {
        let error = WasmError::host(Outer(Inner(7)));
        assert_eq!(error.to_string(), "host function failed: outer");
        assert_eq!(error.source().map(ToString::to_string), Some(String::from("inner")));
    }
}
