//! A shortage of the host.

use alloc::string::String;
use core::fmt;

use crate::escaped::shown_reason;

/// A resource that a host can run out of while it serves a guest.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum HostResource {
    /// Memory, address space, or the number of mappings: systems report all three as `ENOMEM`.
    Memory,
    /// Threads or processes.
    Threads,
    /// File descriptors.
    Descriptors,
    /// Disk space.
    Disk,
}

impl HostResource {
    /// Returns the resource's name in an error.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory or address space",
            Self::Threads => "threads",
            Self::Descriptors => "file descriptors",
            Self::Disk => "disk space",
        }
    }
}

/// A shortage of a resource that an execution needed. Never the guest's fault.
///
/// `Display` [escapes](crate::Escaped) the reason.
///
/// ```
/// use limits_core::{HostResource, HostShortage};
///
/// let shortage = HostShortage::new(HostResource::Memory, "mmap failed to reserve 0x1000 bytes");
/// assert_eq!(
///     shortage.to_string(),
///     "the host ran out of memory or address space: mmap failed to reserve 0x1000 bytes",
/// );
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostShortage {
    resource: HostResource,
    reason: String,
}

impl HostShortage {
    /// Returns a shortage with the system's own message.
    #[must_use]
    pub fn new(resource: HostResource, reason: impl Into<String>) -> Self {
        Self { resource, reason: reason.into() }
    }

    /// Returns the resource.
    #[must_use]
    pub const fn resource(&self) -> HostResource {
        self.resource
    }

    /// Returns the system's own message, unescaped.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for HostShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = shown_reason(&self.reason);
        write!(f, "the host ran out of {}: {reason}", self.resource.name())
    }
}

impl core::error::Error for HostShortage {}
