//! The decision on one request.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::error::Error;
use core::fmt;
use core::net::IpAddr;

use super::extent::Extent;
use super::pattern::Pattern;
use super::permission::Permission;
use super::resource::ResourceError;
use super::special_address::SpecialAddress;
use crate::escaped::{Escaped, quoted};

/// The decision on one request: the pattern that allows it, or the reason for the denial.
///
/// Borrows the request and the set. [`into_result`](Self::into_result) returns an error that can be
/// kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "an ignored decision denies nothing"]
pub struct Decision<'a> {
    permission: Permission,
    extent: Extent,
    resource: &'a str,
    result: Result<&'a Pattern, Refusal<'a>>,
}

impl<'a> Decision<'a> {
    pub(super) const fn new(
        permission: Permission,
        extent: Extent,
        resource: &'a str,
        result: Result<&'a Pattern, Refusal<'a>>,
    ) -> Self {
        Self { permission, extent, resource, result }
    }

    /// Returns whether the request is allowed.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.result.is_ok()
    }

    /// Returns the pattern that allows the request: the first of the set's own. Each restriction
    /// has one as well.
    #[must_use]
    pub fn rule(&self) -> Option<&'a Pattern> {
        self.result.ok()
    }

    /// Returns the reason for the denial.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.result.err().map(|refusal| refusal.denial)
    }

    /// Returns the name of the restriction that denies the request; `None` if the set's own
    /// patterns do, or if it is allowed.
    ///
    /// It is the first that denies it, in the order of
    /// [`restrictions`](crate::CapabilitySet::restrictions).
    #[must_use]
    pub fn denied_by(&self) -> Option<&'a str> {
        self.result.err()?.by.map(|name| &**name)
    }

    /// Returns the reason for the denial as a text, with the name of the restriction.
    #[must_use]
    pub fn reason(&self) -> Option<impl fmt::Display + use<'a>> {
        let refusal = self.result.err()?;
        Some(Reason { denial: refusal.denial, by: refusal.by, extent: self.extent })
    }

    /// Returns the requested permission.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.permission
    }

    /// Returns the resources that the question was about.
    #[must_use]
    pub const fn extent(&self) -> Extent {
        self.extent
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
        self.result.map_err(|refusal| CapabilityDenied::new(&self, refusal))
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { permission, extent, resource, result } = self;
        match result {
            Ok(pattern) => {
                let (of, resource) = (extent.preposition(), quoted(resource));
                let pattern = quoted(pattern.as_str());
                write!(f, "{permission} {of} `{resource}` allowed by `{pattern}`")
            }
            Err(Refusal { denial, by }) => {
                let reason = Reason { denial: *denial, by: *by, extent: *extent };
                show_denial(f, *permission, resource, reason)
            }
        }
    }
}

/// A denial, and the name of the restriction that it comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Refusal<'a> {
    denial: Denial,
    by: Option<&'a Arc<str>>,
}

impl<'a> Refusal<'a> {
    /// A denial by the set's own patterns.
    pub(super) const fn own(denial: Denial) -> Self {
        Self { denial, by: None }
    }

    /// A denial by a restriction.
    pub(super) const fn by(name: &'a Arc<str>, denial: Denial) -> Self {
        Self { denial, by: Some(name) }
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
    /// The question is about a name or an address, and the permission is of another domain.
    NotOfNetwork,
    /// The question is about a directory, and the permission is of another domain.
    NotOfPaths,
    /// The permission has no patterns.
    NothingGranted,
    /// The address is special, and no literal address or network of the operator covers it.
    Special {
        /// The address that was judged: the one inside, if an IPv6 address stands for it.
        address: IpAddr,
        /// Its purpose.
        purpose: SpecialAddress,
    },
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reason { denial: *self, by: None, extent: Extent::Itself }.fmt(f)
    }
}

/// The reason for a denial, in words.
struct Reason<'a> {
    denial: Denial,
    by: Option<&'a Arc<str>>,
    extent: Extent,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The name is a path and a table, of which the end says more.
        const MOST: usize = 256;
        let by = self.by.map(|name| Escaped::tail(name, MOST));
        match (self.denial, by) {
            (Denial::InvalidResource(error), _) => fmt::Display::fmt(&error, f),
            (Denial::NoMatch { patterns }, None) => {
                let verb = self.extent.verb();
                write!(f, "no granted pattern {verb} ({patterns} checked)")
            }
            (Denial::NoMatch { patterns }, Some(by)) => {
                let verb = self.extent.verb();
                write!(f, "no pattern of {by} {verb} ({patterns} checked)")
            }
            (Denial::NotOfNetwork, _) => f.write_str("the permission is not one of the network"),
            (Denial::NotOfPaths, _) => f.write_str("the permission is not one of paths"),
            (Denial::NothingGranted, None) => f.write_str("nothing is granted"),
            (Denial::NothingGranted, Some(by)) => write!(f, "nothing is granted by {by}"),
            (Denial::Special { address, purpose }, _) => write!(
                f,
                "{address} is {purpose}, and no address or CIDR of the operator's policy covers it"
            ),
        }
    }
}

/// A request that the component has no capability for.
///
/// Its text names the restriction that denies the request, such as the operator's file and table:
/// it is for the host, not for the guest.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CapabilityDenied {
    permission: Permission,
    extent: Extent,
    resource: Box<str>,
    reason: Denial,
    by: Option<Arc<str>>,
}

impl CapabilityDenied {
    /// The most bytes that are kept of a resource, which the guest writes.
    const MOST: usize = 1_024;

    fn new(decision: &Decision<'_>, refusal: Refusal<'_>) -> Self {
        let Decision { permission, extent, resource, .. } = *decision;
        let end = resource.floor_char_boundary(Self::MOST);
        let resource = Box::from(resource.get(..end).unwrap_or_default());
        Self { permission, extent, resource, reason: refusal.denial, by: refusal.by.cloned() }
    }

    /// Returns the requested permission.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.permission
    }

    /// Returns the resources that the question was about.
    #[must_use]
    pub const fn extent(&self) -> Extent {
        self.extent
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

    /// Returns the name of the restriction that denies the request; `None` if the set's own
    /// patterns do.
    #[must_use]
    pub fn denied_by(&self) -> Option<&str> {
        self.by.as_deref()
    }
}

impl fmt::Display for CapabilityDenied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = Reason { denial: self.reason, by: self.by.as_ref(), extent: self.extent };
        show_denial(f, self.permission, &self.resource, reason)
    }
}

impl Error for CapabilityDenied {}

fn show_denial(
    f: &mut fmt::Formatter<'_>,
    permission: Permission,
    resource: &str,
    reason: Reason<'_>,
) -> fmt::Result {
    let (of, resource) = (reason.extent.preposition(), quoted(resource));
    write!(f, "{permission} {of} `{resource}` denied: ")?;
    if let Denial::InvalidResource(_) = reason.denial {
        write!(f, "not {}, ", permission.domain().noun())?;
    }
    write!(f, "{reason}")
}
