//! The decision on one request.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;

use super::pattern::Pattern;
use super::permission::Permission;
use super::resource::ResourceError;
use crate::escaped::quoted;

/// The decision on one request: the pattern that allows it, or the reason for the denial.
///
/// Borrows the request. [`into_result`](Self::into_result) returns an error that can be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "an ignored decision denies nothing"]
pub struct Decision<'a> {
    permission: Permission,
    resource: &'a str,
    result: Result<&'a Pattern, Denial>,
}

impl<'a> Decision<'a> {
    pub(super) const fn new(
        permission: Permission,
        resource: &'a str,
        result: Result<&'a Pattern, Denial>,
    ) -> Self {
        Self { permission, resource, result }
    }

    /// Returns whether the request is allowed.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.result.is_ok()
    }

    /// Returns the pattern that allows the request.
    #[must_use]
    pub fn rule(&self) -> Option<&'a Pattern> {
        self.result.ok()
    }

    /// Returns the reason for the denial.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.result.err()
    }

    /// Returns the requested permission.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.permission
    }

    /// Returns the requested resource, as the component wrote it.
    #[must_use]
    pub const fn resource(&self) -> &'a str {
        self.resource
    }

    /// Returns the pattern, or an error that can be kept.
    ///
    /// # Errors
    ///
    /// [`CapabilityDenied`] if the request is denied.
    pub fn into_result(self) -> Result<&'a Pattern, CapabilityDenied> {
        let Self { permission, resource, result } = self;
        result.map_err(|reason| CapabilityDenied::new(permission, resource, reason))
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { permission, resource, result } = self;
        match result {
            Ok(pattern) => {
                let (resource, pattern) = (quoted(resource), quoted(pattern.as_str()));
                write!(f, "{permission} of `{resource}` allowed by `{pattern}`")
            }
            Err(reason) => show_denial(f, *permission, resource, *reason),
        }
    }
}

/// The reason for a denial.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Denial {
    /// The text is not a resource of the permission's domain.
    InvalidResource(ResourceError),
    /// No pattern of the permission matches.
    NoMatch {
        /// The number of patterns that the permission has.
        patterns: usize,
    },
    /// The permission has no patterns.
    NothingGranted,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidResource(error) => fmt::Display::fmt(error, f),
            Self::NoMatch { patterns } => {
                write!(f, "no granted pattern matches ({patterns} checked)")
            }
            Self::NothingGranted => f.write_str("nothing is granted"),
        }
    }
}

/// A request that the component has no capability for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CapabilityDenied {
    permission: Permission,
    resource: Box<str>,
    reason: Denial,
}

impl CapabilityDenied {
    /// The most bytes that are kept of a resource, which the guest writes.
    const MOST: usize = 1_024;

    fn new(permission: Permission, resource: &str, reason: Denial) -> Self {
        let end = resource.floor_char_boundary(Self::MOST);
        Self { permission, resource: Box::from(resource.get(..end).unwrap_or_default()), reason }
    }

    /// Returns the requested permission.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.permission
    }

    /// Returns the first 1 024 bytes of the requested resource, as the component wrote it.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Returns the reason for the denial.
    #[must_use]
    pub const fn reason(&self) -> Denial {
        self.reason
    }
}

impl fmt::Display for CapabilityDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_denial(f, self.permission, &self.resource, self.reason)
    }
}

impl Error for CapabilityDenied {}

fn show_denial(
    f: &mut fmt::Formatter<'_>,
    permission: Permission,
    resource: &str,
    reason: Denial,
) -> fmt::Result {
    let noun = permission.domain().noun();
    match reason {
        Denial::InvalidResource(error) => {
            write!(f, "{permission} of `{}` denied: not {noun}, {error}", quoted(resource))
        }
        reason => write!(f, "{permission} of `{}` denied: {reason}", quoted(resource)),
    }
}
