//! Why something was not done for a component.

use core::error::Error;
use core::fmt;
use core::time::Duration;

use limits_core::{
    CapabilityDenied, Escaped, PatternError, PeriodMismatch, PermissionError, QuotaError,
    QuotaResource, WasmError,
};

/// Why something was not done for a component.
///
/// The first two variants are refusals, which the component can be told; the others are mistakes of
/// the host. Converts into [`WasmError`], where refusals are [`WasmError::Denied`] and
/// [`WasmError::Quota`] and everything else is [`WasmError::Host`], and into anything that can hold an
/// error.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EnforceError {
    /// No pattern allows it.
    Capability(CapabilityDenied),
    /// A quota has not enough left.
    Quota(QuotaError),
    /// There is no such component, or no longer.
    NotRegistered {
        /// The id that was asked for.
        id: Box<str>,
    },
    /// There is such a component already, and it stays as it is.
    AlreadyRegistered {
        /// The id.
        id: Box<str>,
    },
    /// An id is empty, longer than 256 bytes, or has a control character.
    InvalidId {
        /// The id.
        id: Box<str>,
    },
    /// The component's id cannot stand for `<id>` in one of its patterns.
    Pattern(PatternError),
    /// A text is no permission.
    Permission(PermissionError),
    /// A path is not UTF-8, and so no name of a resource: no pattern can match it.
    ResourceNotText {
        /// The path, with U+FFFD in the place of what is no text.
        resource: Box<str>,
    },
    /// A quota's period cannot change while its component is registered.
    PeriodMismatch(PeriodMismatch),
    /// A quota's period is too short for the clock that would count it: windows open late by as much as
    /// the clock is behind, and the component would get a small part of its rates.
    PeriodTooShort {
        /// The period, of the component or of the registry's parent.
        period: Duration,
        /// The [shortest](limits_core::Clock::shortest_period) that the clock is for.
        shortest: Duration,
    },
    /// A rate cannot be given back: it comes back with time.
    NotReleasable {
        /// The rate.
        resource: QuotaResource,
    },
}

impl EnforceError {
    /// Returns the quota's refusal, if this is one.
    #[must_use]
    pub const fn as_quota(&self) -> Option<&QuotaError> {
        match self {
            Self::Quota(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the capability's refusal, if this is one.
    #[must_use]
    pub const fn as_capability(&self) -> Option<&CapabilityDenied> {
        match self {
            Self::Capability(denied) => Some(denied),
            _ => None,
        }
    }
}

impl fmt::Display for EnforceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capability(denied) => fmt::Display::fmt(denied, f),
            Self::Quota(error) => fmt::Display::fmt(error, f),
            Self::NotRegistered { id } => {
                write!(f, "component `{}` is not registered", shown(id))
            }
            Self::AlreadyRegistered { id } => {
                write!(
                    f,
                    "component `{}` is already registered: unregister it first, or use its handle \
                     (`lookup`)",
                    shown(id)
                )
            }
            Self::InvalidId { id } => write!(
                f,
                "`{}` is not a component id: expected 1 to 256 bytes without control characters",
                shown(id)
            ),
            Self::Pattern(error) => fmt::Display::fmt(error, f),
            Self::Permission(error) => fmt::Display::fmt(error, f),
            Self::ResourceNotText { resource } => {
                write!(f, "path `{}` is not UTF-8, so no pattern can match it", shown(resource))
            }
            Self::PeriodMismatch(fixed) => write!(
                f,
                "the period of a quota is fixed while its component is registered: it counts per \
                 {:?}, not per {:?}; unregister it and register it again",
                fixed.current(),
                fixed.requested()
            ),
            Self::PeriodTooShort { period, shortest } => write!(
                f,
                "a quota's period of {period:?} is too short for the registry's clock, which counts \
                 periods of {shortest:?} and more: choose a longer one, or give the registry or its \
                 parent a clock that is not behind, such as `SystemClock`"
            ),
            Self::NotReleasable { resource } => {
                write!(
                    f,
                    "{} cannot be released, as a rate comes back with time: drop its grant instead",
                    resource.name()
                )
            }
        }
    }
}

fn shown(id: &str) -> Escaped<'_> {
    const MOST: usize = 64;
    Escaped::head(id, MOST)
}

impl Error for EnforceError {}

impl From<CapabilityDenied> for EnforceError {
    fn from(denied: CapabilityDenied) -> Self {
        Self::Capability(denied)
    }
}

impl From<QuotaError> for EnforceError {
    fn from(error: QuotaError) -> Self {
        Self::Quota(error)
    }
}

impl From<PatternError> for EnforceError {
    fn from(error: PatternError) -> Self {
        Self::Pattern(error)
    }
}

impl From<PermissionError> for EnforceError {
    fn from(error: PermissionError) -> Self {
        Self::Permission(error)
    }
}

impl From<PeriodMismatch> for EnforceError {
    fn from(fixed: PeriodMismatch) -> Self {
        Self::PeriodMismatch(fixed)
    }
}

impl From<core::convert::Infallible> for EnforceError {
    fn from(never: core::convert::Infallible) -> Self {
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
                "`a\\n` is not a component id: expected 1 to 256 bytes without control characters",
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
