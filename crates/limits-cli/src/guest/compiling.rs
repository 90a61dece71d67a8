//! The compiler of the command, and its words in reports.

use std::path::PathBuf;

use limits_compile::{
    Cache, CacheUse, CompileMode, CompileReport, Compiler, Confinement, WorkerProgram,
};
use limits_config::CompileSettings;
use limits_wasmtime::EngineSettings;

use crate::args::compile_args::{CompileArgs, CompileIn};
use crate::report::phases::{CompilePhase, Confined};
use crate::units::milliseconds;

/// The first and only argument of this command's own worker.
pub(crate) const WORKER: &str = "compile-worker";

/// The place, the bounds and the cache of compiling.
#[derive(Clone, Debug)]
pub(crate) struct Compiling {
    args: CompileArgs,
    settings: CompileSettings,
    cache: Option<Cache>,
}

impl Compiling {
    pub(crate) fn new(args: &CompileArgs, settings: &CompileSettings) -> Self {
        Self { args: args.clone(), settings: settings.clone(), cache: None }
    }

    pub(crate) fn with_cache(self, cache: Option<Cache>) -> Self {
        Self { cache, ..self }
    }

    /// Returns the compiler for engines with the settings `engine`.
    pub(crate) fn compiler(&self, engine: EngineSettings) -> Compiler {
        let compiler = match self.args.compile {
            CompileIn::Inline => Compiler::inline(),
            CompileIn::Worker => Compiler::worker(self.program(), engine),
        };
        let compiler =
            compiler.with_structure(self.settings.structure()).with_budget(self.settings.budget());
        match &self.cache {
            Some(cache) => compiler.with_cache(cache.clone()),
            None => compiler,
        }
    }

    fn program(&self) -> WorkerProgram {
        match &self.args.compile_worker {
            Some(program) => WorkerProgram::new(program),
            None => WorkerProgram::new(ourselves()).arg(WORKER),
        }
    }
}

/// Returns the path of this program, on Linux also of one whose file was replaced meanwhile.
fn ourselves() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    // Without it, the start of the worker fails and is reported.
    std::env::current_exe().unwrap_or_default()
}

impl From<&CompileReport> for CompilePhase {
    fn from(report: &CompileReport) -> Self {
        Self {
            ms: milliseconds(report.time),
            mode: match report.mode {
                CompileMode::Inline => "inline",
                CompileMode::Worker => "worker",
            },
            cache: match report.cache {
                CacheUse::Hit => "hit",
                CacheUse::Miss => "miss",
                CacheUse::Off => "off",
            },
            cpu_ms: report.cpu_time.map(milliseconds),
            peak_memory: report.peak_memory,
            confinement: report
                .confinement
                .map(|Confinement { seccomp, landlock }| Confined { seccomp, landlock }),
        }
    }
}
