//! A component that is not compiled, or whose compilation was ended.

use alloc::string::String;
use core::fmt;

use crate::escaped::shown_reason;
use crate::execution::structure::StructureCount;

/// The reason why a component was rejected before it ran.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rejection {
    /// The component has more of something than its limit allows.
    Structure {
        /// The count.
        count: StructureCount,
        /// The most that is allowed.
        limit: u64,
        /// The number found: the first past the limit, not always the whole.
        found: u64,
        /// The place in the component, such as `module 2, function 17`; empty for the whole.
        place: String,
    },
    /// Compiling took more than its budget.
    Budget {
        /// The spent resource.
        resource: CompileResource,
        /// The budget, in [`CompileResource::unit`]s.
        limit: u64,
    },
    /// The compiler crashed.
    Crashed {
        /// The end of its process or its panic.
        reason: String,
    },
}

/// A resource that compiling uses.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum CompileResource {
    /// CPU time of all threads together, in milliseconds.
    CpuTime,
    /// Time from start to end, in milliseconds.
    WallTime,
    /// Memory, in bytes.
    Memory,
    /// The compiled code with its tables, in bytes.
    Artifact,
}

impl CompileResource {
    /// Returns the resource's name in an error.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuTime => "CPU time",
            Self::WallTime => "time",
            Self::Memory => "memory",
            Self::Artifact => "compiled code",
        }
    }

    /// Returns the resource's unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::CpuTime | Self::WallTime => "ms",
            Self::Memory | Self::Artifact => "bytes",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure { count, limit, found, place } => {
                let key = count.key();
                write!(f, "it has {found} {count}, {key} is {limit}")?;
                if place.is_empty() { Ok(()) } else { write!(f, " ({})", shown_reason(place)) }
            }
            Self::Budget { resource, limit } => {
                let (name, unit) = (resource.name(), resource.unit());
                write!(f, "compiling it takes more than {limit} {unit} of {name}")
            }
            Self::Crashed { reason } => {
                write!(f, "compiling it failed: {}", shown_reason(reason))
            }
        }
    }
}
