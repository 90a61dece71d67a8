//! The words that host and worker exchange.

use core::time::Duration;

use limits_core::{
    CompileAllowance, CompileResource, HostResource, Rejection, StructureCount, StructureLimits,
    WasmError,
};
use limits_wasmtime::{AddressSpace, EngineSettings, Structure};
use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::source::Forms;
use crate::source::adapter::Adapted;
use crate::source::source_error::SourceError;

/// A request of the host. The source follows as the body of its frame.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Request {
    /// The process of the host, which the worker does not outlive.
    pub(crate) host: i32,
    pub(crate) task: Task,
    pub(crate) forms: Forms,
    /// The limits on the structure, in the order of [`StructureCount::ALL`].
    pub(crate) structure: Vec<u64>,
    pub(crate) allowance: Allowance,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Task {
    /// Make a binary component and count its structure.
    Translate,
    /// Compile it, too.
    Compile { engine: Engine, fingerprint: Fingerprint },
}

/// [`EngineSettings`] on the wire.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Engine {
    stack: usize,
    /// The largest memory of a tight engine.
    tight: Option<u64>,
}

/// [`CompileAllowance`] on the wire.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Allowance {
    pub(crate) cpu_ms: u64,
    pub(crate) memory_bytes: u64,
}

/// An answer of the worker.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Answer {
    /// It is restricted, and reads the source from now on.
    Ready {
        seccomp: bool,
        landlock: bool,
        /// Whether the system lets it have all memory of its allowance.
        has_memory: bool,
    },
    /// It could not restrict itself.
    Unrestricted {
        what: String,
        reason: String,
    },
    /// The component, as the body: the binary if it was translated, and the compiled code.
    Done(Done),
    Failed(Failed),
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Done {
    /// [`Structure::to_counts`].
    pub(crate) counts: Vec<u64>,
    pub(crate) adapted: Option<Adapted>,
    /// The bytes of the body that are the translated binary; the rest is the compiled code.
    pub(crate) translated: Option<u64>,
    pub(crate) used: Used,
}

/// The resources that the worker used, by its own word.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Used {
    pub(crate) cpu_us: u64,
    pub(crate) peak_memory: u64,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Failed {
    /// The structure has too much of something: of this name.
    Structure {
        key: String,
        limit: u64,
        found: u64,
        place: String,
    },
    /// The budget is spent.
    Cpu,
    Memory,
    /// The system refused memory: the budget is spent, or the host's own limit is lower.
    Refused,
    /// The compiler panicked.
    Panicked {
        reason: String,
    },
    /// The bytes are no valid component.
    Invalid {
        reason: String,
    },
    Source(SourceError),
    /// The engine has other settings than the host's.
    Engine,
    /// Anything else.
    Host {
        reason: String,
    },
}

impl From<EngineSettings> for Engine {
    fn from(settings: EngineSettings) -> Self {
        let tight = match settings.address_space {
            AddressSpace::Wide => None,
            AddressSpace::Tight { largest_memory } => Some(largest_memory),
        };
        Self { stack: settings.stack, tight }
    }
}

impl From<Engine> for EngineSettings {
    fn from(Engine { stack, tight }: Engine) -> Self {
        let address_space = tight
            .map_or(AddressSpace::Wide, |largest_memory| AddressSpace::Tight { largest_memory });
        Self { stack, address_space }
    }
}

impl From<CompileAllowance> for Allowance {
    fn from(allowance: CompileAllowance) -> Self {
        let cpu_ms = u64::try_from(allowance.cpu.as_millis()).unwrap_or(u64::MAX);
        Self { cpu_ms, memory_bytes: allowance.memory_bytes }
    }
}

impl Used {
    pub(crate) const fn cpu_time(self) -> Duration {
        Duration::from_micros(self.cpu_us)
    }
}

/// Returns limits in the order of [`StructureCount::ALL`].
pub(crate) fn limits_to_wire(limits: &StructureLimits) -> Vec<u64> {
    StructureCount::ALL.iter().map(|count| limits.get(*count)).collect()
}

/// Returns the limits of [`limits_to_wire`], or `None` if they are of another version.
pub(crate) fn limits_from_wire(limits: &[u64]) -> Option<StructureLimits> {
    if limits.len() != StructureCount::ALL.len() {
        return None;
    }
    let all = StructureCount::ALL.iter().zip(limits);
    Some(all.fold(StructureLimits::default(), |all, (count, limit)| all.with(*count, *limit)))
}

/// Returns the structure of an answer, if it is within the limits.
pub(crate) fn structure_from_wire(counts: &[u64], limits: &StructureLimits) -> Option<Structure> {
    Structure::from_counts(counts).filter(|structure| structure.check(limits).is_ok())
}

impl Failed {
    /// Returns the answer for an error of the pre-pass or the compiler.
    pub(crate) fn of(error: WasmError) -> Self {
        match error {
            WasmError::Rejected(Rejection::Structure { count, limit, found, place }) => {
                let key = String::from(count.key());
                Self::Structure { key, limit, found, place }
            }
            WasmError::InvalidComponent { reason } => Self::Invalid { reason },
            WasmError::HostExhausted(lack) if lack.resource() == HostResource::Memory => {
                Self::Refused
            }
            other => Self::Host { reason: other.to_string() },
        }
    }

    /// Returns the rejection of this answer under the host's own budget, if it is one.
    pub(crate) fn rejection(&self, allowance: &CompileAllowance) -> Option<Rejection> {
        Some(match self {
            Self::Structure { key, limit, found, place } => Rejection::Structure {
                count: *StructureCount::ALL.iter().find(|count| count.key() == key)?,
                limit: *limit,
                found: *found,
                place: place.clone(),
            },
            Self::Cpu => spent(CompileResource::CpuTime, allowance),
            Self::Memory => spent(CompileResource::Memory, allowance),
            Self::Panicked { reason } => Rejection::Crashed { reason: reason.clone() },
            Self::Refused
            | Self::Invalid { .. }
            | Self::Source(_)
            | Self::Engine
            | Self::Host { .. } => return None,
        })
    }
}

/// Returns the rejection of a component whose compilation spent its budget.
pub(crate) fn spent(resource: CompileResource, allowance: &CompileAllowance) -> Rejection {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let limit = match resource {
        CompileResource::WallTime => ms(allowance.wall),
        CompileResource::Memory => allowance.memory_bytes,
        _ => ms(allowance.cpu),
    };
    Rejection::Budget { resource, limit }
}
