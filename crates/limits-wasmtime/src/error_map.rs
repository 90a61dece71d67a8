//! From Wasmtime's errors to ours: the cause of an execution's end.

use core::fmt;

use limits_core::{
    CapabilityDenied, FuelMetrics, LimitExceeded, LimitKind, QuotaError, RefusedGrowth,
    ResourceLimits, Wait, WasmError,
};
use wasmtime::component::ResourceTableError;
use wasmtime::{Error, Trap};

use crate::breach::{bare_message, is_breach};
use crate::error_text::{escaped, whole};
use crate::hook::Stop;
use crate::limiter::GrowthRefusal;
use crate::shortage::{exhausted_pool, shortage};

/// An error that this crate makes while it drives the guest: a call that does not fit its export.
/// No host function can make one.
#[derive(Debug)]
pub(crate) struct Own(pub(crate) WasmError);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl core::error::Error for Own {}

/// The circumstances of an execution that an error ended.
#[derive(Debug)]
pub(crate) struct Circumstances<'a> {
    pub(crate) limits: &'a ResourceLimits,
    pub(crate) fuel: FuelMetrics,
    /// A refused growth that the guest did not see, so it failed an instantiation.
    pub(crate) instantiation_refusal: Option<&'a GrowthRefusal>,
    /// The last growth that a quota or the host refused.
    pub(crate) refused: Option<RefusedGrowth>,
    /// The wait that is to blame for a deadline, if any.
    pub(crate) waited: Option<Wait>,
    /// Whether code of the guest has run.
    pub(crate) entered: bool,
}

/// Returns the cause of `error`: out of fuel, then the deadline, then any other trap, then other
/// errors. Also returns whether the fuel counter was in the store when it happened.
///
/// A [`WasmError`] describes the end of *this* execution. One that a host function returns is of
/// another execution, and so an error of this one's host. The exceptions are refusals that host
/// functions make for their caller: a quota, a missing capability, a limit of the execution that
/// the host enforces, and more fuel charged than was left.
pub(crate) fn error_of(error: Error, of: Circumstances<'_>) -> (WasmError, bool) {
    let Circumstances { limits, fuel, instantiation_refusal, refused, waited, entered } = of;
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) if fuel.is_exhausted() => {
            return (WasmError::out_of_fuel(fuel), true);
        }
        // Neither is this store's: its fuel is not used up, and its engine has no epochs.
        Some(Trap::OutOfFuel | Trap::Interrupt) => {
            return (WasmError::host(error.into_boxed_dyn_error()), true);
        }
        // Not the guest's act: the host went on with a store whose last call had not ended.
        Some(Trap::CannotEnterComponent) if !entered => {
            let reason = String::from(
                "an earlier call into the store failed or was dropped, and the host went on as if \
                 it had not",
            );
            return (WasmError::InvalidConfiguration { reason }, true);
        }
        Some(trap) => {
            return (WasmError::Trap { reason: escaped(&trap.to_string()), refused }, false);
        }
        None => {}
    }
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return (error_of_stop(stop.clone(), limits, fuel, waited), false);
    }
    let error = match error.downcast::<Own>() {
        Ok(Own(ours)) => return (ours, true),
        Err(error) => error,
    };
    let error = match error.downcast::<WasmError>() {
        Ok(ours @ (WasmError::Quota(_) | WasmError::Denied(_))) => return (ours, true),
        Ok(WasmError::OutOfFuel { .. }) if fuel.is_exhausted() => {
            return (WasmError::out_of_fuel(fuel), true);
        }
        Ok(foreign) => return (WasmError::host(foreign), true),
        Err(error) => error,
    };
    if let Some(refusal) = instantiation_refusal {
        return (
            match refusal {
                GrowthRefusal::Quota(error) => WasmError::Quota(*error),
                GrowthRefusal::Host(shortage) => WasmError::HostExhausted(shortage.clone()),
                GrowthRefusal::Limit(refusal) => match refusal.kind() {
                    LimitKind::Memory => WasmError::OutOfMemory(*refusal),
                    _ => WasmError::LimitExceeded(*refusal),
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
    if let Some(exceeded) = error.downcast_ref::<LimitExceeded>() {
        return (WasmError::LimitExceeded(*exceeded), true);
    }
    if let Some(exceeded) = bound(&error, limits) {
        return (WasmError::LimitExceeded(exceeded), true);
    }
    if let Some(busy) = exhausted_pool(&error) {
        return (busy, true);
    }
    if let Some(shortage) = shortage(&error) {
        return (WasmError::HostExhausted(shortage), true);
    }
    // A guest that has not run cannot have broken anything.
    if entered && is_breach(&error) {
        let reason = escaped(&error.root_cause().to_string());
        return (WasmError::Trap { reason, refused }, true);
    }
    (WasmError::host(error.into_boxed_dyn_error()), true)
}

pub(crate) fn error_of_stop(
    stop: Stop,
    limits: &ResourceLimits,
    fuel: FuelMetrics,
    waited: Option<Wait>,
) -> WasmError {
    match stop {
        Stop::Deadline => WasmError::ExecutionTimeout {
            timeout_ms: limits.execution_timeout_ms(),
            fuel_consumed: Some(fuel.consumed()),
            waited,
        },
        Stop::Cancelled => WasmError::Cancelled,
        Stop::Quota(error) => WasmError::Quota(*error),
    }
}

/// Recognises the bounds that Wasmtime enforces itself.
///
/// Except for the resource table it gives them no type, so they are known by their words. The
/// whole message must match, so that a guest cannot put the words into another one. Each has a
/// test in which a real guest meets it, which fails if an upgrade changes the words.
fn bound(error: &Error, limits: &ResourceLimits) -> Option<LimitExceeded> {
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Some(LimitExceeded::new(LimitKind::Resources, limits.max_resources().into()));
    }
    // One of them has a type, which is private. The cause of a host function's own error is not
    // looked at.
    let words = match error.chain().count() {
        1 => error.to_string(),
        _ => bare_message(error)?,
    };
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

/// Sorts an error of Wasmtime's compiler or loader: a shortage of the host is
/// [`WasmError::HostExhausted`], any other [`WasmError::InvalidComponent`] with Wasmtime's reason,
/// escaped.
#[must_use]
pub fn invalid_component(error: &Error) -> WasmError {
    if let Some(shortage) = shortage(error) {
        return WasmError::HostExhausted(shortage);
    }
    WasmError::InvalidComponent { reason: whole(error) }
}
