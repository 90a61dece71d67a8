//! The cost of quotas at the WASI boundary: of quota-wasi against wasmtime-wasi, under the same
//! executor, and of both against wasmtime-wasi on Wasmtime with fuel and nothing else.
//!
//! First each work as a criterion group; then a table of ratios and differences, which are taken
//! within a round that runs everything in turn, so that the rest of the machine's work meets all of
//! it. The table has medians over the rounds, of CPU time, on one core where `taskset` can pin a
//! process to it. Nearly all of a write is the way to a blocking thread and back: over two cores of
//! a busy machine, its wall-clock time varies by more than the difference between the hosts.

use core::error::Error;
use core::time::Duration;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

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

/// Set in a process that is pinned to one core, and prints the table.
const PINNED: &str = "LIMITS_BENCH_PINNED";

fn main() -> Fallible<()> {
    if env::var_os(PINNED).is_some() {
        return table();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
    // Without the argument that `cargo bench` gives, nothing is measured.
    if env::args().any(|arg| arg == "--bench") { pinned_table() } else { Ok(()) }
}

/// Prints the table in a process that is pinned to one core.
fn pinned_table() -> Fallible<()> {
    let this = env::current_exe()?;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = cores.and_then(|list| list.trim().split([',', '-']).next()).unwrap_or("0");
    match Command::new("taskset").args(["-c", first]).arg(this).env(PINNED, "1").status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the measurement ended with {status}").into()),
        Err(_) => {
            writeln!(stdout(), "\nwithout `taskset`: figures over several cores")?;
            table()
        }
    }
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
            let before = cpu_times()?;
            hosts[turn].1.run(work)?;
            let ran = ran_since(&before, &cpu_times()?);
            let ns = ran.as_secs_f64() * 1e9 / f64::from(work.calls);
            if round > 0 {
                times[turn].push(ns);
            }
        }
    }
    Ok(times)
}

/// Returns the CPU time of each thread of this process, as Linux counts it.
fn cpu_times() -> Fallible<BTreeMap<OsString, Duration>> {
    let mut times = BTreeMap::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let thread = thread?;
        // A thread that ends meanwhile was idle: it ran for no host of this round.
        let Ok(text) = fs::read_to_string(thread.path().join("schedstat")) else { continue };
        let ns = text.split(' ').next().unwrap_or_default().parse()?;
        times.insert(thread.file_name(), Duration::from_nanos(ns));
    }
    Ok(times)
}

/// Returns the time that all threads have run since `before`.
fn ran_since(
    before: &BTreeMap<OsString, Duration>,
    now: &BTreeMap<OsString, Duration>,
) -> Duration {
    let ran = |(thread, time): (&OsString, &Duration)| {
        time.saturating_sub(before.get(thread).copied().unwrap_or_default())
    };
    now.iter().map(ran).sum()
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
