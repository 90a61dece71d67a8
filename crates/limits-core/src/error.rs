//! The errors of running a component under limits.

use alloc::boxed::Box;
use alloc::string::String;
use core::error::Error;
use core::fmt;

use crate::{CapabilityDenied, FuelMetrics, LimitExceeded, QuotaError};

/// The result of running a component under limits.
pub type WasmResult<T> = Result<T, WasmError>;

/// Why a component was not run to its end.
///
/// The first variants are the guest's doing, the last ones the host's or the operator's; see
/// [`is_guest_fault`](Self::is_guest_fault).
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
        /// Fuel used by then, in units, if it is known.
        fuel_consumed: Option<u64>,
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
    },
    /// A host function failed with an error of its own.
    Host(HostError),
    /// The host runs as many executions as it allows itself.
    HostBusy {
        /// How many executions may run at once.
        max_concurrent: usize,
    },
    /// These bytes are not a component that can run here.
    InvalidComponent {
        /// What is wrong with it.
        reason: String,
    },
    /// The component has no such export, or it is of another type.
    InvalidCall {
        /// What is wrong with the call.
        reason: String,
    },
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
        Self::ExecutionTimeout { timeout_ms, fuel_consumed }
    }

    /// Wraps the error of a host function.
    #[must_use]
    pub fn host(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Host(HostError(error.into()))
    }

    /// Tells whether the guest caused this by what it did, as opposed to the host, the operator
    /// or whoever called it.
    ///
    /// A refusal by a parent is nobody's fault in particular: others have used it up.
    #[must_use]
    pub const fn is_guest_fault(&self) -> bool {
        match self {
            Self::OutOfFuel { .. }
            | Self::ExecutionTimeout { .. }
            | Self::OutOfMemory(_)
            | Self::LimitExceeded(_)
            | Self::Denied(_)
            | Self::Trap { .. } => true,
            Self::Quota(refused) => refused.level() == 0,
            Self::Cancelled
            | Self::Host(_)
            | Self::HostBusy { .. }
            | Self::InvalidComponent { .. }
            | Self::InvalidCall { .. }
            | Self::InvalidConfiguration { .. } => false,
        }
    }
}

impl From<QuotaError> for WasmError {
    fn from(error: QuotaError) -> Self {
        Self::Quota(error)
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
            Self::ExecutionTimeout { timeout_ms, fuel_consumed: None } => {
                write!(f, "execution timed out after {timeout_ms} ms")
            }
            Self::ExecutionTimeout { timeout_ms, fuel_consumed: Some(fuel) } => {
                write!(f, "execution timed out after {timeout_ms} ms, {fuel} fuel used")
            }
            Self::OutOfMemory(refused) => write!(f, "out of memory: {refused}"),
            Self::LimitExceeded(refused) => fmt::Display::fmt(refused, f),
            Self::Quota(refused) => fmt::Display::fmt(refused, f),
            Self::Denied(denied) => fmt::Display::fmt(denied, f),
            Self::Cancelled => f.write_str("execution cancelled by the host"),
            Self::Trap { reason } => write!(f, "guest trapped: {reason}"),
            Self::Host(error) => write!(f, "host function failed: {error}"),
            Self::HostBusy { max_concurrent } => write!(
                f,
                "host busy: {max_concurrent} executions already run, which is the most allowed"
            ),
            Self::InvalidComponent { reason } => write!(f, "invalid component: {reason}"),
            Self::InvalidCall { reason } => write!(f, "invalid call: {reason}"),
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
    use crate::{
        CapabilityDenied, CapabilitySet, FuelMetrics, LimitExceeded, LimitKind, Permission,
        QuotaError, QuotaResource, Retry,
    };
    use core::error::Error;
    use core::fmt;
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
            (WasmError::Trap { reason: reason() }, "guest trapped: reason"),
            (WasmError::host("disk on fire"), "host function failed: disk on fire"),
            (
                WasmError::HostBusy { max_concurrent: 3 },
                "host busy: 3 executions already run, which is the most allowed",
            ),
            (WasmError::InvalidComponent { reason: reason() }, "invalid component: reason"),
            (WasmError::InvalidCall { reason: reason() }, "invalid call: reason"),
            (WasmError::InvalidConfiguration { reason: reason() }, "invalid configuration: reason"),
        ];
        for (error, words) in table {
            assert_eq!(error.to_string(), words);
        }
    }

    #[test]
    fn only_what_the_guest_did_is_its_fault() {
        assert!(WasmError::execution_timeout(1, None).is_guest_fault());
        let refused = QuotaError::new(QuotaResource::Memory, 7, 2, 8, Retry::Now);
        assert!(WasmError::from(refused).is_guest_fault());
        assert!(!WasmError::from(refused.at_level(1)).is_guest_fault(), "others used it up");
        assert!(WasmError::from(denied()).is_guest_fault());
        assert!(!WasmError::host("disk on fire").is_guest_fault());
        assert!(!WasmError::Cancelled.is_guest_fault());
        assert!(!WasmError::HostBusy { max_concurrent: 1 }.is_guest_fault());
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
