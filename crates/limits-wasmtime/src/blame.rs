//! From Wasmtime's errors to ours: who ended the execution?

use limits_core::{FuelMetrics, LimitExceeded, LimitKind, ResourceLimits, WasmError};
use wasmtime::component::ResourceTableError;
use wasmtime::{Error, Trap};

use crate::hook::Stop;
use crate::printable::printable;

/// Names the cause of `error`: out of fuel, then the deadline, then any other trap, then what is
/// not a trap. Also tells whether the fuel counter was in the store when it happened.
///
/// `unanswered` is a refused growth that the guest never heard of, so it failed an instantiation.
pub(crate) fn blame(
    error: Error,
    limits: &ResourceLimits,
    fuel: FuelMetrics,
    unanswered: Option<LimitExceeded>,
) -> (WasmError, bool) {
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return match trap {
            Trap::OutOfFuel => (WasmError::out_of_fuel(fuel), true),
            trap => (WasmError::Trap { reason: trap.to_string() }, false),
        };
    }
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return (stopped(*stop, limits, fuel), false);
    }
    let error = match error.downcast::<WasmError>() {
        Ok(ours) => return (ours, true),
        Err(error) => error,
    };
    if let Some(refusal) = unanswered {
        return (
            match refusal.kind() {
                LimitKind::Memory => WasmError::OutOfMemory(refusal),
                _ => WasmError::LimitExceeded(refusal),
            },
            true,
        );
    }
    match bound(&error, limits) {
        Some(exceeded) => (WasmError::LimitExceeded(exceeded), true),
        None => (WasmError::host(error.into_boxed_dyn_error()), true),
    }
}

pub(crate) fn stopped(stop: Stop, limits: &ResourceLimits, fuel: FuelMetrics) -> WasmError {
    match stop {
        Stop::Deadline => {
            WasmError::execution_timeout(limits.execution_timeout_ms(), Some(fuel.consumed()))
        }
        Stop::Cancelled => WasmError::Cancelled,
    }
}

/// Recognises the bounds that Wasmtime enforces itself.
///
/// Except for the resource table it gives them no type, so their words are all there is; each
/// has a test in which a real guest meets it, which fails if an upgrade changes the words.
fn bound(error: &Error, limits: &ResourceLimits) -> Option<LimitExceeded> {
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Some(LimitExceeded::new(LimitKind::Resources, limits.max_resources().into()));
    }
    // The root cause carries no backtrace, so no guest-chosen name is formatted here.
    let words = error.root_cause().to_string();
    let (kind, limit) = if words.contains("fuel allocated for hostcalls has been exhausted") {
        (LimitKind::CopyBytes, limits.max_copy_bytes())
    } else if words.contains("store handle limit exceeded") {
        (LimitKind::Handles, limits.max_handles().into())
    } else if words.starts_with("resource limit exceeded: instance count") {
        (LimitKind::Instances, limits.max_instances().into())
    } else if words.starts_with("resource limit exceeded: memory count") {
        (LimitKind::Memories, limits.max_memories().into())
    } else if words.starts_with("resource limit exceeded: table count") {
        (LimitKind::Tables, limits.max_tables().into())
    } else {
        return None;
    };
    Some(LimitExceeded::new(kind, limit))
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
