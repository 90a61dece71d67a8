//! Feeds seeded mutations to the targets.
//!
//! `fuzz-cases [TARGET] [--cases N] [--seed N]`: of one target or all, a million cases each from
//! seed 0 unless told otherwise. On a panic it prints the seed and the bytes, and fails.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a program for a terminal")]

use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicU64, Ordering};
use std::panic::{catch_unwind, set_hook, take_hook};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use fuzz_cases::mutator::mutation;
use fuzz_cases::target::{TARGETS, Target};

/// Cases of a target unless told otherwise.
const CASES: u64 = 1_000_000;
/// The most findings that are printed of a target.
const MOST_SHOWN: usize = 3;

struct Wanted {
    targets: Vec<&'static Target>,
    cases: u64,
    seed: u64,
}

fn main() -> ExitCode {
    let wanted = match wanted(std::env::args().skip(1)) {
        Ok(wanted) => wanted,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::from(2);
        }
    };
    let mut findings = 0;
    for target in &wanted.targets {
        findings += feed(target, wanted.seed, wanted.cases);
    }
    if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn wanted(mut args: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted { targets: Vec::new(), cases: CASES, seed: 0 };
    while let Some(arg) = args.next() {
        let mut number = || {
            let text = args.next().ok_or_else(|| format!("{arg} needs a number"))?;
            text.parse().map_err(|_error| format!("{arg} needs a number, found `{text}`"))
        };
        match arg.as_str() {
            "--cases" => wanted.cases = number()?,
            "--seed" => wanted.seed = number()?,
            name => {
                let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                let target = Target::named(name)
                    .ok_or_else(|| format!("no target `{name}`: one of {}", names.join(", ")))?;
                wanted.targets.push(target);
            }
        }
    }
    if wanted.targets.is_empty() {
        wanted.targets = TARGETS.iter().collect();
    }
    Ok(wanted)
}

/// Feeds all cases to a target, on every core. Returns the number of findings.
fn feed(target: &Target, seed: u64, cases: u64) -> usize {
    let start = Instant::now();
    let corpus = (target.corpus)();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let step = u64::try_from(threads).unwrap_or(1);
    let findings = Mutex::new(Vec::new());
    let accepted = AtomicU64::new(0);
    // A finding prints itself, with its seed.
    let hook = take_hook();
    set_hook(Box::new(|_| ()));
    thread::scope(|scope| {
        for first in 0..step {
            let (corpus, findings, accepted) = (&corpus, &findings, &accepted);
            scope.spawn(move || {
                let mut at = first;
                while at < cases {
                    let seed = seed.wrapping_add(at);
                    let bytes = mutation(corpus, seed);
                    match catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))) {
                        // Alone: nothing else is read with it.
                        Ok(true) => drop(accepted.fetch_add(1, Ordering::Relaxed)),
                        Ok(false) => {}
                        Err(panic) => {
                            let words = panic.downcast_ref::<String>().cloned().or_else(|| {
                                panic.downcast_ref::<&str>().map(|text| String::from(*text))
                            });
                            let words = words.unwrap_or_default();
                            if let Ok(mut findings) = findings.lock() {
                                findings.push((seed, bytes, words));
                            }
                        }
                    }
                    at += step;
                }
            });
        }
    });
    set_hook(hook);
    let findings = findings.into_inner().unwrap_or_default();
    let (name, took) = (target.name, start.elapsed().as_secs_f64());
    let accepted = accepted.into_inner();
    println!(
        "{name:<16} {cases:>9} cases, {accepted:>7} accepted  {took:>6.1} s  {} findings",
        findings.len()
    );
    for (seed, bytes, words) in findings.iter().take(MOST_SHOWN) {
        println!("  seed {seed}: {words}");
        println!("  bytes {}", hex(bytes));
    }
    findings.len()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
