//! Errors of look-ups.

use std::io;

use thiserror::Error;
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use crate::reach::denied::Denied;

/// The reason for which a name has no addresses for a guest. Its text is for the guest.
#[derive(Debug, Error)]
pub(crate) enum LookupError {
    /// The text is neither a name nor an address.
    #[error("neither a host name nor an address")]
    Invalid,
    /// The name may not be looked up, or the address not be reached.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The execution has looked up as many names as it may.
    #[error("limit of {most} look-ups of names exceeded")]
    TooMany {
        /// `max_lookups`.
        most: u64,
    },
    /// The execution has been given as many addresses as are remembered.
    #[error("limit of {most} remembered addresses exceeded")]
    TooManyAddresses {
        /// The most pairs of an address and a name.
        most: usize,
    },
    /// The resolver has not answered in time.
    #[error("no answer within {millis} ms")]
    TimedOut {
        /// `connect_timeout_ms`.
        millis: u128,
    },
    /// The resolver knows no address.
    #[error("the name has no address")]
    Unresolvable(#[source] Option<io::Error>),
}

impl From<LookupError> for SocketError {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Denied(denied) => denied.into(),
            LookupError::Invalid => ErrorCode::InvalidArgument.into(),
            // A program may know what to do: try later.
            LookupError::TooMany { .. }
            | LookupError::TooManyAddresses { .. }
            | LookupError::TimedOut { .. } => ErrorCode::TemporaryResolverFailure.into(),
            // Whatever the system's reason: wasmtime-wasi tells them apart no better.
            LookupError::Unresolvable(_) => ErrorCode::NameUnresolvable.into(),
        }
    }
}
