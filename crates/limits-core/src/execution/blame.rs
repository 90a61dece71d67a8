//! The party that must act on a failed execution.

use core::fmt;

use crate::execution::refused_growth::RefusedGrowth;
use crate::execution::wait::{CpuWait, Wait};
use crate::execution::wasm_error::WasmError;

/// The party that must act on an execution that did not succeed.
///
/// Hosts that disable, bill or retry components decide by it. Returned by [`WasmError::blame`].
///
/// # Invariants
///
/// - I17: the [guest](Self::Guest) answers for its own acts alone, within what its own limits
///   allow. A shortage of the host, another execution's end, and a parent's quota that other
///   components have used up are never put down to the guest or to its own quota.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a host must decide on each")]
pub enum Blame {
    /// The guest: it met a limit of its own execution, trapped, or requested a resource that it has
    /// no capability for.
    Guest,
    /// The component's own quota: this or other executions of the component have used it up.
    OwnQuota,
    /// The host: it ran out of a resource, a host function failed, another execution's end came
    /// through, or a parent's quota had nothing left.
    Host,
    /// The caller or the embedder: a call that does not fit the exports, a component that cannot be
    /// loaded, an invalid configuration, a cancellation.
    Caller,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guest => "guest",
            Self::OwnQuota => "own quota",
            Self::Host => "host",
            Self::Caller => "caller",
        })
    }
}

impl WasmError {
    /// Returns the party that must act on this error; see [`Blame`] for the invariant.
    ///
    /// | error | blame |
    /// |---|---|
    /// | out of fuel, out of memory, a limit, a missing capability | the guest |
    /// | a quota | its own quota; the host for a parent's |
    /// | a timeout | the guest; after waiting for CPU time, the owner of the quota waited for |
    /// | a timeout while it waits for its turn | the host |
    /// | a trap | the guest; after a growth refused by a quota or the host, that party |
    /// | a host function's error, a shortage of the host, a busy host | the host |
    /// | a cancellation, an invalid or rejected component, an invalid call or limit | the caller |
    ///
    /// All waiting of a guest counts as its own, such as for a slow host function or a busy
    /// runtime, except the waiting for CPU time of its account and for its turn. Compare the
    /// report's CPU time with its wall-clock time where that matters.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::OutOfFuel { .. }
            | Self::ExecutionTimeout { waited: None, .. }
            | Self::OutOfMemory(_)
            | Self::LimitExceeded(_)
            | Self::Denied(_)
            | Self::Trap { refused: None, .. } => Blame::Guest,
            Self::ExecutionTimeout {
                waited: Some(Wait::CpuTime(CpuWait { refused, .. })), ..
            }
            | Self::Trap { refused: Some(RefusedGrowth::Quota(refused)), .. }
            | Self::Quota(refused) => {
                if refused.depth() == 0 {
                    Blame::OwnQuota
                } else {
                    Blame::Host
                }
            }
            Self::Trap { refused: Some(RefusedGrowth::Host(_)), .. }
            | Self::ExecutionTimeout { waited: Some(Wait::Turn(_)), .. }
            | Self::Host(_)
            | Self::HostExhausted(_)
            | Self::HostBusy { .. } => Blame::Host,
            Self::Cancelled
            | Self::InvalidComponent { .. }
            | Self::Rejected(_)
            | Self::InvalidCall(_)
            | Self::InvalidConfiguration { .. } => Blame::Caller,
        }
    }

    /// Returns whether the component must act: the guest, or its own quota.
    #[must_use]
    pub const fn is_guest_fault(&self) -> bool {
        matches!(self.blame(), Blame::Guest | Blame::OwnQuota)
    }
}

#[cfg(test)]
mod tests {
    use super::Blame;
    use crate::capability::decision::CapabilityDenied;
    use crate::capability::permission::Permission;
    use crate::capability::set::CapabilitySet;
    use crate::execution::fuel::FuelMetrics;
    use crate::execution::host_shortage::{HostResource, HostShortage};
    use crate::execution::invalid_call::InvalidCall;
    use crate::execution::limit_exceeded::{LimitExceeded, LimitKind};
    use crate::execution::refused_growth::RefusedGrowth;
    use crate::execution::rejection::Rejection;
    use crate::execution::wait::{CpuWait, Wait};
    use crate::execution::wasm_error::WasmError;
    use crate::quota::quota_error::QuotaError;
    use crate::quota::quota_type::QuotaResource;
    use core::time::Duration;
    use std::string::String;

    fn denied() -> CapabilityDenied {
        CapabilitySet::new().check(Permission::FilesystemRead, "/x").into_result().unwrap_err()
    }

    fn memory_quota() -> QuotaError {
        QuotaError::new(QuotaResource::Memory, 8).with_request(7, 2)
    }

    fn cpu_wait(depth: u32) -> Wait {
        let refused = QuotaError::new(QuotaResource::CpuTime, 50_000).at_depth(depth);
        Wait::CpuTime(CpuWait { time: Duration::from_millis(299), refused })
    }

    // I17
    #[test]
    fn a_guest_answers_for_its_own_acts_alone() {
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
            (timeout(Some(Wait::Turn(Duration::from_millis(1)))), Blame::Host),
            (WasmError::OutOfMemory(limit), Blame::Guest),
            (WasmError::LimitExceeded(limit), Blame::Guest),
            (WasmError::Quota(memory_quota()), Blame::OwnQuota),
            (WasmError::Quota(memory_quota().at_depth(1)), Blame::Host),
            (WasmError::Quota(memory_quota().at_depth(2)), Blame::Host),
            (WasmError::Denied(denied()), Blame::Guest),
            (WasmError::Cancelled, Blame::Caller),
            (trap(None), Blame::Guest),
            (trap(Some(RefusedGrowth::Quota(memory_quota()))), Blame::OwnQuota),
            (trap(Some(RefusedGrowth::Quota(memory_quota().at_depth(1)))), Blame::Host),
            (trap(Some(RefusedGrowth::Host(shortage()))), Blame::Host),
            (WasmError::host("disk on fire"), Blame::Host),
            (WasmError::host(inner), Blame::Host),
            (WasmError::HostExhausted(shortage()), Blame::Host),
            (WasmError::HostBusy { max_concurrent: 1, pooled: None }, Blame::Host),
            (WasmError::InvalidComponent { reason: reason() }, Blame::Caller),
            (WasmError::Rejected(Rejection::Crashed { reason: reason() }), Blame::Caller),
            (InvalidCall::NotAFunction { export: reason() }.into(), Blame::Caller),
            (WasmError::InvalidConfiguration { reason: reason() }, Blame::Caller),
        ];
        for (error, blame) in table {
            assert_eq!(error.blame(), blame, "{error}");
            let is_components = matches!(blame, Blame::Guest | Blame::OwnQuota);
            assert_eq!(error.is_guest_fault(), is_components, "{error}");
        }
    }
}
