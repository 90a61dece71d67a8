//! Errors of guests' calls.

use wasmtime_wasi::TrappableError;

use super::bindings::store::Error;

/// An error that the guest reads, or a trap.
pub(crate) type KeyValueError = TrappableError<Error>;
