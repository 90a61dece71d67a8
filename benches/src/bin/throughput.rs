//! Cold executions of several callers at once, beside the same written by hand.
//!
//! `cargo run --release -p limits-benches --bin throughput` runs 1, 2, 4 and 8 callers on a runtime
//! of two threads, and prints microseconds for each execution: the time of a batch divided by its
//! executions. The peers run on the same engine, in the same rounds.

use core::hint::black_box;
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Series, Target};
use limits_benches::cold::{ByHand, Execute, Failure, Ours, WRITER, engine};
use tokio::task::JoinSet;

/// The group of the rows.
const GROUP: &str = "throughput";
/// The most that an execution may cost, as a multiple of the hand-written one.
const TARGET: f64 = 1.15;
/// Callers at one time.
const CALLERS: [u32; 4] = [1, 2, 4, 8];
/// Executions of all callers in one batch.
const BATCH: u32 = 160;
/// Threads of the runtime.
const THREADS: usize = 2;

fn main() -> Result<(), Failure> {
    let options = Options::from_env();
    let rounds = options.rounds(1_001);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let mut report = Report::new(options);
    for is_pooling in [true, false] {
        let allocator = if is_pooling { "pooling" } else { "on demand" };
        runtime.block_on(compare(allocator, is_pooling, rounds, &mut report))?;
    }
    Ok(report.finish()?)
}

async fn compare(
    allocator: &str,
    is_pooling: bool,
    rounds: usize,
    report: &mut Report,
) -> Result<(), Failure> {
    let engine = engine(is_pooling)?;
    let ours = Ours::new(&engine, WRITER)?;
    let by_hand = ByHand::new(&engine, WRITER)?;
    let mut lines = [("within limits", Vec::new()), ("by hand", Vec::new())];
    for callers in CALLERS {
        let mut samples = Rounds::new(2);
        for _ in 0..rounds {
            let ours = batch(callers, &ours).await?;
            samples.push([Some(ours), Some(batch(callers, &by_hand).await?)]);
        }
        for (subject, (_, points)) in lines.iter_mut().enumerate() {
            points.push((f64::from(callers), samples.median(subject)));
        }
        let plural = if callers == 1 { "" } else { "s" };
        report.row(
            Row::new(GROUP, &format!("{allocator}, {callers} caller{plural}"), "us")
                .compared(&samples, 0, "Wasmtime by hand", 1)
                .target(Target::Ratio(TARGET)),
        );
    }
    for (line, points) in lines {
        let line = format!("{allocator}, {line}");
        report.series(Series { plot: String::from("callers"), line, points });
    }
    Ok(())
}

/// Returns the microseconds of one execution in a batch of several callers.
async fn batch(callers: u32, subject: &impl Execute) -> Result<f64, Failure> {
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..callers {
        let subject = subject.clone();
        tasks.spawn(async move {
            for _ in 0..BATCH / callers {
                black_box(subject.run().await?);
            }
            Ok::<(), Failure>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH))
}
