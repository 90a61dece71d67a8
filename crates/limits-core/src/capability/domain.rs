//! The domains of resources.

use core::fmt;

/// A kind of resource. Patterns of one domain never match in another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Domain {
    /// Files and folders, by absolute path: `/app/data/x`.
    Filesystem,
    /// Hosts and ports: `api.example.com:443`, `10.0.0.0/8:443`, `[2001:db8::1]:443`.
    Network,
    /// Keys of the host's storage: `cache:user:7`.
    Storage,
    /// Topics: `orders.eu.new`.
    Messaging,
}

impl Domain {
    /// Returns the name that `Component.toml` uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Network => "network",
            Self::Storage => "storage",
            Self::Messaging => "messaging",
        }
    }

    /// Returns the separator of segments; in the network domain, of a host name.
    #[must_use]
    pub const fn separator(self) -> char {
        match self {
            Self::Filesystem => '/',
            Self::Network | Self::Messaging => '.',
            Self::Storage => ':',
        }
    }

    /// Returns the noun for a resource of this domain in an error, with its article.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Filesystem => "a path",
            Self::Network => "an endpoint",
            Self::Storage => "a key",
            Self::Messaging => "a topic",
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
