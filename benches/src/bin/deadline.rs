//! The overshoot of deadlines, and the lateness of neighbours.
//!
//! `cargo run --release -p limits-benches --bin deadline [RUNS]` prints the tables of
//! `docs/limits.md`.

use core::error::Error;
use core::time::Duration;
use std::io::{Write as _, stdout};
use std::time::Instant;

use limits_benches::{Guest, roomy, stallers};
use limits_core::WasmError;
use tokio::runtime::{Builder, Runtime};

const TIMEOUT_MS: u64 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let runs = std::env::args().nth(1).map_or(Ok(100), |runs| runs.parse())?;
    let guests = stallers()?;
    let mut out = stdout().lock();
    writeln!(out, "overshoot of a {TIMEOUT_MS} ms deadline, ms, {runs} runs each\n")?;
    writeln!(out, "| guest | runtime | median | p99 | max | p99 until the caller has it |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for guest in &guests {
        for (name, runtime) in [("current-thread", current()?), ("multi-thread", multi()?)] {
            let (report, caller) = runtime.block_on(overshoot(guest, runs))?;
            writeln!(
                out,
                "| {} | {name} | {:.2} | {:.2} | {:.2} | {:.2} |",
                guest.name,
                at(&report, 50),
                at(&report, 99),
                at(&report, 100),
                at(&caller, 99)
            )?;
            out.flush()?;
        }
    }
    writeln!(out, "\nlateness of a 1 ms task beside 8 guests on 2 workers for 1 s, ms\n")?;
    writeln!(out, "| beside | turns | median | p99 | max |\n|---|---|---|---|---|")?;
    let alone = multi()?.block_on(lateness(None))?;
    print_lateness(&mut out, "nothing", &alone)?;
    for guest in &guests {
        let late = multi()?.block_on(lateness(Some(guest)))?;
        print_lateness(&mut out, guest.name, &late)?;
    }
    Ok(())
}

fn print_lateness(out: &mut impl std::io::Write, name: &str, late: &[f64]) -> std::io::Result<()> {
    let turns = late.len();
    let (median, p99, max) = (at(late, 50), at(late, 99), at(late, 100));
    writeln!(out, "| {name} | {turns} | {median:.2} | {p99:.2} | {max:.2} |")?;
    out.flush()
}

/// Runs `guest` into its deadline, each time at another phase of the runtime's timer. Returns the
/// overshoot by the report and as the caller sees it, which includes dropping the store.
async fn overshoot(guest: &Guest, runs: u32) -> Result<(Vec<f64>, Vec<f64>), Box<dyn Error>> {
    let limits = roomy().execution_timeout_ms(TIMEOUT_MS).build()?;
    let deadline = Duration::from_millis(TIMEOUT_MS);
    let (mut by_report, mut by_caller) = (Vec::new(), Vec::new());
    for run in 0..runs {
        tokio::time::sleep(Duration::from_micros(u64::from(run) * 137 % 1_000)).await;
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

/// Wakes every millisecond for a second while eight of `guest` run, and notes its lateness.
async fn lateness(guest: Option<&Guest>) -> Result<Vec<f64>, Box<dyn Error>> {
    let limits = roomy().execution_timeout_ms(1_300).build()?;
    let guests: Vec<_> = core::iter::repeat_n(guest, 8)
        .flatten()
        .cloned()
        .map(|guest| tokio::spawn(async move { guest.run(&limits).await }))
        .collect();
    let ticker = tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let end = tokio::time::Instant::now() + Duration::from_secs(1);
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
    duration.as_secs_f64() * 1_000.0
}

/// The value that `percent` of the sorted `values` do not pass.
fn at(values: &[f64], percent: usize) -> f64 {
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(f64::NAN)
}

fn current() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn multi() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
