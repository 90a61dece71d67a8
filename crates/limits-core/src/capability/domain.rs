//! The four kinds of things that a component may touch.

use core::fmt;

/// A kind of thing that a component may touch. Patterns of one domain never match in another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Domain {
    /// Files and folders, by absolute path: `/app/data/x`.
    Filesystem,
    /// Hosts and ports: `api.example.com:443`, `[2001:db8::1]:443`.
    Network,
    /// Keys of the host's storage: `cache:user:7`.
    Storage,
    /// Topics: `orders.eu.new`.
    Messaging,
}

impl Domain {
    /// Returns the name, as it stands in `Component.toml`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Network => "network",
            Self::Storage => "storage",
            Self::Messaging => "messaging",
        }
    }

    /// Returns what separates the segments of a name in this domain; in the network domain, of a
    /// host's name.
    #[must_use]
    pub const fn separator(self) -> char {
        match self {
            Self::Filesystem => '/',
            Self::Network | Self::Messaging => '.',
            Self::Storage => ':',
        }
    }

    /// Returns what a resource of this domain is called in an error, with its article.
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
