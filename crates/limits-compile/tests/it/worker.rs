//! A worker compiles, within its budget.

use limits_compile::{Adapter, CacheUse, CompileMode, Compiler, Source, WorkerProgram};
use limits_core::{CompileBudget, CompileResource, Rejection, StructureCount, StructureLimits};
use limits_wasmtime::{ComponentExecutor, EngineBuilder};

use crate::{Subject, WORKER};

#[test]
fn a_component_is_compiled_by_a_worker() {
    let compiled = Subject::new().compile(b"(component (core module (func)))").unwrap();
    assert!(compiled.translated.unwrap().starts_with(b"\0asm"));
    let report = compiled.report;
    assert_eq!((report.mode, report.cache), (CompileMode::Worker, CacheUse::Off));
    assert!(report.confinement.unwrap().seccomp);
    assert!(report.peak_memory.unwrap() > 1 << 20);
    assert!(!report.cpu_time.unwrap().is_zero());
    assert_eq!(report.structure.get(StructureCount::ComponentInstances), 1);
}

#[test]
fn a_core_module_is_adapted_by_a_worker() {
    let module = b"(module (memory (export \"memory\") 1) (func (export \"_start\")))";
    let compiled = Subject::new().compile(module).unwrap();
    assert_eq!(compiled.adapted.unwrap().adapter(), Adapter::Command);
    let Subject { compiler, .. } = Subject::new();
    let source = Source::new(module).with_text().with_modules();
    let translated = compiler.translate("a", source).unwrap();
    assert_eq!(translated.adapted, compiled.adapted);
    assert_eq!(Some(translated.binary.into_owned()), compiled.translated);
}

#[test]
fn both_ways_of_compiling_make_the_same_errors() {
    let Subject { executor, compiler } = Subject::new();
    let few = StructureLimits::default().with(StructureCount::ComponentInstances, 1);
    for text in [
        "(component (core module (func (result i32))))",
        "(component (oops))",
        "(component (component $c) (instance (instantiate $c)))",
        "(module (memory i64 1))",
    ] {
        let source = Source::new(text.as_bytes()).with_text().with_modules();
        let error = |compiler: &Compiler| {
            let compiler = compiler.clone().with_structure(few);
            compiler.compile(&executor, "a", source).unwrap_err().to_string()
        };
        assert_eq!(error(&compiler), error(&Compiler::inline()), "{text}");
    }
}

#[test]
fn a_worker_with_another_engine_is_refused() {
    let builder = EngineBuilder::new().configure(|config| {
        config.wasm_tail_call(true);
    });
    let settings = builder.settings();
    let executor = ComponentExecutor::new(builder.build().unwrap()).unwrap();
    let compiler = Compiler::worker(WorkerProgram::new(WORKER), settings);
    let error = compiler.compile(&executor, "a", Source::new(b"(component)").with_text());
    assert_eq!(
        error.unwrap_err().to_string(),
        "compile worker: its engine has other settings than the host's: repeat \
         `EngineBuilder::configure` in a worker of your own (`Worker::new().engine(..).serve()`)"
    );
}

#[test]
fn a_component_that_is_data_for_the_most_part_is_compiled() {
    let data = "x".repeat(60 << 20);
    let text = format!("(component (core module (memory 1000) (data (i32.const 0) \"{data}\")))");
    let component = wat::parse_str(text).unwrap();
    // For a compiler that is not optimised, on a busy machine.
    let roomy = CompileBudget { cpu_ms: 60_000, ..CompileBudget::default() };
    let compiled = Subject::new().budget(roomy).compile(&component).unwrap();
    assert!(compiled.report.structure.code_bytes() < 100);
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

/// A compiler with this budget, whatever the size, and without a pre-pass that refuses anything.
fn subject(cpu_ms: u64, memory_bytes: u64) -> Subject {
    let budget = CompileBudget {
        cpu_ms,
        cpu_ms_per_mib: 0,
        memory_bytes,
        memory_bytes_per_mib: 0,
        ..CompileBudget::default()
    };
    let all = StructureCount::ALL.iter();
    let limits =
        all.fold(StructureLimits::default(), |limits, count| limits.with(*count, u64::MAX));
    let Subject { executor, compiler } = Subject::new().budget(budget);
    Subject { executor, compiler: compiler.with_structure(limits) }
}

#[test]
fn a_component_that_takes_too_long_or_too_much_memory_is_rejected() {
    let bomb = diamonds(40_000, 10_000);
    let spent = subject(100, 8 << 30).rejection(&bomb);
    // On a busy machine four times the CPU time passes first.
    let (cpu, wall) = (CompileResource::CpuTime, CompileResource::WallTime);
    assert!(
        [(cpu, 100), (wall, 400)]
            .into_iter()
            .any(|(resource, limit)| spent == Rejection::Budget { resource, limit }),
        "{spent}"
    );
    let (resource, limit) = (CompileResource::Memory, 64 << 20);
    assert_eq!(subject(60_000, 64 << 20).rejection(&bomb), Rejection::Budget { resource, limit });
    assert!(subject(60_000, 1 << 30).compile(&diamonds(400, 2_000)).is_ok());
}

/// It compiles in less time than passes between two looks of the watchdog.
#[test]
fn a_component_of_a_few_bytes_is_rejected_where_compiling_may_take_no_memory() {
    let refused = subject(60_000, 0).rejection(b"\0asm\x0d\0\x01\0");
    let (resource, limit) = (CompileResource::Memory, 0);
    assert_eq!(refused, Rejection::Budget { resource, limit });
}

#[test]
fn a_budget_grows_with_the_bytes_that_are_compiled_alone() {
    let bomb = diamonds(40_000, 10_000);
    let Subject { executor, compiler } = subject(0, 8 << 30);
    let budget = CompileBudget {
        cpu_ms: 100,
        cpu_ms_per_mib: 1_000,
        memory_bytes: 8 << 30,
        ..CompileBudget::default()
    };
    let subject = Subject { executor, compiler: compiler.with_budget(budget) };
    let code = subject
        .compiler
        .translate("a", Source::new(&bomb))
        .map(|translated| translated.structure.code_bytes())
        .unwrap();
    let cpu_ms = 100 + 1_000 * code / (1 << 20);
    match subject.rejection(&bomb) {
        Rejection::Budget { resource: CompileResource::CpuTime, limit } => {
            assert_eq!(limit, cpu_ms);
        }
        Rejection::Budget { resource: CompileResource::WallTime, limit } => {
            assert_eq!(limit, 4 * cpu_ms);
        }
        other => panic!("{other}"),
    }
}
