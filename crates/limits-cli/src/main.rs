#![doc = include_str!("../README.md")]

mod address_space;
mod args;
mod background;
mod command_line;
mod commands;
mod guest;
mod inputs;
mod interrupt;
mod outcome;
mod progress;
mod quote;
mod report;
mod stdio;
mod units;

use core::num::NonZeroUsize;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::io::{self, Write as _};
use std::panic;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Runtime};

use crate::args::{Args, Command, Format, OutputArgs, Verb};
use crate::commands::cache::{self, CacheReport};
use crate::commands::calibrate;
use crate::commands::check::{self, Checked};
use crate::commands::{run, text};
use crate::guest::compiling::WORKER;
use crate::interrupt::Interrupt;
use crate::outcome::classify::Ending;
use crate::outcome::failure::Failure;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted;
use crate::report::calibration::CalibrationReport;
use crate::report::console::Console;
use crate::report::json;
use crate::report::model::{Report, Runs};
use crate::report::report_file::ReportFile;
use crate::stdio::Stdio;

/// Threads that run guests and timers, at least.
const WORKERS: usize = 2;
/// Threads for the file operations of guests. A guest can block one for ever, on a pipe in a
/// directory that it was given; the process ends all the same.
const BLOCKING_THREADS: usize = 8;
/// Threads beside those of the runtime: three for the standard streams, two for output that
/// `calibrate` drops, one for work in the background and one for a report that goes to a pipe.
const OTHER_THREADS: usize = 7;
/// The longest wait for a thread of the system.
const THREAD_PATIENCE: Duration = Duration::from_secs(5);
/// Idle threads stay to the end of the process.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn main() -> ExitCode {
    // Before anything else: a worker restricts itself first, and has one thread until then.
    if is_worker() {
        return limits_compile::serve();
    }
    address_space::spare();
    // The failure that a panic becomes is in the report. Its message can quote a foreign name, such
    // as one in a component that makes the compiler panic.
    panic::set_hook(Box::new(|panic| {
        let words = quoted(&panic.to_string());
        let _ = writeln!(io::stderr(), "wasm-limits {words}");
    }));
    let code = match command_line::read() {
        Ok(Args { verb: Verb::Reported(command) }) => serve(&command),
        Ok(Args { verb: Verb::Text(command) }) => text::text(&command),
        Err(code) => code,
    };
    // Not a return: threads blocked by a stalled reader or an endless input must not delay the end.
    std::process::exit(code);
}

/// Returns whether this command started the process to parse, adapt and compile for it.
fn is_worker() -> bool {
    let mut args = std::env::args_os().skip(1);
    args.next().is_some_and(|arg| arg == WORKER) && args.next().is_none()
}

/// Runs the command and flushes its output. Returns the exit code.
fn serve(command: &Command) -> i32 {
    let (output, is_repeated) = match command {
        Command::Run(run) => (&run.output, run.repeat.is_some_and(|count| count.get() > 1)),
        Command::Check(check) => (&check.output, false),
        Command::Calibrate(calibrate) => (&calibrate.output, calibrate.runs.get() > 1),
        Command::Cache(cache) => (&cache.place().output, false),
    };
    let at_once = match command {
        Command::Run(run) => usize::try_from(run.parallel.get()).unwrap_or(usize::MAX),
        Command::Check(_) | Command::Calibrate(_) | Command::Cache(_) => 1,
    };
    let (runtime, interrupt, stdio) = match start(at_once, is_repeated) {
        Ok(started) => started,
        Err(failure) => return i32::from(report_alone(command, output, &failure)),
    };
    let mut console = Console::new(stdio, output.format);
    let code = runtime.block_on(async {
        match command {
            Command::Run(args) => run::run(args, &mut console, &interrupt).await,
            Command::Check(args) => check::check(args, &mut console, &interrupt).await,
            Command::Calibrate(args) => calibrate::calibrate(args, &mut console, &interrupt).await,
            Command::Cache(command) => cache::cache(command, &mut console),
        }
    });
    // The runtime still listens to Ctrl-C, which ends the wait for a slow reader.
    interrupt.drain();
    let code = console.flush_output(code);
    runtime.shutdown_background();
    i32::from(code)
}

/// Starts threads, signal handlers and standard streams, which every command needs.
fn start(at_once: usize, is_repeated: bool) -> Result<(Runtime, Interrupt, Stdio), Failure> {
    let failed = |reason: String| Failure::Host { what: "starting", reason };
    let hook = panic::take_hook();
    // Tokio panics without a thread or a descriptor. The failure reports that, and once is enough.
    panic::set_hook(Box::new(|_| {}));
    let started = panic::catch_unwind(AssertUnwindSafe(|| {
        let runtime = runtime(at_once)?;
        let interrupt = {
            let _context = runtime.enter();
            Interrupt::listen()?
        };
        Ok((runtime, interrupt, Stdio::of_process(is_repeated)?))
    }));
    panic::set_hook(hook);
    match started {
        Ok(started) => {
            started.map_err(|error: io::Error| failed(SystemError::of(&error).to_string()))
        }
        Err(panic) => Err(failed(background::words(&*panic))),
    }
}

/// Starts as many threads as guests run at one time, but at most one for each core.
fn runtime(at_once: usize) -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let workers = at_once.min(cores).max(WORKERS);
    // The compiler has one for each core.
    try_threads(workers + 1 + OTHER_THREADS + cores)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(FOR_EVER)
        .enable_all()
        .build()?;
    // File operations of guests need a blocking thread. If the system refuses the first one, Tokio
    // waits for ever for a thread to become free: so one is started here, and stays.
    let thread = runtime.spawn_blocking(|| ());
    match runtime.block_on(async { tokio::time::timeout(THREAD_PATIENCE, thread).await }) {
        Ok(_) => Ok(runtime),
        Err(_) => {
            runtime.shutdown_background();
            Err(io::Error::new(io::ErrorKind::WouldBlock, "there are not enough threads"))
        }
    }
}

/// Checks that the system has enough threads left, while a lack of them is still an error: later it
/// would be a panic or an endless wait.
fn try_threads(count: usize) -> io::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let threads: Vec<io::Result<JoinHandle<()>>> = (0..count)
        .map(|_| {
            let gate = Arc::clone(&gate);
            std::thread::Builder::new().spawn(move || drop(gate.lock()))
        })
        .collect();
    drop(closed);
    threads.into_iter().try_for_each(|thread| {
        // The thread cannot panic.
        let _ = thread?.join();
        Ok(())
    })
}

/// Reports, without any thread, that the command could not start. Returns the exit code.
fn report_alone(command: &Command, output: &OutputArgs, failure: &Failure) -> u8 {
    let ending = Ending::from(failure);
    let code = ending.exit_code;
    let (json, dirs) = match command {
        Command::Run(run) => (json::line(&Report::not_run(None, ending)), &run.guest.dirs[..]),
        Command::Check(_) => (json::line(&Checked::not_run(ending)), &[][..]),
        Command::Calibrate(calibrate) => {
            let report = CalibrationReport::not_run(None, ending, Runs::default());
            (json::line(&report), &calibrate.guest.dirs[..])
        }
        Command::Cache(_) => (json::line(&CacheReport::not_run(ending)), &[][..]),
    };
    let written = json.and_then(|json| {
        if output.format == Format::Json {
            // A failure of this cannot be reported anywhere.
            let _ = writeln!(io::stdout(), "{json}");
        }
        let Some(path) = &output.report else { return Ok(()) };
        let inputs = command.inputs();
        ReportFile::open(path, &inputs, dirs)?.write(&json)
    });
    let mut stderr = io::stderr();
    if output.format == Format::Text {
        let _ = writeln!(stderr, "error: {failure}");
    }
    if let Err(failure) = written {
        let _ = writeln!(stderr, "error: {failure}");
    }
    code
}
