//! The time of compiling in a worker, beside that in this process, and the end of bombs.
//!
//! `cargo run --release -p limits-benches --bin compile [RUNS] [COMPONENT]...` prints the tables of
//! `docs/limits.md`; the components are files in binary.

use core::error::Error;
use core::time::Duration;
use std::fs;
use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::time::Instant;

use limits_compile::{CompileError, Compiler, Source, WorkerProgram};
use limits_core::{CompileBudget, StructureCount, StructureLimits};
use limits_wasmtime::{ComponentExecutor, EngineBuilder};

const WORKER: &str = "compile-worker";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|argument| argument == WORKER) {
        return Ok(limits_compile::serve());
    }
    let runs = arguments.next().map_or(Ok(9), |runs| runs.parse())?;
    let mut components = vec![("1 KiB".to_owned(), wat::parse_str(small())?)];
    for path in arguments {
        components.push((path.clone(), fs::read(path)?));
    }
    let builder = EngineBuilder::new();
    let settings = builder.settings();
    let executor = ComponentExecutor::new(builder.build()?)?;
    let worker = Compiler::worker(WorkerProgram::new("/proc/self/exe").arg(WORKER), settings);
    // To measure those past the default budget, too.
    let budget = CompileBudget { cpu_ms_per_mib: 15_000, ..CompileBudget::default() };
    let roomy = worker.clone().with_budget(budget);
    let mut out = stdout().lock();

    writeln!(out, "{runs} runs each, in turn; median\n")?;
    writeln!(
        out,
        "| component | bytes | here, ms | in a worker, ms | CPU time, ms | of a budget of, ms | peak, MiB |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for (name, bytes) in &components {
        let (mut here, mut there, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        let (mut peak, mut allowed) = (0, 0);
        // The first run of each has cold caches.
        for run in 0..=runs {
            let inline = timed(&Compiler::inline(), &executor, bytes);
            let (time, result) = timed(&roomy, &executor, bytes);
            inline.1?;
            let report = result?.report;
            if run > 0 {
                here.push(inline.0);
                there.push(time);
                cpu.push(report.cpu_time.unwrap_or_default());
                peak = peak.max(report.peak_memory.unwrap_or_default());
                let allowance = CompileBudget::default().for_size(report.structure.code_bytes());
                allowed = allowance.cpu.as_millis();
            }
        }
        let [here, there, cpu] = [here, there, cpu].map(median);
        let (bytes, peak) = (bytes.len(), peak >> 20);
        writeln!(
            out,
            "| {name} | {bytes} | {here:.1} | {there:.1} | {cpu:.1} | {allowed} | {peak} |"
        )?;
        out.flush()?;
    }

    writeln!(out, "\nbombs, without and with the structure's limits\n")?;
    writeln!(out, "| bomb | bytes | limits | time, ms | host's growth, KiB | end |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
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
            let (bytes, time) = (bytes.len(), ms(time));
            writeln!(out, "| {name} | {bytes} | {limits} | {time:.0} | {grown} | {end} |")?;
            out.flush()?;
        }
    }
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

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    ms(times.get(times.len() / 2).copied().unwrap_or_default())
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
