//! A cold execution: a fresh store, an instance and one call, beside the same written by hand.
//!
//! `cargo run --release -p limits-benches --bin cold` prints medians of interleaved rounds. The
//! peers run on the same engine. `least possible` is the hand-written execution with those parts
//! that limits need; see `cold::Least`.
//!
//! With `ours`, `by-hand`, `least` or `naive` as an argument, the program executes that and nothing
//! else for some seconds, for a profiler.

use core::hint::black_box;
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Target};
use limits_benches::cold::{
    ADDER, ByHand, Execute, FILLER, Failure, Least, Naive, Ours, WRITER, engine, warm_engine,
};

/// The group of the rows.
const GROUP: &str = "cold execution";
/// The most that an execution with pooling may cost, as a multiple of the hand-written one.
const TARGET: f64 = 1.15;
/// Microseconds that a batch of the hand-written execution takes: less than the system lets a
/// thread run at one time, so that most batches of a busy machine are whole.
const BATCH_US: f64 = 150.0;

fn main() -> Result<(), Failure> {
    let options = Options::from_env();
    let rounds = options.rounds(2_001);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(subject) = options.rest.first() {
        let subject = subject.clone();
        return runtime.block_on(runtime.spawn(async move { profile(&subject).await }))?;
    }
    let mut report = Report::new(options);
    for is_pooling in [true, false] {
        for (guest, text) in [("a guest without memory", ADDER), ("a guest that writes", WRITER)] {
            let allocator = if is_pooling { "pooling" } else { "on demand" };
            let name = format!("{allocator}, {guest}");
            // In a task, as in a server.
            let compared = async move { compare(&name, is_pooling, text, rounds).await };
            for row in runtime.block_on(runtime.spawn(compared))?? {
                report.row(row);
            }
        }
    }
    for (guest, text) in [("one page", WRITER), ("128 KiB", FILLER)] {
        for row in runtime.block_on(warm(guest, text, rounds / 2))? {
            report.row(row);
        }
    }
    Ok(report.finish()?)
}

/// Compares pools that keep more or fewer bytes resident, for a guest that writes so much.
async fn warm(guest: &str, text: &str, rounds: usize) -> Result<Vec<Row>, Failure> {
    const KIB: [u32; 4] = [0, 16, 64, 256];
    let mut subjects = Vec::new();
    for kib in KIB {
        subjects.push(ByHand::new(&warm_engine(u64::from(kib) * 1024)?, text)?);
    }
    let mut samples = Rounds::new(KIB.len());
    for _ in 0..rounds {
        let mut round = Vec::new();
        for subject in &subjects {
            round.push(Some(batch(subject, 10).await?));
        }
        samples.push(round);
    }
    let row = |(subject, kib): (usize, &u32)| {
        Row::new(
            "bytes kept warm, by hand",
            &format!("{kib} KiB, a guest that writes {guest}"),
            "us",
        )
        .measured(samples.median(subject))
    };
    Ok(KIB.iter().enumerate().map(row).collect())
}

async fn compare(
    name: &str,
    is_pooling: bool,
    text: &str,
    rounds: usize,
) -> Result<[Row; 2], Failure> {
    let engine = engine(is_pooling)?;
    let ours = Ours::new(&engine, text)?;
    let by_hand = ByHand::new(&engine, text)?;
    let least = Least::new(&engine, text)?;
    let naive = Naive::new(&engine, text)?;
    let mut times = 100;
    let took = batch(&by_hand, times).await?;
    times = (1..times).rev().find(|times| f64::from(*times) * took <= BATCH_US).unwrap_or(1);
    let mut samples = Rounds::new(4);
    for _ in 0..rounds {
        samples.push([
            Some(batch(&ours, times).await?),
            Some(batch(&by_hand, times).await?),
            Some(batch(&least, times).await?),
            Some(batch(&naive, times).await?),
        ]);
    }
    let row = Row::new(GROUP, name, "us")
        .compared(&samples, 0, "Wasmtime by hand", 1)
        .least(samples.median(2));
    let row = if is_pooling { row.target(Target::Ratio(TARGET)) } else { row };
    let original = Row::new(GROUP, name, "us").compared(&samples, 0, "the original's design", 3);
    Ok([row, original])
}

/// Returns the microseconds of one execution in a batch.
async fn batch(subject: &impl Execute, times: u32) -> Result<f64, Failure> {
    let began = Instant::now();
    for _ in 0..times {
        black_box(subject.run().await?);
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(times))
}

/// Executes one subject in a pool for some seconds.
async fn profile(subject: &str) -> Result<(), Failure> {
    const TIMES: u32 = 2_000_000;
    let engine = engine(true)?;
    match subject {
        "ours" => batch(&Ours::new(&engine, ADDER)?, TIMES).await?,
        "by-hand" => batch(&ByHand::new(&engine, ADDER)?, TIMES).await?,
        "least" => batch(&Least::new(&engine, ADDER)?, TIMES).await?,
        "naive" => batch(&Naive::new(&engine, ADDER)?, TIMES).await?,
        _ => return Err("ours, by-hand, least or naive".into()),
    };
    Ok(())
}
