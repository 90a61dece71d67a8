//! Compiling with a real worker.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cache;
mod confinement;
mod host;
mod misbehaving;
mod worker;

use std::path::PathBuf;

use limits_compile::{CompileError, Compiled, Compiler, Source, WorkerProgram};
use limits_core::{CompileBudget, Rejection, WasmError};
use limits_wasmtime::{ComponentExecutor, EngineBuilder};

const WORKER: &str = env!("CARGO_BIN_EXE_limits-compile-worker");

/// A compiler with a worker, and the executor that it compiles for.
struct Subject {
    executor: ComponentExecutor,
    compiler: Compiler,
}

impl Subject {
    fn new() -> Self {
        Self::with(WorkerProgram::new(WORKER))
    }

    fn with(program: WorkerProgram) -> Self {
        let builder = EngineBuilder::new();
        let settings = builder.settings();
        let executor = ComponentExecutor::new(builder.build().unwrap()).unwrap();
        Self { executor, compiler: Compiler::worker(program, settings) }
    }

    fn budget(self, budget: CompileBudget) -> Self {
        Self { compiler: self.compiler.with_budget(budget), ..self }
    }

    fn compile(&self, source: &[u8]) -> Result<Compiled, CompileError> {
        self.compiler.compile(&self.executor, "a", Source::new(source).with_text().with_modules())
    }

    fn rejection(&self, source: &[u8]) -> Rejection {
        match self.compile(source) {
            Err(CompileError::Wasm(WasmError::Rejected(rejection))) => rejection,
            other => panic!("{other:?}"),
        }
    }
}

/// Returns the path of an example of this crate.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(std::path::Path::parent).unwrap();
    profile.join("examples").join(name)
}
