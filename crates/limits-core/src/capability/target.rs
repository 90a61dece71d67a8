//! Targets: addresses that a guest wants to reach, and the names that they were resolved for.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::net::{IpAddr, SocketAddr};

use super::endpoint::{self, Endpoint};
use super::extent::Extent;
use super::judged_address::JudgedAddress;

/// The most names that a target is known as.
const MAX_NAMES: usize = 16;

/// An address and port that a guest wants to reach, and the names that the host resolved to the
/// address.
///
/// Its text is the address with the names, such as `93.184.216.34:443 (api.example.com)`.
///
/// ```
/// use limits_core::NetworkTarget;
///
/// let target = NetworkTarget::new("93.184.216.34:443".parse()?).known_as("API.example.com.");
/// assert_eq!(target.as_str(), "93.184.216.34:443 (api.example.com)");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct NetworkTarget {
    address: SocketAddr,
    has_port: bool,
    /// Host names in lower case, without a dot at the end.
    names: Vec<Box<str>>,
    text: String,
}

impl NetworkTarget {
    /// Returns a target without names. The scope and the flow of an IPv6 address are not asked of
    /// patterns.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let mut text = String::new();
        let _ = write!(text, "{address}");
        Self { address, has_port: true, names: Vec::new(), text }
    }

    /// Returns a target of an address with some port: of each list, a pattern of any port may match
    /// it. For answers of look-ups, whose port the guest has not said yet; never for a connection.
    #[must_use]
    pub fn at_some_port(address: IpAddr) -> Self {
        let mut text = String::new();
        let _ = write!(text, "{address}");
        Self { address: SocketAddr::new(address, 0), has_port: false, names: Vec::new(), text }
    }

    /// Adds a name that the host resolved to the address, once the guest was
    /// [allowed](crate::CapabilitySet::check_name) to look it up.
    ///
    /// A text that is not a host name is left out, and so is any name behind the first 16.
    #[must_use]
    pub fn known_as(mut self, name: &str) -> Self {
        let Some(name) = endpoint::host_name(name) else { return self };
        let is_known = self.names.iter().any(|known| **known == *name);
        if is_known || self.names.len() >= MAX_NAMES {
            return self;
        }
        let (before, end) = if self.names.is_empty() { (" (", "") } else { (", ", ")") };
        self.text.truncate(self.text.len() - end.len());
        let _ = write!(self.text, "{before}{name})");
        self.names.push(Box::from(&*name));
        self
    }

    /// Returns the address; its port is 0 if the target is [at some port](Self::at_some_port).
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn endpoint(&self) -> Endpoint<'static> {
        Endpoint::of_address(JudgedAddress::of(self.address.ip()), self.port())
    }

    /// Returns the target by each of its names.
    pub(super) fn named(&self) -> impl Iterator<Item = Endpoint<'_>> {
        self.names.iter().map(|name| Endpoint::of_host_name(name, self.port()))
    }

    pub(super) const fn extent(&self) -> Extent {
        if self.has_port { Extent::Itself } else { Extent::SomePort }
    }

    fn port(&self) -> Option<u16> {
        self.has_port.then(|| self.address.port())
    }
}

impl fmt::Display for NetworkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for NetworkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NetworkTarget").field(&self.text).finish()
    }
}
