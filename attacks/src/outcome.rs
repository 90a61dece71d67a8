//! The end of an execution, in the words of the command.

use core::fmt;

use limits_compile::CompileError;
use limits_core::{RefusedGrowth, WasmError};
use wasmtime_wasi::I32Exit;

/// The end of an execution. The names are those of `wasm-limits run`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "the outcomes of the command")]
pub enum Outcome {
    /// The host or the system cancelled it.
    Cancelled,
    /// A capability was missing.
    Denied,
    /// A file, its content or the call is at fault.
    Error,
    /// The guest ended itself with a code other than zero.
    Exit,
    /// The host lacked a resource, or failed.
    Host,
    /// A limit of the store other than its memory stopped the guest.
    LimitExceeded,
    /// The guest used all its fuel.
    OutOfFuel,
    /// The component could not be instantiated within its memory.
    OutOfMemory,
    /// A quota had no room for the guest.
    QuotaExceeded,
    /// The component was not compiled.
    Rejected,
    /// The guest ended well.
    Success,
    /// The guest did not end by its deadline.
    Timeout,
    /// The guest trapped.
    Trap,
}

use Outcome::{
    Cancelled, Denied, Error, Exit, Host, LimitExceeded, OutOfFuel, OutOfMemory, QuotaExceeded,
    Rejected, Success, Timeout, Trap,
};

const NAMES: [(Outcome, &str); 13] = [
    (Cancelled, "cancelled"),
    (Denied, "denied"),
    (Error, "error"),
    (Exit, "exit"),
    (Host, "host"),
    (LimitExceeded, "limit_exceeded"),
    (OutOfFuel, "out_of_fuel"),
    (OutOfMemory, "out_of_memory"),
    (QuotaExceeded, "quota_exceeded"),
    (Rejected, "rejected"),
    (Success, "success"),
    (Timeout, "timeout"),
    (Trap, "trap"),
];

impl Outcome {
    /// Returns the outcome of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(outcome, _)| *outcome)
    }

    /// Returns the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(outcome, _)| *outcome == self).map_or("", |(_, name)| name)
    }

    /// Returns the outcome of an execution that failed.
    #[must_use]
    pub fn of(error: &WasmError) -> Self {
        match error {
            WasmError::OutOfFuel { .. } => OutOfFuel,
            WasmError::ExecutionTimeout { .. } => Timeout,
            WasmError::OutOfMemory(_) => OutOfMemory,
            WasmError::LimitExceeded(_) => LimitExceeded,
            WasmError::Quota(_) => QuotaExceeded,
            WasmError::Denied(_) => Denied,
            WasmError::Rejected(_) => Rejected,
            WasmError::Cancelled => Cancelled,
            WasmError::Trap { refused: Some(RefusedGrowth::Host(_)), .. }
            | WasmError::HostExhausted(_)
            | WasmError::HostBusy { .. } => Host,
            WasmError::Trap { .. } => Trap,
            WasmError::Host(host) => match host.downcast_ref() {
                Some(I32Exit(0)) => Success,
                Some(_) => Exit,
                // WASI's functions end a guest only for what the guest did.
                None => Trap,
            },
            _ => Error,
        }
    }

    /// Returns the outcome of a component that was not compiled.
    #[must_use]
    pub fn of_compiling(error: &CompileError) -> Self {
        match error {
            CompileError::Wasm(error) => Self::of(error),
            CompileError::Worker(_) => Host,
            _ => Error,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES, Outcome};

    #[test]
    fn every_outcome_is_found_by_its_name() {
        for (outcome, name) in NAMES {
            assert_eq!(Outcome::named(name), Some(outcome));
            assert_eq!(outcome.to_string(), name);
        }
    }
}
