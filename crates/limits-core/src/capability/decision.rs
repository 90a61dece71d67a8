//! What a check says.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;

use super::pattern::Pattern;
use super::permission::Permission;
use super::resource::ResourceError;
use crate::escaped::quoted;

/// The result of a check: allowed by which pattern, or denied why.
///
/// Made without copying anything. [`into_result`](Self::into_result) makes an error that can be kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a decision that nobody looks at allows everything"]
pub struct Decision<'a> {
    permission: Permission,
    resource: &'a str,
    verdict: Result<&'a Pattern, Denial>,
}

impl<'a> Decision<'a> {
    pub(super) const fn new(
        permission: Permission,
        resource: &'a str,
        verdict: Result<&'a Pattern, Denial>,
    ) -> Self {
        Self { permission, resource, verdict }
    }

    /// Tells whether the component may.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.verdict.is_ok()
    }

    /// Returns the pattern that allowed it.
    #[must_use]
    pub fn rule(&self) -> Option<&'a Pattern> {
        self.verdict.ok()
    }

    /// Returns why it was denied.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.verdict.err()
    }

    /// Returns what was to be done.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.permission
    }

    /// Returns what it was to be done to, as it was asked for.
    #[must_use]
    pub const fn resource(&self) -> &'a str {
        self.resource
    }

    /// Returns the pattern, or an error that can be kept.
    ///
    /// # Errors
    ///
    /// [`CapabilityDenied`] if it was denied.
    pub fn into_result(self) -> Result<&'a Pattern, CapabilityDenied> {
        let Self { permission, resource, verdict } = self;
        verdict.map_err(|reason| CapabilityDenied::new(permission, resource, reason))
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { permission, resource, verdict } = self;
        match verdict {
            Ok(pattern) => {
                let (resource, pattern) = (quoted(resource), quoted(pattern.as_str()));
                write!(f, "{permission} of `{resource}` allowed by `{pattern}`")
            }
            Err(reason) => show_denial(f, *permission, resource, *reason),
        }
    }
}

/// Why nothing allowed it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Denial {
    /// The text names nothing in this domain.
    InvalidResource(ResourceError),
    /// No pattern matches.
    NoMatch {
        /// How many patterns the permission has.
        patterns: usize,
    },
    /// The permission has no patterns at all.
    NothingGranted,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidResource(error) => fmt::Display::fmt(error, f),
            Self::NoMatch { patterns: 1 } => f.write_str("its only pattern does not match"),
            Self::NoMatch { patterns } => write!(f, "none of {patterns} patterns matches"),
            Self::NothingGranted => f.write_str("nothing is granted"),
        }
    }
}

/// A component asked for something that it may not.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CapabilityDenied {
    permission: Permission,
    resource: Box<str>,
    reason: Denial,
}

impl CapabilityDenied {
    /// The most of a resource that is kept, in bytes: guests write them.
    const MOST: usize = 1_024;

    fn new(permission: Permission, resource: &str, reason: Denial) -> Self {
        let end = resource.floor_char_boundary(Self::MOST);
        Self { permission, resource: Box::from(resource.get(..end).unwrap_or_default()), reason }
    }

    /// Returns what was to be done.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.permission
    }

    /// Returns what it was to be done to, as it was asked for; at most the first 1 024 bytes.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Returns why nothing allowed it.
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
