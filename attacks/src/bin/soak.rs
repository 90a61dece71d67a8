//! The zoo in random order. `soak [--executions N] [--seed SEED]`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to a terminal")]

use std::process::ExitCode;
use std::time::Instant;

use attacks::soak::soak;

/// Executions without `--executions`: some minutes.
const EXECUTIONS: u64 = 10_000;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> attacks::Result<bool> {
    let (mut executions, mut seed) = (EXECUTIONS, fastrand::u64(..));
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let value = args.next().and_then(|value| value.parse().ok());
        match (arg.as_str(), value) {
            ("--executions", Some(value)) => executions = value,
            ("--seed", Some(value)) => seed = value,
            _ => return Err("usage: soak [--executions N] [--seed SEED]".into()),
        }
    }
    println!("seed {seed}");
    let start = Instant::now();
    let soaked = soak(seed, executions)?;
    println!(
        "{} executions in {} attacks, {:.0} s",
        soaked.executions,
        soaked.attacks,
        start.elapsed().as_secs_f64()
    );
    println!("after the first half: {}", soaked.half);
    println!("at the end:           {}", soaked.end);
    println!(
        "the neighbour: {} right answers, 99 % within {:.1} ms",
        soaked.neighbour.right,
        soaked.p99.as_secs_f64() * 1_000.0
    );
    for fault in &soaked.faults {
        println!("fault: {fault}");
    }
    Ok(soaked.faults.is_empty())
}
