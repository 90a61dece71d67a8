//! The cost of metering for guests that compute: ours beside hand-written Wasmtime with fuel, on
//! the wide engine and on the tight one. CPU time of the thread, medians of interleaved rounds.
//!
//! The peer of the targets has fuel alone: it keeps no deadline, and its guests hold their thread
//! to the end. The other one yields to the runtime under a timeout, which is the least that keeps
//! one. The least possible for ours is a driver that looks at the clock after each 50 000 units of
//! fuel, without hook, limiter and report.

use core::error::Error;
use core::time::Duration;

use bench_report::{Options, Report, Rounds, Row, Target};
use limits_benches::cpu_guest::{Bare, CpuGuest, kinds, limited, limits};
use limits_benches::process_use::thread_ms;
use limits_wasmtime::{AddressSpace, EngineBuilder};
use wasmtime::Engine;

const GROUP: &str = "CPU-bound guests";
/// Rounds of some 60 ms for each guest and host.
const ROUNDS: usize = 9;
/// The most that ours may take of the time of fuel alone, on the wide engine.
const MOST_RATIO: f64 = 1.03;
/// The interval of the peer that yields, as Wasmtime's own examples have it.
const USUAL: u64 = 10_000;
/// The longest interval by default.
const DEFAULT: u64 = 50_000;
/// The longest interval of a host that trusts its guests.
const LONG: u64 = 1_000_000;
/// The largest memory on the tight engine.
const LARGEST: u64 = 80 << 20;

/// The places of the subjects in a round.
const OURS: usize = 0;
const FUEL: usize = 1;
const OURS_LONG: usize = 2;
const LEAST: usize = 3;
const YIELDS: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env();
    let only = options.rest.first().cloned().unwrap_or_default();
    let rounds = if options.is_quick { 1 } else { ROUNDS };
    let mut report = Report::new(options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let wide = EngineBuilder::new().address_space(AddressSpace::Wide).build()?;
    let tight = AddressSpace::Tight { largest_memory: LARGEST };
    let tight = EngineBuilder::new().address_space(tight).build()?;
    for guest in kinds().iter().filter(|guest| guest.name.contains(&only)) {
        for (mode, engine) in [("wide", &wide), ("tight", &tight)] {
            let rounds = runtime.block_on(measure(engine, guest, rounds))?;
            let row = |what: &str, ours, peer_name: &str, peer| {
                let name = format!("{}, {mode}{what}", guest.name);
                Row::new(GROUP, &name, "ms").compared(&rounds, ours, peer_name, peer)
            };
            let ours = row("", OURS, "with fuel", FUEL).least(rounds.median(LEAST));
            if mode == "tight" {
                report.row(ours);
                continue;
            }
            report.row(ours.target(Target::Ratio(MOST_RATIO)));
            let long = row(", longest interval 1 000 000", OURS_LONG, "with fuel", FUEL);
            report.row(long.target(Target::Ratio(MOST_RATIO)));
            report.row(row("", OURS, "with fuel, yields and timeout", YIELDS));
        }
    }
    Ok(report.finish()?)
}

async fn measure(
    engine: &Engine,
    guest: &CpuGuest,
    count: usize,
) -> Result<Rounds, Box<dyn Error>> {
    let (ours, long) = (limited(engine, guest, None)?, limited(engine, guest, Some(LONG))?);
    let bare = Bare::new(engine, &guest.module)?;
    let (limits, minute) = (limits()?, Duration::from_secs(60));
    let mut rounds = Rounds::new(5);
    for _ in 0..count {
        let mut marks = vec![thread_ms()?];
        ours.run(&limits).await?;
        marks.push(thread_ms()?);
        bare.run(None).await?;
        marks.push(thread_ms()?);
        long.run(&limits).await?;
        marks.push(thread_ms()?);
        bare.run_until(DEFAULT, minute).await?;
        marks.push(thread_ms()?);
        bare.run(Some(USUAL)).await?;
        marks.push(thread_ms()?);
        rounds.push(marks.windows(2).map(|pair| Some(pair[1] - pair[0])));
    }
    Ok(rounds)
}
