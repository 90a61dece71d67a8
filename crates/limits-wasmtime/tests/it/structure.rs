//! The structure of components, counted before they are compiled.

mod greedy;
mod hostile;
mod instances;
mod limits;

use limits_wasmtime::Structure;
use limits_wasmtime::limits_core::{StructureCount, StructureLimits};

/// Limits that let everything through.
fn unlimited() -> StructureLimits {
    StructureCount::ALL
        .into_iter()
        .fold(StructureLimits::default(), |limits, count| limits.with(count, u64::MAX))
}

/// Counts the structure of a component's text, with a limit on one count alone.
fn under(text: &str, count: StructureCount, limit: u64) -> Result<Structure, String> {
    let bytes = wat::parse_str(text).unwrap();
    Structure::of(&bytes, &unlimited().with(count, limit)).map_err(|error| error.to_string())
}
