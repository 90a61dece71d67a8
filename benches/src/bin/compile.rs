//! The time of compiling in a worker, beside that in this process, and the end of bombs.
//!
//! `cargo run --release -p limits-benches --bin compile [COMPONENT]...` prints the figures of
//! `docs/limits.md`; the components are files in binary.

use core::error::Error;
use core::time::Duration;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Target};
use limits_compile::{CompileError, Compiler, Source, WorkerProgram};
use limits_core::{CompileBudget, StructureCount, StructureLimits};
use limits_wasmtime::{ComponentExecutor, EngineBuilder};

const WORKER: &str = "compile-worker";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if std::env::args().nth(1).is_some_and(|argument| argument == WORKER) {
        return Ok(limits_compile::serve());
    }
    let options = Options::from_env();
    let mut report = Report::new(options.clone());
    let runs = options.rounds(9);
    let mut components = vec![("1 KiB".to_owned(), wat::parse_str(small())?)];
    for path in &options.rest {
        components.push((path.clone(), fs::read(path)?));
    }
    let builder = EngineBuilder::new();
    let settings = builder.settings();
    let executor = ComponentExecutor::new(builder.build()?)?;
    let worker = Compiler::worker(WorkerProgram::new("/proc/self/exe").arg(WORKER), settings);
    // To measure those past the default budget, too.
    let budget = CompileBudget { cpu_ms_per_mib: 15_000, ..CompileBudget::default() };
    let roomy = worker.clone().with_budget(budget);

    for (name, bytes) in &components {
        let mut rounds = Rounds::new(2);
        let (mut cpu, mut peak, mut allowed) = (Vec::new(), 0, 0);
        // The first run of each has cold caches.
        for run in 0..=runs {
            let (here, inline) = timed(&Compiler::inline(), &executor, bytes);
            let (there, result) = timed(&roomy, &executor, bytes);
            inline?;
            let found = result?.report;
            if run > 0 {
                rounds.push([Some(ms(there)), Some(ms(here))]);
                cpu.push(Some(ms(found.cpu_time.unwrap_or_default())));
                peak = peak.max(found.peak_memory.unwrap_or_default() >> 20);
                let allowance = CompileBudget::default().for_size(found.structure.code_bytes());
                allowed = allowance.cpu.as_millis();
            }
        }
        let mut cpu_rounds = Rounds::new(1);
        cpu.into_iter().for_each(|time| cpu_rounds.push([time]));
        let name = format!("{name}, {} bytes", bytes.len());
        let row = Row::new("compiled in a worker", &format!("{name}; peak {peak} MiB"), "ms");
        report.row(row.compared(&rounds, 0, "in this process", 1));
        let row = Row::new("compiled in a worker", &format!("{name}, CPU time"), "ms");
        let row = row.measured(cpu_rounds.median(0));
        report.row(row.target(Target::Most(
            Duration::from_millis(u64::try_from(allowed)?).as_secs_f64() * 1e3,
        )));
    }

    let all = StructureCount::ALL.iter();
    let none = all.fold(StructureLimits::default(), |limits, count| limits.with(*count, u64::MAX));
    for (name, text) in bombs() {
        let bytes = wat::parse_str(text)?;
        for (limits, structure) in [("none", none), ("default", StructureLimits::default())] {
            let before = resident_kib()?;
            let compiler = worker.clone().with_structure(structure);
            let (time, result) = timed(&compiler, &executor, &bytes);
            let end = result.map_or_else(|error| error.to_string(), |_| "compiled".to_owned());
            let grown = resident_kib()?.saturating_sub(before);
            let name = format!("{name}, limits {limits}; host grows {grown} KiB; {end}");
            report.row(Row::new("compile bombs", &name, "ms").measured(ms(time)));
        }
        if options.is_quick {
            break;
        }
    }
    report.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn timed(
    compiler: &Compiler,
    executor: &ComponentExecutor,
    bytes: &[u8],
) -> (Duration, Result<limits_compile::Compiled, CompileError>) {
    let start = Instant::now();
    let compiled = compiler.compile(executor, "bench", Source::new(bytes));
    (start.elapsed(), compiled)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// A component of about 1 KiB.
fn small() -> String {
    let functions =
        "(func (param i32) (result i32) (i32.add (local.get 0) (i32.const 7)))".repeat(90);
    format!("(component (core module {functions}))")
}

/// Components whose compiling takes long for their size: F1 to F8 of the catalogue.
fn bombs() -> Vec<(&'static str, String)> {
    let function = |head: &str, body: &str| {
        format!("(component (core module (func (param i32) {head} {body})))")
    };
    let diamonds: String = (0..10_000)
        .map(|at| format!("(if (local.get 0) (then (local.set {} (i32.const 1))))", 1 + at * 4))
        .collect();
    let all_set: String =
        (1..1_000).map(|at| format!("(local.set {at} (i32.const {at}))")).collect();
    let loops =
        format!("{}{all_set}{}", "(loop ".repeat(300), "(br_if 0 (local.get 0)))".repeat(300));
    let blocks =
        format!("{}{}", "(block ".repeat(20_000), "(br_if 0 (local.get 0)))".repeat(20_000));
    let line = "(local.set 0 (i32.mul (local.get 0) (local.get 0)))".repeat(100_000);
    let segment = format!(
        "(import \"\" \"\" (global i32)) (table 200000 funcref) (func $f) \
         (elem (offset (global.get 0)) func {})",
        "$f ".repeat(100_000)
    );
    let data = "(data (offset (global.get 0)) \"x\")".repeat(10_000);
    let tiny = "(func)".repeat(100_000);
    let sum = format!("(global i32 i32.const 1 {})", "i32.const 1 i32.add ".repeat(150_000));
    vec![
        ("F1 diamonds", function(&format!("(local {})", "i32 ".repeat(40_000)), &diamonds)),
        ("F2 loops", function(&format!("(local {})", "i32 ".repeat(1_000)), &loops)),
        ("F3 blocks", function("", &blocks)),
        ("F4 straight line", function("", &line)),
        ("F5 element segment", format!("(component (core module {segment}))")),
        (
            "F6 data segments",
            format!("(component (core module (import \"\" \"\" (global i32)) (memory 1) {data}))"),
        ),
        ("F7 functions", format!("(component (core module {tiny}))")),
        ("F8 constant", format!("(component (core module {sum}))")),
    ]
}
