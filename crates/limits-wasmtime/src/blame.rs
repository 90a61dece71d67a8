//! From Wasmtime's errors to ours: who ended the execution?

use limits_core::{
    CapabilityDenied, FuelMetrics, LimitExceeded, LimitKind, QuotaError, ResourceLimits, WasmError,
};
use wasmtime::component::ResourceTableError;
use wasmtime::{Error, Trap};

use crate::hook::Stop;
use crate::limiter::Refusal;
use crate::printable::printable;

/// Names the cause of `error`: out of fuel, then the deadline, then any other trap, then what is
/// not a trap. Also tells whether the fuel counter was in the store when it happened.
///
/// `unanswered` is a refused growth that the guest never heard of, so it failed an instantiation.
pub(crate) fn blame(
    error: Error,
    limits: &ResourceLimits,
    fuel: FuelMetrics,
    unanswered: Option<Refusal>,
) -> (WasmError, bool) {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) if fuel.is_exhausted() => {
            return (WasmError::out_of_fuel(fuel), true);
        }
        // A host function handed on what happened in another store.
        Some(Trap::OutOfFuel) => return (WasmError::host(error.into_boxed_dyn_error()), true),
        Some(trap) => return (WasmError::Trap { reason: trap.to_string() }, false),
        None => {}
    }
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return (stopped(*stop, limits, fuel), false);
    }
    let error = match error.downcast::<WasmError>() {
        // These say how *this* execution ended; from a host function they tell of another one.
        Ok(
            foreign @ (WasmError::Cancelled
            | WasmError::ExecutionTimeout { .. }
            | WasmError::HostBusy { .. }),
        ) => return (WasmError::host(foreign), true),
        Ok(ours) => return (ours, true),
        Err(error) => error,
    };
    if let Some(refusal) = unanswered {
        return (
            match refusal {
                Refusal::Quota(error) => WasmError::Quota(error),
                Refusal::Limit(refusal) => match refusal.kind() {
                    LimitKind::Memory => WasmError::OutOfMemory(refusal),
                    _ => WasmError::LimitExceeded(refusal),
                },
            },
            true,
        );
    }
    if let Some(error) = error.downcast_ref::<QuotaError>() {
        return (WasmError::Quota(*error), true);
    }
    if let Some(denied) = error.downcast_ref::<CapabilityDenied>() {
        return (WasmError::Denied(denied.clone()), true);
    }
    if let Some(exceeded) = bound(&error, limits) {
        return (WasmError::LimitExceeded(exceeded), true);
    }
    if is_breach(&error) {
        return (WasmError::Trap { reason: printable(&error.root_cause().to_string()) }, true);
    }
    (WasmError::host(error.into_boxed_dyn_error()), true)
}

pub(crate) fn stopped(stop: Stop, limits: &ResourceLimits, fuel: FuelMetrics) -> WasmError {
    match stop {
        Stop::Deadline => {
            WasmError::execution_timeout(limits.execution_timeout_ms(), Some(fuel.consumed()))
        }
        Stop::Cancelled => WasmError::Cancelled,
        Stop::Quota(error) => WasmError::Quota(error),
    }
}

/// Recognises the bounds that Wasmtime enforces itself.
///
/// Except for the resource table it gives them no type, so their words are all there is; the
/// whole message must match, so that a guest cannot put them into another one. Each has a test
/// in which a real guest meets it, which fails if an upgrade changes the words.
fn bound(error: &Error, limits: &ResourceLimits) -> Option<LimitExceeded> {
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Some(LimitExceeded::new(LimitKind::Resources, limits.max_resources().into()));
    }
    // The root cause carries no backtrace, so no guest-chosen name is formatted here.
    let words = error.root_cause().to_string();
    let (kind, limit) = match words.as_str() {
        "too much data is being copied between the host and the guest: fuel allocated for \
         hostcalls has been exhausted" => (LimitKind::CopyBytes, limits.max_copy_bytes()),
        "cannot allocate another handle: store handle limit exceeded"
        | "cannot lend resource: store handle limit exceeded" => {
            (LimitKind::Handles, limits.max_handles().into())
        }
        words => {
            let counted = words.strip_prefix("resource limit exceeded: ")?;
            let (what, count) = counted.split_once(" count too high at ")?;
            if !count.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            match what {
                "instance" => (LimitKind::Instances, limits.max_instances().into()),
                "memory" => (LimitKind::Memories, limits.max_memories().into()),
                "table" => (LimitKind::Tables, limits.max_tables().into()),
                _ => return None,
            }
        }
    };
    Some(LimitExceeded::new(kind, limit))
}

/// Tells whether the guest broke the canonical ABI: a pointer out of bounds, a string that is not
/// one, a handle that it does not have.
///
/// Wasmtime reports these as bare messages or as errors of the standard library's conversions,
/// while the errors of host functions have types of their own. A host function that fails with a
/// bare message is taken for a breach as well; its words are kept.
fn is_breach(error: &Error) -> bool {
    error.is::<String>()
        || error.is::<&'static str>()
        || error.is::<core::str::Utf8Error>()
        || error.is::<std::string::FromUtf8Error>()
        || error.is::<core::char::CharTryFromError>()
        || error.is::<core::char::DecodeUtf16Error>()
        || error.is::<core::num::TryFromIntError>()
}

/// Describes an error of loading a component, whose text may quote the component.
pub(crate) fn invalid_component(error: &Error) -> WasmError {
    let mut words = String::new();
    for cause in error.chain() {
        if !words.is_empty() {
            words.push_str(": ");
        }
        words.push_str(&cause.to_string());
    }
    WasmError::InvalidComponent { reason: printable(&words) }
}
