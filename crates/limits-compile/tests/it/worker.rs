//! A worker compiles, within its budget.

use limits_compile::{CacheUse, CompileError, Compiler, Source, WorkerProgram};
use limits_core::{CompileBudget, CompileResource, Rejection, WasmError};
use limits_wasmtime::{ComponentExecutor, EngineBuilder};

const WORKER: &str = env!("CARGO_BIN_EXE_limits-compile-worker");

fn compiler() -> (ComponentExecutor, Compiler) {
    let builder = EngineBuilder::new();
    let settings = builder.settings();
    let executor = ComponentExecutor::new(builder.build().unwrap()).unwrap();
    (executor, Compiler::worker(WorkerProgram::new(WORKER), settings))
}

#[test]
fn a_component_is_compiled_by_a_worker() {
    let (executor, compiler) = compiler();
    let source = Source::new(b"(component (core module (func)))").with_text();
    let compiled = compiler.compile(&executor, "a", source).unwrap();
    assert!(compiled.translated.unwrap().starts_with(b"\0asm"));
    let report = compiled.report;
    assert_eq!(report.cache, CacheUse::Off);
    assert!(report.confinement.unwrap().seccomp);
    assert!(report.peak_memory.unwrap() > 1 << 20);
}

/// Locals that are set in one branch of many diamonds: the compiler's work is their product.
fn diamonds(locals: usize, count: usize) -> Vec<u8> {
    let sets: String = (0..count)
        .map(|at| format!("(if (local.get 0) (then (local.set {} (i32.const 1))))", at % locals))
        .collect();
    let all = "i32 ".repeat(locals);
    let text = format!("(component (core module (func (param i32) (local {all}) {sets})))");
    wat::parse_str(text).unwrap()
}

#[test]
fn a_component_that_takes_too_long_is_rejected() {
    let (executor, compiler) = compiler();
    let bomb = diamonds(20_000, 10_000);
    let start = std::time::Instant::now();
    let error = compiler.compile(&executor, "a", Source::new(&bomb)).unwrap_err();
    eprintln!("{error} after {:?} {}", start.elapsed(), bomb.len());
    let CompileError::Wasm(WasmError::Rejected(Rejection::Budget { resource, limit })) = error
    else {
        panic!("{error}");
    };
    assert!(matches!(resource, CompileResource::CpuTime | CompileResource::Memory), "{limit}");
}

#[test]
fn a_component_that_takes_too_much_memory_is_rejected() {
    let (executor, compiler) = compiler();
    let budget =
        CompileBudget { cpu_ms: 60_000, memory_bytes: 64 << 20, ..CompileBudget::default() };
    let compiler = compiler.with_budget(budget);
    let bomb = diamonds(20_000, 5_000);
    let start = std::time::Instant::now();
    let error = compiler.compile(&executor, "a", Source::new(&bomb)).unwrap_err();
    eprintln!("{error} after {:?}", start.elapsed());
    assert!(matches!(
        error,
        CompileError::Wasm(WasmError::Rejected(Rejection::Budget {
            resource: CompileResource::Memory,
            ..
        }))
    ));
}
