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
mod manifest;
mod outcome;
mod outlet;
mod progress;
mod report;
mod report_text;
mod requests;
mod run;
mod session;
mod stdio;
mod terminal;
mod wasi;

use std::io::{self, Write as _};

use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

use crate::args::{Args, Command};
use crate::console::Console;
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::outlet::DRAIN_PATIENCE;
use crate::stdio::Stdio;

/// Threads that run guests and timers.
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
        Command::Calibrate(calibrate) => (&calibrate.output, true),
    };
    let runtime = runtime()?;
    let stdio = Stdio::of_process(is_repeated)?;
    let mut console = Console::new(stdio.clone(), output.format);
    let code = runtime.block_on(async {
        let interrupt = Interrupt::listen()?;
        Ok::<u8, io::Error>(match &args.command {
            Command::Run(args) => run::run(args, &mut console, &interrupt).await,
            Command::Check(args) => check::check(args, &mut console),
            Command::Calibrate(args) => calibrate::calibrate(args, &mut console, &interrupt).await,
        })
    })?;
    runtime.shutdown_background();
    stdio.stdout.finish(DRAIN_PATIENCE);
    stdio.stderr.finish(DRAIN_PATIENCE);
    Ok(code)
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
}
