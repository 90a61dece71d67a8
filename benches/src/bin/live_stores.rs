//! A thousand live stores on one runtime of two workers: what idle ones cost, and how late a task
//! is beside a hundred that spin.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::thread;

use bench_report::{Options, Report, Rounds, Row, Target};
use limits_benches::live_stores::{Actors, BareActors, Failure, actor_limits, counted};
use limits_benches::process_use::{ThreadUse, resident_kib};
use limits_wasmtime::EngineBuilder;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

const GROUP: &str = "1 000 live stores";
/// The time that each execution of a spinning store may take.
const SPIN_MS: u64 = 100;
/// The time that each execution of a waiting store may take: an hour.
const WAIT_MS: u64 = 3_600_000;

/// The numbers of stores, and the time that each measurement takes.
#[derive(Clone, Copy)]
struct Size {
    stores: u32,
    spinning: u32,
    window: Duration,
}

fn main() -> Result<(), Failure> {
    let options = Options::from_env();
    let size = match options.is_quick {
        true => Size { stores: 100, spinning: 10, window: Duration::from_millis(300) },
        false => Size { stores: 1_000, spinning: 100, window: Duration::from_secs(5) },
    };
    let mut report = Report::new(options);
    memory(&mut report, size)?;
    idle(&mut report, size)?;
    lateness(&mut report, size)?;
    Ok(report.finish()?)
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// Resident memory of a live store that was called once, with a page of its memory in use.
fn memory(report: &mut Report, size: Size) -> Result<(), Failure> {
    let limits = actor_limits(WAIT_MS)?;
    let pool = |engine: EngineBuilder| engine.pooling(size.stores * 2, &limits);
    for (name, engine) in
        [("on demand", EngineBuilder::new()), ("pooling", pool(EngineBuilder::new()))]
    {
        let engine = engine.build()?;
        let (actors, bare) = (Actors::new(engine.clone())?, BareActors::new(&engine)?);
        let kib = runtime()?.block_on(async {
            // The first ones bring in what all share.
            let first = (actors.spawn(&limits).await?, bare.spawn().await?);
            let start = resident_kib()?;
            let mut ours = Vec::new();
            for _ in 1..size.stores {
                ours.push(actors.spawn(&limits).await?);
            }
            let middle = resident_kib()?;
            let mut theirs = Vec::new();
            for _ in 1..size.stores {
                theirs.push(bare.spawn().await?);
            }
            let end = resident_kib()?;
            drop((first, ours, theirs));
            let each = f64::from(size.stores - 1);
            Ok::<_, Failure>(((middle - start) / each, (end - middle) / each))
        })?;
        let mut rounds = Rounds::new(2);
        rounds.push([Some(kib.0), Some(kib.1)]);
        let name = format!("memory of a live store, {name}");
        report.row(Row::new(GROUP, &name, "KiB").compared(&rounds, 0, "Wasmtime", 1));
    }
    Ok(())
}

/// Stores that wait, half between calls and half inside one, and nothing else in the process.
fn idle(report: &mut Report, size: Size) -> Result<(), Failure> {
    let limits = actor_limits(WAIT_MS)?;
    let actors = Actors::new(EngineBuilder::new().build()?)?;
    let runtime = runtime()?;
    let alone = used(size.window)?;
    let polls: Arc<AtomicU64> = Arc::default();
    let tasks: Vec<JoinHandle<Result<u32, Failure>>> = runtime.block_on(async {
        let mut tasks = Vec::new();
        for number in 0..size.stores {
            let (slot, actors) = (actors.spawn(&limits).await?, actors.clone());
            let polls = Arc::clone(&polls);
            tasks.push(match number % 2 {
                0 => tokio::spawn(counted(
                    polls,
                    async move { actors.idle_between_calls(slot).await },
                )),
                _ => tokio::spawn(counted(polls, async move { actors.idle_in_a_call(slot).await })),
            });
        }
        sleep(Duration::from_millis(200)).await;
        Ok::<_, Failure>(tasks)
    })?;
    let before = polls.load(Ordering::Relaxed);
    let beside = used(size.window)?;
    let polled = polls.load(Ordering::Relaxed) - before;
    actors.ring();
    runtime.block_on(async {
        for task in tasks {
            if task.await?? != 2 {
                return Err(Failure::from("an idle store lost its memory"));
            }
        }
        Ok(())
    })?;
    let seconds = size.window.as_secs_f64();
    let row = |name: &str, unit: &str, ours: f64, alone: f64| Row {
        peer_name: "a runtime without stores".to_owned(),
        peer: Some(alone / seconds),
        ..Row::new(GROUP, name, unit).measured(ours / seconds)
    };
    report.row(
        row("polls of idle stores", "a second", float(polled)?, 0.0).target(Target::Most(0.0)),
    );
    let (ours, least) = (float(beside.sleeps)?, float(alone.sleeps)?);
    report.row(row("wake-ups of the process, all stores idle", "a second", ours, least));
    let (ours, least) = (beside.cpu.as_secs_f64() * 1e6, alone.cpu.as_secs_f64() * 1e6);
    report.row(row("CPU time of the process, all stores idle", "us/s", ours, least));
    Ok(())
}

/// Returns what the threads of this process use while this one sleeps.
fn used(window: Duration) -> Result<ThreadUse, Failure> {
    let before = ThreadUse::now()?;
    thread::sleep(window);
    Ok(ThreadUse::now()?.since(before))
}

/// A task that wakes every millisecond, beside idle stores and those that spin.
fn lateness(report: &mut Report, size: Size) -> Result<(), Failure> {
    let engine = EngineBuilder::new().build()?;
    let (actors, bare) = (Actors::new(engine.clone())?, BareActors::new(&engine)?);
    let alone = runtime()?.block_on(async { tokio::spawn(ticks(size.window)).await })?;
    let (ours, ends) = runtime()?.block_on(beside_ours(&actors, size))?;
    let (theirs, their_ends) = runtime()?.block_on(beside_bare(&bare, size))?;
    let row = |name: &str, percent, ours: &[f64], theirs: &[f64]| {
        let mut rounds = Rounds::new(2);
        rounds.push([Some(at(ours, percent)), Some(at(theirs, percent))]);
        Row::new(GROUP, name, "ms").compared(&rounds, 0, "with fuel and yields", 1)
    };
    for (percent, name) in [(50, "median"), (99, "p99")] {
        let name = format!("lateness of a 1 ms ticker beside 100 that spin, {name}");
        report.row(row(&name, percent, &ours, &theirs).least(at(&alone, percent)));
    }
    for (percent, name) in [(50, "median"), (99, "p99")] {
        let name = format!("overshoot of the deadlines of 100 that spin, {name}");
        report.row(row(&name, percent, &ends, &their_ends));
    }
    Ok(())
}

type Spinners = Vec<JoinHandle<Result<Vec<f64>, Failure>>>;

async fn beside_ours(actors: &Actors, size: Size) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    let (limits, waiting) = (actor_limits(SPIN_MS)?, actor_limits(WAIT_MS)?);
    let end: Arc<AtomicBool> = Arc::default();
    let mut idle = Vec::new();
    for _ in size.spinning..size.stores {
        let (slot, actors) = (actors.spawn(&waiting).await?, actors.clone());
        idle.push(tokio::spawn(async move { actors.idle_in_a_call(slot).await }));
    }
    let mut spinners = Spinners::new();
    for _ in 0..size.spinning {
        let (slot, actors) = (actors.spawn(&limits).await?, actors.clone());
        let end = Arc::clone(&end);
        spinners.push(tokio::spawn(async move { actors.spin(slot, limits, end).await }));
    }
    let measured = tick_beside(size.window, spinners, &end).await?;
    actors.ring();
    for task in idle {
        task.await??;
    }
    Ok(measured)
}

async fn beside_bare(bare: &BareActors, size: Size) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    let end: Arc<AtomicBool> = Arc::default();
    let mut spinners = Spinners::new();
    for _ in 0..size.spinning {
        let (bare, end) = (bare.clone(), Arc::clone(&end));
        spinners.push(tokio::spawn(async move { bare.spin(SPIN_MS, end).await }));
    }
    tick_beside(size.window, spinners, &end).await
}

async fn tick_beside(
    window: Duration,
    spinners: Spinners,
    end: &AtomicBool,
) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    sleep(Duration::from_millis(2 * SPIN_MS)).await;
    let late = tokio::spawn(ticks(window)).await?;
    end.store(true, Ordering::Relaxed);
    let mut ends = Vec::new();
    for spinner in spinners {
        ends.extend(spinner.await??);
    }
    ends.sort_by(f64::total_cmp);
    Ok((late, ends))
}

/// Wakes every millisecond, and returns how late, in milliseconds and in order.
async fn ticks(window: Duration) -> Vec<f64> {
    let end = Instant::now() + window;
    let mut late = Vec::new();
    while Instant::now() < end {
        let due = Instant::now() + Duration::from_millis(1);
        sleep_until(due).await;
        late.push(due.elapsed().as_secs_f64() * 1e3);
    }
    late.sort_by(f64::total_cmp);
    late
}

/// The value that `percent` of the sorted `values` do not pass.
fn at(values: &[f64], percent: usize) -> f64 {
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(f64::NAN)
}

fn float(count: u64) -> Result<f64, Failure> {
    Ok(f64::from(u32::try_from(count)?))
}
