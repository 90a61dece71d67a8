//! Refusals of guests' calls.

use limits_core::Permission;
use quota_enforce::{ComponentHandle, EnforceError};

use super::bindings::store::Error;
use super::error::KeyValueError;
use super::store_error::KeyValueStoreError;
use crate::told_quota::ToldQuota;

/// The reason why a guest's call was refused or failed.
#[derive(Debug)]
pub(crate) enum Refused {
    /// No capability, or no store.
    Denied,
    /// A reason that the guest may read.
    Told(String),
    /// There is no such bucket.
    NoSuchStore,
    /// A mistake of the host's.
    Host(EnforceError),
}

impl Refused {
    pub(crate) fn told(reason: impl Into<String>) -> Self {
        Self::Told(reason.into())
    }

    pub(crate) fn store_failed() -> Self {
        Self::told("the host's store failed")
    }
}

/// Decides on one key, by the capabilities that the component has now.
pub(crate) fn check(
    component: &ComponentHandle,
    permission: Permission,
    resource: &str,
) -> Result<(), Refused> {
    component.check(permission, resource).map_err(Refused::from)
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

impl From<KeyValueStoreError> for Refused {
    /// The error may show paths of the host: it is for the host's log.
    fn from(error: KeyValueStoreError) -> Self {
        tracing::debug!(%error, "a store of keys and values failed");
        Self::store_failed()
    }
}

impl From<Refused> for KeyValueError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Denied => Error::AccessDenied.into(),
            Refused::NoSuchStore => Error::NoSuchStore.into(),
            Refused::Told(reason) => Error::Other(reason).into(),
            Refused::Host(error) => Self::trap(error),
        }
    }
}
