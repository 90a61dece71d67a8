//! The program `chaos`: a host process of a scenario, or all of them.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command talks to a terminal")]

use std::io;
use std::path::Path;
use std::process::ExitCode;

use chaos::catalogue::peer;
use chaos::figures::{CALLERS, GROUPS, Group};
use chaos::spec::Limiter;
use chaos::{host, picture, random};

const HELP: &str = "\
chaos host ORDERS        runs a host process of a scenario
chaos random FAULTS SEED runs faults at random moments
chaos figures            measures what the design promises
chaos callers            measures what callers notice of it
chaos peers              compares operations and overshoot with other designs
chaos picture FILE       draws the use of a run with faults";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = std::env::current_exe().and_then(|program| match words.as_slice() {
        ["host", orders] => host::run(Path::new(orders)),
        ["random", faults, seed] => at_random(&program, faults, seed),
        ["figures"] => figures(&program, GROUPS),
        ["callers"] => figures(&program, CALLERS),
        ["peers"] => peers(&program),
        ["picture", file] => draw(&program, Path::new(file)),
        _ => Err(io::Error::other(HELP)),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

fn at_random(program: &Path, faults: &str, seed: &str) -> io::Result<()> {
    let (count, seed) = (faults.parse().map_err(io::Error::other)?, seed.parse());
    let seed: u64 = seed.map_err(io::Error::other)?;
    println!("seed {seed}, {count} faults");
    let runs = random::runs(seed, count);
    let mut windows = 0;
    for (number, scenario) in (1..).zip(&runs) {
        let outcome = scenario.run(program)?;
        let verdict = &outcome.verdict;
        println!("run {number} of {}: {outcome}", runs.len());
        windows += verdict.rows.len();
        let is_sound = verdict.over + verdict.late == 0 && outcome.failures.is_empty();
        if !is_sound {
            return Err(io::Error::other(format!("seed {seed}, run {number} is red")));
        }
    }
    println!("{count} faults, {windows} windows: 0 units over, 0 late");
    Ok(())
}

fn figures(program: &Path, groups: &[Group]) -> io::Result<()> {
    let mut missed = 0;
    for group in groups {
        for figure in group(program)? {
            let verdict = if figure.is_met { "met" } else { "MISSED" };
            println!("{:<86} {:>20}  {verdict}", figure.target, figure.measured);
            missed += usize::from(!figure.is_met);
        }
    }
    println!("{missed} missed");
    Ok(())
}

fn peers(program: &Path) -> io::Result<()> {
    println!(
        "{:<12} {:<18} {:>6} {:>7} {:>11} {:>8}",
        "", "", "over", "worst", "round trips", "use"
    );
    for has_faults in [false, true] {
        let fault = if has_faults { "5 losses of data" } else { "no faults" };
        for limiter in [Limiter::Cluster, Limiter::Incr, Limiter::PlainLease] {
            let verdict = peer(limiter, has_faults).run(program)?.verdict;
            let name = format!("{limiter:?}");
            println!(
                "{name:<12} {fault:<18} {:>6} {:>7} {:>11.4} {:>6.2} %",
                verdict.over, verdict.worst, verdict.round_trips_per_request, verdict.use_percent
            );
        }
    }
    Ok(())
}

fn draw(program: &Path, file: &Path) -> io::Result<()> {
    let ours = picture::shown(Limiter::Cluster).run(program)?;
    let peer = picture::shown(Limiter::Incr).run(program)?;
    println!("ours: {ours}\npeer: {}", peer.verdict);
    picture::draw(file, &ours, &peer)
}
