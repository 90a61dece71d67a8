//! The overshoot of deadlines, the lateness of neighbours, and the trade between overshoot and
//! overhead.
//!
//! `cargo run --release -p limits-benches --bin deadline [RUNS]` prints the tables of
//! `docs/limits.md`, and leaves the points of the plot of the interval.

use core::error::Error;
use core::time::Duration;
use std::io::{self, Write, stdout};
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Series, Target};
use limits_benches::cpu_guest::{Bare, CpuGuest, kinds, limited, limits};
use limits_benches::process_use::thread_ms;
use limits_benches::{Guest, RANDOM_LOADS, roomy, stallers, wrap};
use limits_core::WasmError;
use limits_wasmtime::create_engine;
use tokio::runtime::{Builder, Runtime};

const GROUP: &str = "Deadlines";
/// The plots of the trade, which `plots` draws.
const OVERSHOOT_PLOT: &str = "interval-overshoot";
const OVERHEAD_PLOT: &str = "interval-overhead";
const TIMEOUT_MS: u64 = 50;
const RUNS: usize = 100;
/// The most that an execution may last past its deadline, in milliseconds, on an idle core.
const MOST_MS: f64 = 1.0;
/// Intervals of the driver that keeps one.
const INTERVALS: [u32; 7] = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];
/// Rounds of some 60 ms for each interval.
const ROUNDS: usize = 11;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env();
    let runs = options.rest.first().map_or(Ok(RUNS), |runs| runs.parse())?;
    let (runs, rounds) = (options.rounds(runs), options.rounds(ROUNDS));
    let window = Duration::from_millis(if options.is_quick { 100 } else { 1_000 });
    let mut report = Report::new(options);
    let guests = stallers()?;
    let mut out = stdout().lock();
    writeln!(out, "overshoot of a {TIMEOUT_MS} ms deadline, ms, {runs} runs each\n")?;
    writeln!(out, "| guest | runtime | median | p99 | max | p99 until the caller has it |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for guest in &guests {
        for (name, runtime) in [("current-thread", current()?), ("multi-thread", multi()?)] {
            let (late, caller) = runtime.block_on(overshoot(guest, runs))?;
            writeln!(
                out,
                "| {} | {name} | {:.2} | {:.2} | {:.2} | {:.2} |",
                guest.name,
                at(&late, 50),
                at(&late, 99),
                at(&late, 100),
                at(&caller, 99)
            )?;
            out.flush()?;
            let name = format!("overshoot of 50 ms, p99: {}, {name}", guest.name);
            let row = Row::new(GROUP, &name, "ms").measured(at(&late, 99));
            report.row(row.target(Target::Most(MOST_MS)));
        }
    }
    writeln!(out, "\nlateness of a 1 ms task beside 8 guests on 2 workers, ms\n")?;
    writeln!(out, "| beside | turns | median | p99 | max |\n|---|---|---|---|---|")?;
    let alone = multi()?.block_on(lateness(None, window))?;
    print_lateness(&mut out, "nothing", &alone)?;
    for guest in &guests {
        let late = multi()?.block_on(lateness(Some(guest), window))?;
        print_lateness(&mut out, guest.name, &late)?;
        let name = format!("lateness of a 1 ms task, p99: beside 8 of {}", guest.name);
        report.row(Row::new(GROUP, &name, "ms").measured(at(&late, 99)).least(at(&alone, 99)));
    }
    drop(out);
    trade(&mut report, runs, rounds)?;
    Ok(report.finish()?)
}

fn print_lateness(out: &mut impl Write, name: &str, late: &[f64]) -> io::Result<()> {
    let turns = late.len();
    let (median, p99, max) = (at(late, 50), at(late, 99), at(late, 100));
    writeln!(out, "| {name} | {turns} | {median:.2} | {p99:.2} | {max:.2} |")?;
    out.flush()
}

/// Measures drivers with a fixed interval of fuel, and ours, which steers it: how late they end a
/// guest of cache misses, and how much they take of a tight loop, which has the cheapest fuel.
fn trade(report: &mut Report, runs: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let runtime = current()?;
    let tight = kinds().into_iter().next().ok_or("no guests")?;
    let overhead = runtime.block_on(overhead(&tight, rounds))?;
    let percent = |subject| 100.0 * (overhead.ratio(subject, FUEL) - 1.0);
    let missing = Bare::new(&create_engine()?, RANDOM_LOADS)?;
    let timeout = Duration::from_millis(TIMEOUT_MS);
    let mut fixed: [Vec<(f64, f64)>; 3] = Default::default();
    for (place, interval) in (0_usize..).zip(INTERVALS) {
        let mut late = Vec::new();
        for _ in 0..runs {
            let stopped = runtime.block_on(missing.run_until(interval.into(), timeout))?;
            late.push(ms(stopped.ok_or("the guest came to an end")?));
        }
        late.sort_by(f64::total_cmp);
        let [median, p99, over] = &mut fixed;
        median.push((interval.into(), at(&late, 50) * 1e3));
        p99.push((interval.into(), at(&late, 99) * 1e3));
        over.push((interval.into(), percent(FIXED + place)));
    }
    let ours = Guest::new("missing", &wrap(RANDOM_LOADS))?;
    let (late, _) = runtime.block_on(overshoot(&ours, runs))?;
    let ours = [at(&late, 50) * 1e3, at(&late, 99) * 1e3, percent(OURS)];
    let names =
        [(OVERSHOOT_PLOT, "median"), (OVERSHOOT_PLOT, "p99"), (OVERHEAD_PLOT, "tight loop")];
    let ends = [INTERVALS.first(), INTERVALS.last()].map(|end| end.copied().map_or(0.0, f64::from));
    for (((plot, name), points), ours) in names.into_iter().zip(fixed).zip(ours) {
        let series = |line: String, points| Series { plot: plot.into(), line, points };
        report.series(series(format!("{name}, fixed interval"), points));
        let ours = ends.map(|end| (end, ours)).into();
        report.series(series(format!("{name}, steered by limits-wasmtime"), ours));
    }
    Ok(())
}

/// The places of the subjects in a round of [`overhead`]; each fixed interval has one.
const OURS: usize = 0;
const FUEL: usize = 1;
const FIXED: usize = 2;

/// Runs `guest` under ours, on fuel alone, and with each fixed interval. CPU time of the thread.
async fn overhead(guest: &CpuGuest, count: usize) -> Result<Rounds, Box<dyn Error>> {
    let engine = create_engine()?;
    let (ours, bare) = (limited(&engine, guest, None)?, Bare::new(&engine, &guest.module)?);
    let limits = limits()?;
    let mut rounds = Rounds::new(FIXED + INTERVALS.len());
    for _ in 0..count {
        let mut marks = vec![thread_ms()?];
        ours.run(&limits).await?;
        marks.push(thread_ms()?);
        bare.run(None).await?;
        marks.push(thread_ms()?);
        for interval in INTERVALS {
            bare.run_until(interval.into(), Duration::from_secs(60)).await?;
            marks.push(thread_ms()?);
        }
        rounds.push(marks.windows(2).map(|pair| Some(pair[1] - pair[0])));
    }
    Ok(rounds)
}

/// Runs `guest` into its deadline, each time at another phase of the runtime's timer. Returns the
/// overshoot by the report and as the caller sees it, which includes dropping the store.
async fn overshoot(guest: &Guest, runs: usize) -> Result<(Vec<f64>, Vec<f64>), Box<dyn Error>> {
    let limits = roomy().execution_timeout_ms(TIMEOUT_MS).build()?;
    let deadline = Duration::from_millis(TIMEOUT_MS);
    let (mut by_report, mut by_caller) = (Vec::new(), Vec::new());
    for run in 0..runs {
        tokio::time::sleep(Duration::from_micros(u64::try_from(run)? * 137 % 1_000)).await;
        let guest = guest.clone();
        // On a worker, as a server would; on a current-thread runtime that is this thread.
        let ended = tokio::spawn(async move {
            let begun = Instant::now();
            let outcome = guest.run(&limits).await;
            (begun.elapsed(), outcome)
        });
        let (took, outcome) = ended.await?;
        let failure = outcome.err().ok_or("the guest came to an end")?;
        let WasmError::ExecutionTimeout { .. } = failure.error() else {
            return Err(format!("not a timeout: {failure}").into());
        };
        by_report.push(ms(failure.report().wall_time.saturating_sub(deadline)));
        by_caller.push(ms(took.saturating_sub(deadline)));
    }
    by_report.sort_by(f64::total_cmp);
    by_caller.sort_by(f64::total_cmp);
    Ok((by_report, by_caller))
}

/// Wakes every millisecond for a while in which eight of `guest` run, and notes its lateness.
async fn lateness(guest: Option<&Guest>, window: Duration) -> Result<Vec<f64>, Box<dyn Error>> {
    let start = Duration::from_millis(100);
    let timeout = window + 3 * start;
    let limits = roomy().execution_timeout_ms(u64::try_from(timeout.as_millis())?).build()?;
    let guests: Vec<_> = core::iter::repeat_n(guest, 8)
        .flatten()
        .cloned()
        .map(|guest| tokio::spawn(async move { guest.run(&limits).await }))
        .collect();
    let ticker = tokio::spawn(async move {
        tokio::time::sleep(start).await;
        let end = tokio::time::Instant::now() + window;
        let mut late = Vec::new();
        while tokio::time::Instant::now() < end {
            let due = tokio::time::Instant::now() + Duration::from_millis(1);
            tokio::time::sleep_until(due).await;
            late.push(ms(due.elapsed()));
        }
        late.sort_by(f64::total_cmp);
        late
    });
    let late = ticker.await?;
    for guest in guests {
        let _ = guest.await?;
    }
    Ok(late)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The value that `percent` of the sorted `values` do not pass.
fn at(values: &[f64], percent: usize) -> f64 {
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(f64::NAN)
}

fn current() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn multi() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
