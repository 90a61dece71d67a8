//! Compiling components, in this process or in a worker.

mod cached;

use core::time::Duration;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use limits_core::{CompileBudget, StructureCount, StructureLimits};
use limits_wasmtime::{ComponentExecutor, EngineSettings, Structure};
use wasmtime::component::Component;

use crate::artifact::Artifact;
use crate::cache::Cache;
use crate::compile_error::CompileError;
use crate::compile_report::{CacheUse, CompileMode, CompileReport};
use crate::fingerprint::Fingerprint;
use crate::process::{Answered, Job};
use crate::protocol::{Request, Task, limits_to_wire, structure_from_wire};
use crate::source::Source;
use crate::source::adapter::Adapted;
use crate::turns::Turns;
use crate::worker_failure::WorkerFailure;
use crate::worker_program::WorkerProgram;

/// The most bytes of compiled code, for each byte that is compiled and at least. Measured: up to 55
/// bytes for a byte of tiny functions.
const CODE_PER_BYTE: u64 = 64;
const LEAST_CODE: u64 = 16 * 1024 * 1024;
/// The same for each byte of the source, whatever it is: Wasmtime makes an image of data segments,
/// of up to twice their bytes.
const IMAGE_PER_BYTE: u64 = 2;
/// The bytes that adapting a core module adds, at most.
const ADAPTER_BYTES: u64 = 256 * 1024;

/// Compiles components: in this process, or in a worker process within a budget.
///
/// Cheap to clone; clones share the turns of the workers.
#[derive(Clone, Debug)]
pub struct Compiler {
    place: Place,
    structure: StructureLimits,
    budget: CompileBudget,
    cache: Option<Cache>,
    turns: Arc<Turns>,
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
        let budget = CompileBudget::default();
        Self {
            place,
            structure: StructureLimits::default(),
            budget,
            cache: None,
            turns: Turns::new(budget.workers),
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
    pub fn with_budget(mut self, budget: CompileBudget) -> Self {
        self.budget = budget;
        self.turns = Turns::new(budget.workers);
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
    /// `id` take turns. The limits on the structure are this compiler's, not the executor's.
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
        let mut compiled = match &self.cache {
            Some(cache) => self.compile_cached(cache, executor, id, source)?,
            None => self.make(executor, id, source)?.0,
        };
        compiled.report.time = start.elapsed();
        Ok(compiled)
    }

    const fn mode(&self) -> CompileMode {
        match self.place {
            Place::Inline => CompileMode::Inline,
            Place::Worker(_) => CompileMode::Worker,
        }
    }

    /// Compiles a component. Returns it with the worker's answer, if a worker compiled it.
    fn make(
        &self,
        executor: &ComponentExecutor,
        id: &str,
        source: Source<'_>,
    ) -> Result<(Compiled, Option<Made>), CompileError> {
        let engine = executor.engine();
        match &self.place {
            Place::Inline => Ok((self.compile_inline(executor, source)?, None)),
            Place::Worker(launch) => {
                let task = Task::Compile {
                    engine: launch.engine.into(),
                    fingerprint: Fingerprint::of(engine),
                };
                let made = self.ask(launch, id, source, task)?;
                let compiled = Compiled {
                    component: Artifact::of_worker(&made).load(engine)?,
                    translated: made.translated().map(<[u8]>::to_vec),
                    adapted: made.answered.done.adapted,
                    report: self.report(&made),
                };
                Ok((compiled, Some(made)))
            }
        }
    }

    fn compile_inline(
        &self,
        executor: &ComponentExecutor,
        source: Source<'_>,
    ) -> Result<Compiled, CompileError> {
        let binary = source.translate()?;
        let executor = executor.clone().with_structure_limits(self.structure);
        let structure = executor.check_structure(&binary.bytes)?;
        let component = executor.compile(&binary.bytes)?;
        let report = CompileReport {
            mode: CompileMode::Inline,
            cache: if self.cache.is_some() { CacheUse::Miss } else { CacheUse::Off },
            time: Duration::ZERO,
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
                let made = self.ask(launch, id, source, Task::Translate)?;
                let adapted = made.answered.done.adapted;
                let binary = Cow::Owned(made.translated().unwrap_or_default().to_vec());
                Ok(Translated { binary, adapted, structure: made.structure })
            }
            Place::Inline | Place::Worker(_) => {
                let binary = source.translate()?;
                let structure = Structure::of(&binary.bytes, &self.structure)?;
                Ok(Translated { binary: binary.bytes, adapted: binary.adapted, structure })
            }
        }
    }

    /// Has a worker do a task, in turn.
    fn ask(
        &self,
        launch: &Launch,
        id: &str,
        source: Source<'_>,
        task: Task,
    ) -> Result<Made, CompileError> {
        let is_translated = source.needs_translation();
        // The pre-pass is cheap for a binary, and saves a process. A source that is to be
        // translated is counted by the worker, since translating is not cheap.
        let code_bytes = if is_translated {
            source.code_bytes().saturating_add(ADAPTER_BYTES)
        } else {
            Structure::of(source.bytes(), &self.structure)?.code_bytes()
        };
        let allowance = self.budget.for_size(code_bytes);
        let image = length(source.bytes()).saturating_mul(IMAGE_PER_BYTE);
        let most_code = code_bytes.saturating_mul(CODE_PER_BYTE).saturating_add(LEAST_CODE);
        let most_translated = match is_translated {
            true => self.structure.get(StructureCount::ComponentBytes),
            false => 0,
        };
        let request = Request {
            host: i32::try_from(std::process::id()).unwrap_or(0),
            task,
            forms: source.forms(),
            structure: limits_to_wire(&self.structure),
            allowance: allowance.into(),
        };
        let job = Job {
            program: &launch.program,
            request,
            source: source.bytes(),
            allowance,
            most_body: most_code.saturating_add(image).saturating_add(most_translated),
        };
        let turn = self.turns.wait(id);
        let answered = job.run()?;
        drop(turn);
        Ok(Made::check(answered, is_translated, &self.structure)?)
    }

    fn report(&self, made: &Made) -> CompileReport {
        let used = made.answered.done.used;
        CompileReport {
            mode: CompileMode::Worker,
            cache: if self.cache.is_some() { CacheUse::Miss } else { CacheUse::Off },
            time: Duration::ZERO,
            cpu_time: Some(used.cpu_time()),
            peak_memory: Some(used.peak_memory),
            confinement: Some(made.answered.confinement),
            structure: made.structure.clone(),
        }
    }
}

/// A worker's answer that holds together.
#[derive(Debug)]
pub(crate) struct Made {
    answered: Answered,
    structure: Structure,
    /// The bytes of the body that are the translated binary.
    translated: Option<usize>,
}

impl Made {
    fn check(
        answered: Answered,
        is_translated: bool,
        limits: &StructureLimits,
    ) -> Result<Self, WorkerFailure> {
        let broken = |reason: &str| WorkerFailure::Protocol { reason: String::from(reason) };
        let done = &answered.done;
        let structure = structure_from_wire(&done.counts, limits)
            .ok_or_else(|| broken("its counts are not within the limits"))?;
        let translated =
            done.translated.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if translated.is_some() != is_translated
            || translated.is_some_and(|length| length > answered.body.len())
        {
            return Err(broken("its body is not of the length that it says"));
        }
        Ok(Self { answered, structure, translated })
    }

    fn translated(&self) -> Option<&[u8]> {
        self.translated.and_then(|length| self.answered.body.get(..length))
    }

    pub(crate) fn code(&self) -> &[u8] {
        self.answered.body.get(self.translated.unwrap_or(0)..).unwrap_or_default()
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
