//! Compiling components, in this process or in a worker.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use limits_core::{CompileBudget, StructureLimits};
use limits_wasmtime::{ComponentExecutor, EngineSettings, Structure};
use wasmtime::component::Component;

use crate::cache::Cache;
use crate::compile_error::CompileError;
use crate::compile_report::{CacheUse, CompileMode, CompileReport};
use crate::source::Source;
use crate::source::adapter::Adapted;
use crate::worker_failure::WorkerFailure;
use crate::worker_program::WorkerProgram;

/// Compiles components: in this process, or in a worker process within a budget.
///
/// Cheap to clone; clones share the turns of the workers.
#[derive(Clone, Debug)]
pub struct Compiler {
    place: Place,
    structure: StructureLimits,
    budget: CompileBudget,
    cache: Option<Cache>,
}

#[derive(Clone, Debug)]
enum Place {
    Inline,
    Worker(Arc<Launch>),
}

#[derive(Debug)]
struct Launch {
    program: WorkerProgram,
    engine: EngineSettings,
}

/// A compiled component.
#[derive(Debug)]
#[non_exhaustive]
pub struct Compiled {
    /// The component, ready to be linked.
    pub component: Component,
    /// The binary component, if the source was text or a core module.
    pub translated: Option<Vec<u8>>,
    /// The way in which a core module became a component, if the source is one.
    pub adapted: Option<Adapted>,
    /// The compilation in numbers.
    pub report: CompileReport,
}

/// A component in binary, counted and not compiled.
#[derive(Debug)]
#[non_exhaustive]
pub struct Translated<'a> {
    /// The component; borrowed if the source is a binary component already.
    pub binary: Cow<'a, [u8]>,
    /// The way in which a core module became a component, if the source is one.
    pub adapted: Option<Adapted>,
    /// The counts of the pre-pass.
    pub structure: Structure,
}

impl Compiler {
    /// Compiles in this process: after the pre-pass, without a budget of time or memory. For
    /// components whose authors are trusted.
    #[must_use]
    pub fn inline() -> Self {
        Self::at(Place::Inline)
    }

    /// Compiles in worker processes, each for one component. The worker builds its engine by
    /// `engine`, the settings of the host's [`EngineBuilder`](limits_wasmtime::EngineBuilder).
    #[must_use]
    pub fn worker(program: WorkerProgram, engine: EngineSettings) -> Self {
        Self::at(Place::Worker(Arc::new(Launch { program, engine })))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            structure: StructureLimits::default(),
            budget: CompileBudget::default(),
            cache: None,
        }
    }

    /// Sets the limits on a component's structure.
    #[must_use]
    pub const fn with_structure(mut self, limits: StructureLimits) -> Self {
        self.structure = limits;
        self
    }

    /// Sets the budget of one compilation in a worker, and the number of workers at one time.
    #[must_use]
    pub const fn with_budget(mut self, budget: CompileBudget) -> Self {
        self.budget = budget;
        self
    }

    /// Keeps compiled components in a cache, and takes them from there.
    #[must_use]
    pub fn with_cache(mut self, cache: Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Compiles a component for the engine of `executor`.
    ///
    /// Blocks the thread until the component is compiled or refused; on a thread of an
    /// asynchronous runtime, use one that may block. Where all workers are busy, the components
    /// `id` take turns.
    ///
    /// # Errors
    ///
    /// A [`CompileError`]: the component is rejected or invalid, or the host must act.
    pub fn compile(
        &self,
        executor: &ComponentExecutor,
        id: &str,
        source: Source<'_>,
    ) -> Result<Compiled, CompileError> {
        let start = Instant::now();
        match &self.place {
            Place::Inline => self.compile_inline(executor, source, start),
            Place::Worker(launch) => {
                let _ = (id, &launch.engine);
                Err(not_yet(&launch.program))
            }
        }
    }

    fn compile_inline(
        &self,
        executor: &ComponentExecutor,
        source: Source<'_>,
        start: Instant,
    ) -> Result<Compiled, CompileError> {
        let binary = source.translate()?;
        let executor = executor.clone().with_structure_limits(self.structure);
        let structure = executor.check_structure(&binary.bytes)?;
        let component = executor.compile(&binary.bytes)?;
        let report = CompileReport {
            mode: CompileMode::Inline,
            cache: if self.cache.is_some() { CacheUse::Miss } else { CacheUse::Off },
            time: start.elapsed(),
            cpu_time: None,
            peak_memory: None,
            confinement: None,
            structure,
        };
        let translated = match binary.bytes {
            Cow::Owned(bytes) => Some(bytes),
            Cow::Borrowed(_) => None,
        };
        Ok(Compiled { component, translated, adapted: binary.adapted, report })
    }

    /// Makes a binary component of a source and counts its structure, without compiling it.
    ///
    /// Blocks as [`compile`](Self::compile) does.
    ///
    /// # Errors
    ///
    /// A [`CompileError`]: the component is rejected or invalid, or the host must act.
    pub fn translate<'a>(
        &self,
        id: &str,
        source: Source<'a>,
    ) -> Result<Translated<'a>, CompileError> {
        match &self.place {
            Place::Worker(launch) if source.needs_translation() => {
                let _ = id;
                Err(not_yet(&launch.program))
            }
            Place::Inline | Place::Worker(_) => {
                let binary = source.translate()?;
                let structure = Structure::of(&binary.bytes, &self.structure)?;
                Ok(Translated { binary: binary.bytes, adapted: binary.adapted, structure })
            }
        }
    }
}

fn not_yet(program: &WorkerProgram) -> CompileError {
    let program = program.path().display().to_string();
    let reason = String::from("workers are to come");
    CompileError::Worker(WorkerFailure::Start { program, reason })
}
