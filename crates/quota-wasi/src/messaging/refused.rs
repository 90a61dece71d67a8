//! Refusals of guests' calls.

use quota_enforce::EnforceError;

use super::bindings::types::Error;
use super::error::MessagingError;
use super::transport::MessageError;
use crate::told_quota::ToldQuota;

/// The reason why a guest's call was refused or failed.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The host has switched no transport on.
    NotSwitchedOn,
    /// The client has disconnected.
    Disconnected,
    /// No capability.
    Denied,
    /// A reason that the guest may read.
    Told(String),
    /// The transport has not accepted the message.
    Transport(MessageError),
    /// A mistake of the host's.
    Host(EnforceError),
}

impl From<EnforceError> for Refused {
    fn from(error: EnforceError) -> Self {
        match error {
            EnforceError::Capability(_) => Self::Denied,
            EnforceError::Quota(error) => Self::Told(ToldQuota(&error).to_string()),
            other => Self::Host(other),
        }
    }
}

impl From<Refused> for MessagingError {
    fn from(refused: Refused) -> Self {
        let error = match refused {
            Refused::NotSwitchedOn => {
                Error::PermissionDenied("the host has no transport of messages".to_owned())
            }
            Refused::Disconnected => Error::Connection("the client has disconnected".to_owned()),
            // The operator's patterns are not the guest's to read.
            Refused::Denied => {
                Error::PermissionDenied("no capability to send to the topic".to_owned())
            }
            Refused::Told(reason) => Error::Other(reason),
            Refused::Transport(error) => match error {
                MessageError::Timeout => Error::Timeout,
                MessageError::Connection(reason) => Error::Connection(reason.into()),
                MessageError::Denied(reason) => Error::PermissionDenied(reason.into()),
                other => Error::Other(other.to_string()),
            },
            Refused::Host(error) => return Self::trap(error),
        };
        error.into()
    }
}
