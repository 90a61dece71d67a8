//! What the host ran short of.

use alloc::string::String;
use core::fmt;

/// Something that a host can run out of while it serves a guest.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum HostResource {
    /// Memory, address space, or the number of mappings: systems report all three as `ENOMEM`.
    Memory,
    /// Threads or processes.
    Threads,
    /// File descriptors.
    Descriptors,
    /// Room on a disk.
    Disk,
}

impl HostResource {
    /// Returns what the resource is called in an error.
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

/// The host ran short of something that an execution needed. Never the guest's fault.
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
    /// Records that the host ran short of `resource`, with the system's own words.
    #[must_use]
    pub fn new(resource: HostResource, reason: impl Into<String>) -> Self {
        Self { resource, reason: reason.into() }
    }

    /// Returns what the host ran short of.
    #[must_use]
    pub const fn resource(&self) -> HostResource {
        self.resource
    }

    /// Returns the system's own words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for HostShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host ran out of {}: {}", self.resource.name(), self.reason)
    }
}

impl core::error::Error for HostShortage {}
