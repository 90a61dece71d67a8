//! The structure of a component, counted before anything expensive is done with it.
//!
//! # Invariants
//!
//! - I92: a component that passes has no count past its limit, and neither have its kept counts.
//! - I93: counting is not recursive: the stack that it takes does not depend on the bytes.
//! - I94: its steps and its memory are bounded by the bytes and the limits, also for bytes that no
//!   validation would let through.

mod body;
mod core_types;
mod definitions;
mod instances;
mod module;
mod pass;
mod shapes;
mod tally;
mod types;

use limits_core::{Rejection, StructureCount, StructureLimits, WasmError, WasmResult};

use crate::structure::instances::Instantiation;
use crate::structure::pass::Pass;
use crate::structure::tally::{Stop, Tally, size};

const COUNTS: usize = StructureCount::ALL.len();

/// The counts of one component's structure.
///
/// Compiling a component costs by them, and so does a store. [`of`](Self::of) reads the bytes
/// once, before any validation, and takes some tens of milliseconds for a component of 40 MB.
///
/// ```
/// use limits_wasmtime::Structure;
/// use limits_wasmtime::limits_core::{StructureCount, StructureLimits};
///
/// # let bytes = wat::parse_str("(component (core module (func)))")?;
/// let structure = Structure::of(&bytes, &StructureLimits::default())?;
/// assert_eq!(structure.get(StructureCount::Functions), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Structure {
    counts: [u64; COUNTS],
    code_bytes: u64,
}

impl Structure {
    /// Counts the structure of the component in `bytes`, and ends at the first count past its
    /// limit.
    ///
    /// The time is proportional to the bytes and to [`StructureCount::InstantiationSteps`], the
    /// memory is bounded by the limits. The bytes are not validated: names and indices that lead
    /// nowhere are left to the compiler to refuse.
    ///
    /// # Errors
    ///
    /// [`WasmError::Rejected`] with [`Rejection::Structure`] if there is more of something than
    /// `limits` allow, [`WasmError::InvalidComponent`] if the bytes cannot be read as a component.
    pub fn of(bytes: &[u8], limits: &StructureLimits) -> WasmResult<Self> {
        Self::count(bytes, limits).map_err(WasmError::from)
    }

    fn count(bytes: &[u8], limits: &StructureLimits) -> Result<Self, Stop> {
        let mut tally = Tally::new(limits);
        tally.raise(StructureCount::ComponentBytes, size(bytes.len()))?;
        is_component(bytes)?;
        let passed = Pass::new(bytes, &mut tally).run()?;
        Instantiation::of(&passed.definitions).count(&mut tally)?;
        Ok(Self { counts: tally.counts(), code_bytes: passed.code_bytes })
    }

    /// Checks the counts against other limits than those that they were made under. The place in
    /// an error is empty.
    ///
    /// # Errors
    ///
    /// [`WasmError::Rejected`] with [`Rejection::Structure`] for the first count, in the order of
    /// [`StructureCount::ALL`], past its limit.
    pub fn check(&self, limits: &StructureLimits) -> WasmResult<()> {
        for count in StructureCount::ALL {
            let (found, limit) = (self.get(count), limits.get(count));
            if found > limit {
                let place = String::new();
                return Err(WasmError::Rejected(Rejection::Structure {
                    count,
                    limit,
                    found,
                    place,
                }));
            }
        }
        Ok(())
    }

    /// Returns a count: the sum over the component, or the largest of its parts.
    #[must_use]
    pub fn get(&self, count: StructureCount) -> u64 {
        self.counts[count.index()]
    }

    /// Returns the bytes by which compiling costs: those of the component without custom sections
    /// and without the contents of data segments.
    #[must_use]
    pub const fn code_bytes(&self) -> u64 {
        self.code_bytes
    }

    /// Returns all counts in the order of [`StructureCount::ALL`], and after them
    /// [`code_bytes`](Self::code_bytes).
    #[must_use]
    pub fn to_counts(&self) -> Vec<u64> {
        self.counts.iter().copied().chain([self.code_bytes]).collect()
    }

    /// Returns the structure that [`to_counts`](Self::to_counts) wrote, or `None` if the number of
    /// counts is not this version's.
    #[must_use]
    pub fn from_counts(counts: &[u64]) -> Option<Self> {
        let (code_bytes, counts) = counts.split_last()?;
        Some(Self { counts: counts.try_into().ok()?, code_bytes: *code_bytes })
    }
}

/// Refuses text and core modules, with advice.
fn is_component(bytes: &[u8]) -> Result<(), Stop> {
    let reason = if !bytes.starts_with(b"\0asm") {
        "this is no binary component; turn component text into one with `wat::parse_bytes` or \
         `wasm-tools parse`"
    } else if bytes.starts_with(b"\0asm\x01\0\0\0") {
        "this is a core module, not a component; turn it into one with `wasm-tools component new`, \
         for a WASI preview 1 module with `--adapt` and the wasi_snapshot_preview1 adapter"
    } else {
        return Ok(());
    };
    Err(Stop::Malformed(String::from(reason)))
}
