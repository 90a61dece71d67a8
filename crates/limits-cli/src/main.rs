#![doc = include_str!("../README.md")]

mod args;
mod calibrate;
mod check;
mod component_file;
mod console;
mod distribution;
mod ending;
mod failure;
mod headroom;
mod host;
mod inlet;
mod interrupt;
mod invoke;
mod ledger;
mod manifest;
mod outcome;
mod outlet;
mod progress;
mod report;
mod report_file;
mod report_text;
mod requests;
mod run;
mod session;
mod stdio;
mod terminal;
mod wasi;

use core::num::NonZeroUsize;
use std::io::{self, Write as _};

use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

use crate::args::{Args, Command};
use crate::console::Console;
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::outlet::{DRAIN_PATIENCE, Drained, REPORT_PATIENCE};
use crate::stdio::Stdio;

/// Threads that run guests and timers, at least.
const WORKERS: usize = 2;
/// Threads that compile and work on files for guests. A guest can make one of them wait for ever,
/// on a pipe in a directory that it was given; the process ends all the same.
const BLOCKING_THREADS: usize = 8;

fn main() {
    let args = Args::parse();
    let code = match serve(&args) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell if this fails as well.
            let _ = writeln!(io::stderr(), "error: cannot start: {error}");
            Outcome::Error.exit_code()
        }
    };
    // Not a return: threads that a stalled reader or an endless input holds must not hold us.
    std::process::exit(i32::from(code));
}

/// Runs the command and brings out what it said. Returns the exit code.
fn serve(args: &Args) -> io::Result<u8> {
    let (output, is_repeated) = match &args.command {
        Command::Run(run) => (&run.output, run.repeat.is_some_and(|count| count.get() > 1)),
        Command::Check(check) => (&check.output, false),
        Command::Calibrate(calibrate) => (&calibrate.output, calibrate.runs.get() > 1),
    };
    let at_once = match &args.command {
        Command::Run(run) => usize::try_from(run.parallel.get()).unwrap_or(usize::MAX),
        Command::Check(_) | Command::Calibrate(_) => 1,
    };
    let runtime = runtime(at_once)?;
    let interrupt = {
        let _context = runtime.enter();
        Interrupt::listen()?
    };
    let stdio = Stdio::of_process(is_repeated)?;
    let mut console = Console::new(stdio.clone(), output.format);
    let code = runtime.block_on(async {
        match &args.command {
            Command::Run(args) => run::run(args, &mut console, &interrupt).await,
            Command::Check(args) => check::check(args, &mut console),
            Command::Calibrate(args) => calibrate::calibrate(args, &mut console, &interrupt).await,
        }
    });
    // The runtime still listens to Ctrl-C, which ends the wait for a slow reader.
    interrupt.drain();
    let code = bring_out(&stdio, &console, code);
    runtime.shutdown_background();
    Ok(code)
}

/// Waits until what was said is out, and says so if it is not. Returns the exit code: a report
/// that is lost must not look like success.
fn bring_out(stdio: &Stdio, console: &Console, code: u8) -> u8 {
    let is_report = stdio.stdout.has_ours();
    let patience = if is_report { REPORT_PATIENCE } else { DRAIN_PATIENCE };
    let code = match stdio.stdout.finish(patience) {
        Drained::All | Drained::ReaderLeft => code,
        Drained::Lost(reason) if is_report => {
            console.say(&format!("error: cannot write the report to stdout: {reason}"));
            Outcome::Error.exit_code()
        }
        Drained::Lost(reason) => {
            console.say(&format!("warning: not all output of the guest reached stdout: {reason}"));
            code
        }
    };
    // Nobody is left to tell if this fails as well.
    stdio.stderr.finish(DRAIN_PATIENCE);
    code
}

/// Makes the threads: as many as guests run at once, but no more than there are cores for.
fn runtime(at_once: usize) -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Builder::new_multi_thread()
        .worker_threads(at_once.min(cores).max(WORKERS))
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
}
