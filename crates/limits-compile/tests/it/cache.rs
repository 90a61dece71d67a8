//! The cache, with real compilers.

use core::time::Duration;
use std::fs;
use std::path::PathBuf;

use limits_compile::{
    Adapter, Cache, CacheEntry, CacheUse, CompileError, Compiled, Compiler, Held, Source,
    WorkerProgram,
};
use limits_core::{CompileBudget, Rejection, StructureCount, StructureLimits, WasmError};
use limits_wasmtime::{ComponentExecutor, EngineBuilder};
use tempfile::TempDir;

use crate::WORKER;

const PROGRAM: &str = "(module (memory (export \"memory\") 1) (func (export \"_start\")))";

/// A cache in a folder of its own.
struct Home {
    dir: TempDir,
    cache: Cache,
    executor: ComponentExecutor,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (entries, key) = (dir.path().join("cache"), dir.path().join("state/key"));
        let cache = Cache::open(&entries, &key, Cache::DEFAULT_MAX_BYTES).unwrap();
        let executor = ComponentExecutor::new(EngineBuilder::new().build().unwrap()).unwrap();
        Self { dir, cache, executor }
    }

    fn worker(&self, program: &str) -> Compiler {
        // For a compiler that is not optimised, on a busy machine.
        let roomy = CompileBudget { cpu_ms: 60_000, ..CompileBudget::default() };
        Compiler::worker(WorkerProgram::new(program), EngineBuilder::new().settings())
            .with_budget(roomy)
            .with_cache(self.cache.clone())
    }

    /// A compiler that can take from the cache alone.
    fn without_worker(&self) -> Compiler {
        self.worker("/nonexistent")
    }

    fn compile(&self, compiler: &Compiler, source: Source<'_>) -> Result<Compiled, CompileError> {
        compiler.compile(&self.executor, "a", source)
    }

    fn entry(&self) -> PathBuf {
        let mut files = fs::read_dir(self.dir.path().join("cache")).unwrap();
        let entry = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        entry
    }

    fn entries(&self) -> Vec<CacheEntry> {
        self.cache.entries().unwrap()
    }
}

/// A component with so many functions that its code is kept in a file in memory.
fn large() -> Vec<u8> {
    let functions: String =
        (0..6_000).map(|at| format!("(func (result i32) (i32.const {at}))")).collect();
    wat::parse_str(format!("(component (core module {functions}))")).unwrap()
}

#[test]
fn what_a_worker_compiled_is_taken_from_the_cache_byte_for_byte() {
    let binary = wat::parse_str("(component (core module (func)))").unwrap();
    let (large, module) = (large(), wat::parse_str(PROGRAM).unwrap());
    let sources = [
        (Source::new(&binary), Held::Component),
        (Source::new(&large), Held::Component),
        (Source::new(b"(component (core module (func)))").with_text(), Held::Translated),
        (Source::new(&module).with_modules(), Held::Translated),
    ];
    for (source, holds) in sources {
        let home = Home::new();
        let made = home.compile(&home.worker(WORKER), source).unwrap();
        assert_eq!(made.report.cache, CacheUse::Miss);
        let kept = home.compile(&home.without_worker(), source).unwrap();
        assert_eq!(kept.report.cache, CacheUse::Hit);
        assert_eq!(kept.component.serialize().unwrap(), made.component.serialize().unwrap());
        assert_eq!((&kept.translated, kept.adapted), (&made.translated, made.adapted));
        assert_eq!(kept.translated.is_some(), holds == Held::Translated);
        assert_eq!(kept.report.structure, made.report.structure);
        let entries = home.entries();
        assert_eq!((entries.len(), entries[0].holds), (1, holds));
        assert!(entries[0].bytes > 1_000);
    }
}

#[test]
fn the_adapter_of_a_module_is_told_again() {
    let home = Home::new();
    let module = wat::parse_str(PROGRAM).unwrap();
    let inline = Compiler::inline().with_cache(home.cache.clone());
    for cache in [CacheUse::Miss, CacheUse::Hit] {
        let compiled = home.compile(&inline, Source::new(&module).with_modules()).unwrap();
        assert_eq!(compiled.report.cache, cache);
        assert_eq!(compiled.adapted.unwrap().adapter(), Adapter::Command);
    }
    // The code of a worker is another entry.
    assert!(home.compile(&home.without_worker(), Source::new(&module).with_modules()).is_err());
}

#[test]
fn a_refusal_is_met_again_without_a_worker_until_the_limits_change() {
    let home = Home::new();
    let invalid = wat::parse_str("(component (core module (func (result i32))))").unwrap();
    let source = Source::new(&invalid);
    let first = home.compile(&home.worker(WORKER), source).unwrap_err();
    assert!(matches!(first, CompileError::Wasm(WasmError::InvalidComponent { .. })), "{first}");
    let again = home.compile(&home.without_worker(), source).unwrap_err();
    assert_eq!(again.to_string(), first.to_string());
    assert_eq!(home.entries()[0].holds, Held::Verdict);
    let limits = StructureLimits::default().with(StructureCount::Functions, 7);
    let other = home.compile(&home.without_worker().with_structure(limits), source).unwrap_err();
    assert!(matches!(other, CompileError::Worker(_)), "it was to be compiled: {other}");
}

#[test]
fn a_kept_component_meets_limits_that_were_lowered() {
    let home = Home::new();
    let large = large();
    home.compile(&home.worker(WORKER), Source::new(&large)).unwrap();
    let limits = StructureLimits::default().with(StructureCount::Functions, 5_999);
    let error = home
        .compile(&home.without_worker().with_structure(limits), Source::new(&large))
        .unwrap_err();
    assert!(
        matches!(error, CompileError::Wasm(WasmError::Rejected(Rejection::Structure { .. }))),
        "{error}"
    );
    assert!(home.compile(&home.without_worker(), Source::new(&large)).is_ok());
}

// I27: the next one may have more.
#[test]
fn a_spent_budget_is_not_remembered() {
    let home = Home::new();
    let large = large();
    let none = CompileBudget { cpu_ms: 1, cpu_ms_per_mib: 0, ..CompileBudget::default() };
    let worker = home.worker(WORKER);
    let error = home.compile(&worker.clone().with_budget(none), Source::new(&large)).unwrap_err();
    assert!(
        matches!(error, CompileError::Wasm(WasmError::Rejected(Rejection::Budget { .. }))),
        "{error}"
    );
    assert_eq!(home.entries(), []);
    assert!(home.compile(&worker, Source::new(&large)).is_ok());
}

// I28.
#[test]
fn a_damaged_entry_and_a_lost_directory_cost_a_compilation() {
    let home = Home::new();
    let (worker, large) = (home.worker(WORKER), large());
    let source = Source::new(&large);
    let cache = |worker| home.compile(worker, source).unwrap().report.cache;
    assert_eq!([cache(&worker), cache(&worker)], [CacheUse::Miss, CacheUse::Hit]);
    let mut bytes = fs::read(home.entry()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(home.entry(), &bytes).unwrap();
    assert_eq!([cache(&worker), cache(&worker)], [CacheUse::Miss, CacheUse::Hit]);
    fs::remove_dir_all(home.dir.path().join("cache")).unwrap();
    assert_eq!([cache(&worker), cache(&worker)], [CacheUse::Miss, CacheUse::Miss]);
}

#[test]
fn threads_that_want_one_component_compile_it_once() {
    let home = Home::new();
    let (worker, large) = (home.worker(WORKER), large());
    let parts: Vec<CacheUse> = std::thread::scope(|scope| {
        let compile = || home.compile(&worker, Source::new(&large)).unwrap().report.cache;
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(compile)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(parts.iter().filter(|part| **part == CacheUse::Miss).count(), 1, "{parts:?}");
}

#[test]
fn entries_are_listed_the_last_used_first_and_cleared() {
    let home = Home::new();
    let inline = Compiler::inline().with_cache(home.cache.clone());
    for text in ["(component)", "(component (core module))", "(component (component))"] {
        home.compile(&inline, Source::new(text.as_bytes()).with_text()).unwrap();
    }
    let oldest = home.entries().last().unwrap().key.clone();
    let file = home.dir.path().join(format!("cache/{oldest}.entry"));
    let file = fs::File::options().write(true).open(file).unwrap();
    file.set_modified(home.entries()[0].used + Duration::from_secs(5)).unwrap();
    assert_eq!(home.entries()[0].key, oldest);
    fs::write(home.dir.path().join("cache/notes.txt"), "mine").unwrap();
    fs::write(home.dir.path().join(format!("cache/{}.entry", "ab".repeat(32))), "evil").unwrap();
    assert_eq!(home.entries().iter().filter(|entry| entry.holds == Held::Foreign).count(), 1);
    assert_eq!(home.cache.clear().unwrap().entries, 4);
    assert_eq!(home.entries(), []);
    assert!(home.dir.path().join("cache/notes.txt").exists());
}
