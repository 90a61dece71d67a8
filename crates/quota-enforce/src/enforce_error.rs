//! Errors of registries, handles and guards.

use core::convert::Infallible;
use core::time::Duration;

use limits_core::{
    CapabilityDenied, Escaped, PatternError, PeriodMismatch, PermissionError, QuotaError,
    QuotaResource, WasmError,
};
use thiserror::Error;

use crate::lessor::NotShared;

/// An error of a registry, a handle or a guard.
///
/// The first two variants are refusals, which the component may be told; the others are mistakes of
/// the host. It converts into [`WasmError`], where refusals are [`WasmError::Denied`] and
/// [`WasmError::Quota`] and everything else is [`WasmError::Host`], and into any error that can
/// hold another.
///
/// Its `Display` escapes hidden characters of ids and paths, and its `Debug` does not escape all of
/// them: show guests' texts with `Display`.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum EnforceError {
    /// No pattern allows the operation.
    #[error(transparent)]
    Capability(#[from] CapabilityDenied),
    /// A quota has not enough left.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// No component is registered under the id, or it was unregistered.
    #[error("component `{}` is not registered", shown(id))]
    NotRegistered {
        /// The id that was asked for.
        id: Box<str>,
    },
    /// A component is registered, or being registered, under the id; it stays as it is.
    #[error(
        "component `{}` is already registered: unregister it first, or use its handle (`lookup`)",
        shown(id)
    )]
    AlreadyRegistered {
        /// The id.
        id: Box<str>,
    },
    /// An id is empty, longer than 256 bytes, or has a [hidden character](limits_core::is_hidden).
    #[error(
        "`{}` is not a component id: expected 1 to 256 bytes without hidden characters",
        shown(id)
    )]
    InvalidId {
        /// The id.
        id: Box<str>,
    },
    /// The component's id cannot stand for `<id>` in one of its patterns.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A text is not a permission.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// A path is not UTF-8, so no pattern can match it.
    #[error("path `{}` is not UTF-8, so no pattern can match it", shown(resource))]
    ResourceNotText {
        /// The path, with U+FFFD in the place of bytes that are not UTF-8.
        resource: Box<str>,
    },
    /// The period of a quota cannot change while its component is registered.
    #[error(
        "the period of a quota is fixed while its component is registered: it counts per {:?}, not \
         per {:?}; unregister it and register it again",
        .0.current(),
        .0.requested()
    )]
    PeriodMismatch(PeriodMismatch),
    /// The period of a quota is too short for the clock that would count it. Windows open late by
    /// the clock's lag, so the component would get a small part of its rates.
    #[error(
        "a quota's period of {period:?} is too short for the registry's clock, which counts periods \
         of {shortest:?} and more: choose a longer one, or give the registry or its parent a clock \
         that is not behind, such as `SystemClock`"
    )]
    PeriodTooShort {
        /// The period, of the component or of the registry's parent.
        period: Duration,
        /// The [shortest period](limits_core::Clock::shortest_period) of the clock.
        shortest: Duration,
    },
    /// The registry's lessor cannot share the quota of the component, or that of the host.
    #[error(transparent)]
    NotShared(#[from] NotShared),
    /// A rate cannot be released: it comes back with time.
    #[error(
        "{} cannot be released, as a rate comes back with time: drop its grant instead",
        resource.name()
    )]
    NotReleasable {
        /// The rate.
        resource: QuotaResource,
    },
    /// A caller would have to wait outside a tokio runtime.
    #[cfg(feature = "wait")]
    #[error("waiting for a quota needs a tokio runtime with its timer enabled")]
    NoRuntime,
}

impl EnforceError {
    /// Returns the refusal of a quota, if the error is one.
    #[must_use]
    pub const fn as_quota(&self) -> Option<&QuotaError> {
        match self {
            Self::Quota(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the refusal of a capability, if the error is one.
    #[must_use]
    pub const fn as_capability(&self) -> Option<&CapabilityDenied> {
        match self {
            Self::Capability(denied) => Some(denied),
            _ => None,
        }
    }
}

fn shown(id: &str) -> Escaped<'_> {
    const MOST: usize = 64;
    Escaped::head(id, MOST)
}

// By hand: the fixed period is a part of this error's message, not its source.
impl From<PeriodMismatch> for EnforceError {
    fn from(fixed: PeriodMismatch) -> Self {
        Self::PeriodMismatch(fixed)
    }
}

impl From<Infallible> for EnforceError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<EnforceError> for WasmError {
    fn from(error: EnforceError) -> Self {
        match error {
            EnforceError::Quota(error) => error.into(),
            EnforceError::Capability(denied) => denied.into(),
            other => Self::host(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::EnforceError;
    use core::time::Duration;
    use limits_core::{
        CapabilitySet, Permission, QuotaError, QuotaResource, QuotaTracker, ResourceQuota,
        WasmError,
    };

    #[test]
    fn every_error_says_what_happened() {
        let id = || Box::from("a\n");
        let denied =
            CapabilitySet::new().check(Permission::FilesystemRead, "/x").into_result().unwrap_err();
        let tracker = QuotaTracker::new(ResourceQuota::new());
        let longer = ResourceQuota::new().with_reset_period(Duration::from_secs(2));
        let fixed = tracker.set_quota(longer).unwrap_err();
        let permission = "delete".parse::<Permission>().unwrap_err();
        for (error, text) in [
            (denied.into(), "filesystem.read of `/x` denied: nothing is granted"),
            (EnforceError::NotRegistered { id: id() }, "component `a\\n` is not registered"),
            (
                EnforceError::AlreadyRegistered { id: id() },
                "component `a\\n` is already registered: unregister it first, or use its handle (`lookup`)",
            ),
            (
                EnforceError::InvalidId { id: id() },
                "`a\\n` is not a component id: expected 1 to 256 bytes without hidden characters",
            ),
            (
                permission.into(),
                "`delete` is not a permission: storage is always qualified, write `storage.delete`",
            ),
            (
                EnforceError::ResourceNotText { resource: Box::from("/a\n") },
                "path `/a\\n` is not UTF-8, so no pattern can match it",
            ),
            (
                fixed.into(),
                "the period of a quota is fixed while its component is registered: it counts per 1s, not per 2s; unregister it and register it again",
            ),
            (
                EnforceError::PeriodTooShort {
                    period: Duration::from_millis(1),
                    shortest: Duration::from_millis(50),
                },
                "a quota's period of 1ms is too short for the registry's clock, which counts periods of 50ms and more: choose a longer one, or give the registry or its parent a clock that is not behind, such as `SystemClock`",
            ),
            (
                EnforceError::NotReleasable { resource: QuotaResource::MessageRate },
                "message rate cannot be released, as a rate comes back with time: drop its grant instead",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
        #[cfg(feature = "wait")]
        assert_eq!(
            EnforceError::NoRuntime.to_string(),
            "waiting for a quota needs a tokio runtime with its timer enabled"
        );
    }

    #[test]
    fn a_runtime_error_keeps_what_it_was() {
        let error = EnforceError::NotRegistered { id: Box::from("a") };
        let WasmError::Host(host) = WasmError::from(error.clone()) else { panic!("another kind") };
        assert_eq!(host.downcast_ref::<EnforceError>(), Some(&error));
    }

    #[test]
    fn what_is_refused_is_the_guests_fault_unless_others_used_it_up() {
        let denied =
            CapabilitySet::new().check(Permission::FilesystemRead, "/x").into_result().unwrap_err();
        let error = WasmError::from(EnforceError::from(denied));
        assert!(matches!(error, WasmError::Denied(_)) && error.is_guest_fault());
        let refused = QuotaError::new(QuotaResource::Storage, 2).with_request(1, 2);
        assert!(WasmError::from(EnforceError::from(refused)).is_guest_fault());
        assert!(!WasmError::from(EnforceError::from(refused.at_depth(1))).is_guest_fault());
        let mistake = EnforceError::NotRegistered { id: Box::from("a") };
        assert!(!WasmError::from(mistake).is_guest_fault());
    }
}
