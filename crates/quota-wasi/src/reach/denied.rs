//! Refusals of the network.

use quota_enforce::EnforceError;
use thiserror::Error;
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

/// A name or an address that a guest may not reach. Its text is for the guest: it does not name the
/// operator's files, as the text of its source does.
#[derive(Debug, Error)]
#[error("not allowed by the component's capabilities")]
pub(crate) struct Denied(#[source] EnforceError);

impl Denied {
    pub(crate) fn new(error: EnforceError) -> Self {
        Self(error)
    }

    /// Returns whether capabilities refused; every other error is the host's.
    pub(crate) fn is_of_guest(&self) -> bool {
        matches!(self.0, EnforceError::Capability(_))
    }

    pub(crate) fn into_error(self) -> EnforceError {
        self.0
    }
}

impl From<Denied> for SocketError {
    fn from(denied: Denied) -> Self {
        if denied.is_of_guest() {
            return ErrorCode::AccessDenied.into();
        }
        Self::trap(denied.into_error())
    }
}
