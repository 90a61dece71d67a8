//! The cost of quotas at the WASI boundary: of quota-wasi against wasmtime-wasi, under the same
//! executor, and of both against wasmtime-wasi on Wasmtime with fuel and nothing else.
//!
//! First each work as a criterion group; then a table of ratios and differences, which are taken
//! within a round that runs everything in turn, so that the rest of the machine's work meets all of
//! it. The table has medians over the rounds. Pinned to one core (`taskset -c 1`) it varies least:
//! nearly all of a write is the way to a blocking thread and back.

use core::error::Error;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group};
use limits_benches::wasi_guest::{CHECK_WRITE, RANDOM, WRITE_AT, WRITE_STREAM, Work};
use limits_benches::wasi_host::{Limited, Plain, WasiHost, WithQuotas};

const WRITES: [Work; 2] = [WRITE_STREAM, WRITE_AT];
const CALLS: [Work; 2] = [CHECK_WRITE, RANDOM];
/// Rounds of writes, some 0.3 s for each host and work.
const WRITE_ROUNDS: usize = 31;
/// Rounds of calls, some 10 ms for each host and work.
const CALL_ROUNDS: usize = 201;
/// 64 MiB of small writes take at most this multiple of the time without quotas, under the same
/// executor.
const MOST_RATIO: f64 = 1.05;
/// A call that does nothing takes at most this many nanoseconds longer than without executor and
/// quotas.
const MOST_NS: f64 = 200.0;
/// The place of the host without quotas under the same executor.
const LIMITED: usize = 1;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// The hosts that are compared: the first alone, the others under the executor.
fn hosts(dir: &Path) -> Fallible<[(&'static str, Box<dyn WasiHost + '_>); 3]> {
    Ok([
        ("wasmtime-wasi alone", Box::new(Plain::new(dir)?)),
        ("wasmtime-wasi, limits", Box::new(Limited::new(dir)?)),
        ("quota-wasi, limits", Box::new(WithQuotas::new(dir)?)),
    ])
}

fn main() -> Fallible<()> {
    benches();
    Criterion::default().configure_from_args().final_summary();
    // Without the argument that `cargo bench` gives, nothing is measured.
    if std::env::args().any(|arg| arg == "--bench") { table() } else { Ok(()) }
}

fn groups(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    for (work, samples) in WRITES.map(|it| (it, 10)).into_iter().chain(CALLS.map(|it| (it, 50))) {
        let mut group = criterion.benchmark_group(work.name);
        group.sample_size(samples);
        for (name, host) in hosts(dir.path()).expect("hosts") {
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| host.run(work).expect("it ends"));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, groups);

fn table() -> Fallible<()> {
    let dir = tempfile::tempdir()?;
    let hosts = hosts(dir.path())?;
    let hosts = hosts.each_ref().map(|(name, host)| (*name, &**host));
    let mut out = stdout().lock();
    writeln!(out, "\nmedians of {WRITE_ROUNDS} and {CALL_ROUNDS} interleaved rounds\n")?;
    writeln!(out, "| work | host | a call | against the first | the second | target | |")?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for work in WRITES {
        let times = rounds(WRITE_ROUNDS, work, &hosts)?;
        let ratio = |host: usize, base: usize| compared(&times, host, base, |a, b| a / b);
        for (host, (name, _)) in hosts.iter().enumerate() {
            let (alone, limited) = (ratio(host, 0), ratio(host, LIMITED));
            let verdict = verdict(host, limited <= MOST_RATIO);
            let (work, ns) = (work.name, median(times[host].iter().copied()));
            writeln!(
                out,
                "| {work} | {name} | {ns:.0} ns | {alone:.3}x | {limited:.3}x \
                 | at most {MOST_RATIO}x the second | {verdict} |"
            )?;
        }
        out.flush()?;
    }
    for work in CALLS {
        let times = rounds(CALL_ROUNDS, work, &hosts)?;
        let more = |host: usize, base: usize| compared(&times, host, base, |a, b| a - b);
        for (host, (name, _)) in hosts.iter().enumerate() {
            let (alone, limited) = (more(host, 0), more(host, LIMITED));
            let verdict = verdict(host, alone <= MOST_NS);
            let (work, ns) = (work.name, median(times[host].iter().copied()));
            writeln!(
                out,
                "| {work} | {name} | {ns:.0} ns | {alone:+.0} ns | {limited:+.0} ns \
                 | at most {MOST_NS:+.0} ns over the first | {verdict} |"
            )?;
        }
        out.flush()?;
    }
    Ok(())
}

/// Returns whether the promise is kept, for the host that makes it.
const fn verdict(host: usize, kept: bool) -> &'static str {
    match (host > LIMITED, kept) {
        (true, true) => "met",
        (true, false) => "missed",
        (false, _) => "",
    }
}

/// Returns the nanoseconds of a call in each round, by host.
fn rounds<const HOSTS: usize>(
    rounds: usize,
    work: Work,
    hosts: &[(&str, &dyn WasiHost); HOSTS],
) -> Fallible<[Vec<f64>; HOSTS]> {
    let mut times = [(); HOSTS].map(|()| Vec::with_capacity(rounds));
    // The first round warms up. Each begins with another host.
    for round in 0..=rounds {
        for turn in 0..HOSTS {
            let turn = (round + turn) % HOSTS;
            let begun = Instant::now();
            hosts[turn].1.run(work)?;
            let ns = begun.elapsed().as_secs_f64() * 1e9 / f64::from(work.calls);
            if round > 0 {
                times[turn].push(ns);
            }
        }
    }
    Ok(times)
}

/// Compares two hosts within each round, and returns the median.
fn compared(times: &[Vec<f64>], host: usize, base: usize, by: fn(f64, f64) -> f64) -> f64 {
    median(times[host].iter().zip(&times[base]).map(|(time, base)| by(*time, *base)))
}

fn median(samples: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = samples.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
