//! Errors of guests' calls.

use wasmtime_wasi::TrappableError;

use super::bindings::types::Error;

/// An error that the guest reads, or a trap.
pub(crate) type MessagingError = TrappableError<Error>;
