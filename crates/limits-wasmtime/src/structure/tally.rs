//! The counts as they grow, each held against its limit at once.

use core::fmt;

use limits_core::{Rejection, StructureCount, StructureLimits, WasmError};
use wasmparser::{BinaryReader, BinaryReaderError};

use crate::error_text::escaped;
use crate::structure::COUNTS;

/// The reason why counting ended before its time.
#[derive(Debug)]
pub(super) enum Stop {
    /// The bytes cannot be read.
    Malformed(String),
    /// A count is past its limit.
    Rejected(Rejection),
}

impl From<BinaryReaderError> for Stop {
    fn from(error: BinaryReaderError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Stop> for WasmError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Malformed(error) => Self::InvalidComponent { reason: escaped(&error) },
            Stop::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

/// The part of a component that is being read. Parts are numbered in the order of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// The outermost component, or all of it.
    Whole,
    /// A nested component.
    Component(u32),
    /// A core module, and in it a function by its index, which counts imported ones.
    Module(u32, Option<u64>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Component(component) => write!(f, "nested component {component}"),
            Self::Module(module, None) => write!(f, "module {module}"),
            Self::Module(module, Some(function)) => {
                write!(f, "module {module}, function {function}")
            }
        }
    }
}

/// The counts so far, and their limits.
#[derive(Debug)]
pub(super) struct Tally<'l> {
    limits: &'l StructureLimits,
    counts: [u64; COUNTS],
    pub(super) place: Place,
}

impl<'l> Tally<'l> {
    pub(super) const fn new(limits: &'l StructureLimits) -> Self {
        Self { limits, counts: [0; COUNTS], place: Place::Whole }
    }

    /// Adds to a sum over the component.
    pub(super) fn add(&mut self, count: StructureCount, more: u64) -> Result<(), Rejection> {
        let sum = self.counts[count.index()].saturating_add(more);
        self.raise(count, sum)
    }

    /// Notes one value, of which the component's largest counts.
    pub(super) fn raise(&mut self, count: StructureCount, found: u64) -> Result<(), Rejection> {
        let largest = &mut self.counts[count.index()];
        *largest = found.max(*largest);
        let limit = self.limits.get(count);
        if found > limit {
            let place = self.place.to_string();
            return Err(Rejection::Structure { count, limit, found, place });
        }
        Ok(())
    }

    pub(super) const fn counts(&self) -> [u64; COUNTS] {
        self.counts
    }
}

/// Returns a length as the counts have it.
pub(super) fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Refuses bytes that are no such thing, before the place of a reader.
pub(super) fn malformed(reader: &BinaryReader<'_>, of: &str) -> Stop {
    Stop::Malformed(format!("invalid {of} (at offset {:#x})", reader.original_position()))
}
