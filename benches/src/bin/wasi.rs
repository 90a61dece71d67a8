//! The cost of quotas at the WASI boundary: of quota-wasi against wasmtime-wasi, under the same
//! executor, and of both against wasmtime-wasi on Wasmtime with fuel and nothing else.
//!
//! Figures are CPU time, on one core where `taskset` can pin a process to it. Nearly all of a write
//! is the way to a blocking thread and back: over two cores of a busy machine, its wall-clock time
//! varies by more than the difference between the hosts.

use core::error::Error;
use core::time::Duration;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use bench_report::{Options, Report, Rounds, Row, Target};
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
const GROUP: &str = "quotas at the WASI boundary";

type Fallible<T> = Result<T, Box<dyn Error>>;

/// The places of the hosts in a round.
const ALONE: usize = 0;
const LIMITED: usize = 1;
const OURS: usize = 2;

/// The hosts that are compared: the first alone, the others under the executor.
fn hosts(dir: &Path) -> Fallible<[Box<dyn WasiHost + '_>; 3]> {
    Ok([Box::new(Plain::new(dir)?), Box::new(Limited::new(dir)?), Box::new(WithQuotas::new(dir)?)])
}

/// Set in a process that is pinned to one core.
const PINNED: &str = "LIMITS_BENCH_PINNED";

fn main() -> Fallible<()> {
    if env::var_os(PINNED).is_some() { measure() } else { pinned() }
}

/// Measures in a process that is pinned to one core, or in this one if there is no `taskset`.
fn pinned() -> Fallible<()> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = cores.and_then(|list| list.trim().split([',', '-']).next()).unwrap_or("0");
    let mut command = Command::new("taskset");
    command.args(["-c", first]).arg(env::current_exe()?).args(env::args_os().skip(1));
    match command.env(PINNED, "1").status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the measurement ended with {status}").into()),
        Err(_) => measure(),
    }
}

fn measure() -> Fallible<()> {
    let options = Options::from_env();
    let mut report = Report::new(options.clone());
    let dir = tempfile::tempdir()?;
    let hosts = hosts(dir.path())?;
    let hosts = hosts.each_ref().map(|host| &**host);
    for work in WRITES {
        let found = rounds(options.rounds(WRITE_ROUNDS), work, &hosts)?;
        let row =
            Row::new(GROUP, work.name, "ns").compared(&found, OURS, "without quotas", LIMITED);
        report.row(row.target(Target::Ratio(MOST_RATIO)));
        let name = format!("{}, in all", work.name);
        let row = Row::new(GROUP, &name, "ns").compared(&found, OURS, "wasmtime-wasi", ALONE);
        report.row(row);
    }
    for work in CALLS {
        let found = rounds(options.rounds(CALL_ROUNDS), work, &hosts)?;
        let row = Row::new(GROUP, work.name, "ns").compared(&found, OURS, "wasmtime-wasi", ALONE);
        report.row(row.target(Target::Beyond(MOST_NS)));
    }
    Ok(report.finish()?)
}

/// Returns the nanoseconds of a call in each round.
fn rounds<const HOSTS: usize>(
    rounds: usize,
    work: Work,
    hosts: &[&dyn WasiHost; HOSTS],
) -> Fallible<Rounds> {
    let mut found = Rounds::new(HOSTS);
    // The first round warms up. Each begins with another host.
    for round in 0..=rounds {
        let mut times = [None; HOSTS];
        for turn in 0..HOSTS {
            let turn = (round + turn) % HOSTS;
            let before = cpu_times()?;
            hosts[turn].run(work)?;
            let ran = ran_since(&before, &cpu_times()?);
            times[turn] = Some(ran.as_secs_f64() * 1e9 / f64::from(work.calls));
        }
        if round > 0 {
            found.push(times);
        }
    }
    Ok(found)
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
