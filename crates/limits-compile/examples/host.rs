//! A host for the tests: compiles a component that never ends compiling.

use std::path::PathBuf;

use limits_compile::{Compiler, Source, WorkerProgram};
use limits_core::CompileBudget;
use limits_wasmtime::{ComponentExecutor, EngineBuilder};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let provoke = std::env::current_exe()?.parent().map(|dir| dir.join("provoke"));
    let program = WorkerProgram::new(provoke.unwrap_or_else(PathBuf::new));
    let builder = EngineBuilder::new();
    let settings = builder.settings();
    let executor = ComponentExecutor::new(builder.build()?)?;
    let budget = CompileBudget { cpu_ms: 600_000, ..CompileBudget::default() };
    let compiler = Compiler::worker(program, settings).with_budget(budget);
    compiler.compile(&executor, "a", Source::new(b"sleep").with_text())?;
    Ok(())
}
