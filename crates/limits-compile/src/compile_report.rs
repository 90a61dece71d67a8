//! The compilation of one component, in numbers.

use core::time::Duration;

use limits_wasmtime::Structure;

/// The place where a component was compiled.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "in this process or in another")]
pub enum CompileMode {
    /// In the process of the caller, without a budget.
    Inline,
    /// In a worker process, within a budget.
    Worker,
}

/// The part of the cache in a compilation.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a report shows each")]
pub enum CacheUse {
    /// The compiled code, or the verdict, came from the cache.
    Hit,
    /// The cache had neither, or could not be used.
    Miss,
    /// The compiler has no cache.
    Off,
}

/// The restrictions of a worker process that depend on the kernel. All others are promised: where
/// one of those cannot be set up, nothing is compiled.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the two that a kernel may lack")]
pub struct Confinement {
    /// The worker makes none but a few system calls.
    pub seccomp: bool,
    /// The worker opens no file, and from Linux 6.7 on no TCP connection either, even if the filter
    /// of system calls let it.
    pub landlock: bool,
}

/// The compilation of one component, in numbers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CompileReport {
    /// The place.
    pub mode: CompileMode,
    /// The part of the cache.
    pub cache: CacheUse,
    /// Wall-clock time, with waiting for a turn and for another process that compiles the same.
    pub time: Duration,
    /// CPU time of the worker; `None` without a worker.
    pub cpu_time: Option<Duration>,
    /// The most memory of the worker at one time, in bytes, as far as it was in use (resident);
    /// `None` without a worker.
    pub peak_memory: Option<u64>,
    /// The worker's restrictions; `None` without a worker.
    pub confinement: Option<Confinement>,
    /// The counts of the pre-pass.
    pub structure: Structure,
}
