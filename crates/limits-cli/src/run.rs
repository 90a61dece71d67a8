//! `wasm-limits run`.

use core::num::NonZeroU32;

use limits_core::ResourceLimits;

use crate::args::{GuestArgs, RunArgs};
use crate::console::Console;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::manifest::Manifest;
use crate::outcome::Outcome;
use crate::report::{Report, Run, Runs};
use crate::report_text::render;
use crate::session::Session;

/// Runs the component and reports. Returns the exit code.
pub(crate) async fn run(args: &RunArgs, console: &mut Console, interrupt: &Interrupt) -> u8 {
    let GuestArgs { manifest: files, dirs, .. } = &args.guest;
    let manifest = Manifest::load(files);
    let mut runs = Runs::default();
    let mut report = match console.open_report(&args.output, files, &manifest, dirs) {
        Ok(()) => report(args, manifest, console, interrupt, &mut runs).await,
        Err(failure) => Report::of_nothing(None, Ending::from(&failure)),
    };
    report.runs = args.repeat.map(|_| runs);
    match console.publish(&report, || render(&report)) {
        Ok(()) => report.exit_code,
        Err(failure) => {
            console.say(&format!("error: {failure}"));
            Outcome::Error.exit_code()
        }
    }
}

async fn report(
    args: &RunArgs,
    manifest: Result<Manifest, Failure>,
    console: &Console,
    interrupt: &Interrupt,
    runs: &mut Runs,
) -> Report {
    let Manifest { name, effective, file, .. } = match manifest {
        Ok(manifest) => manifest,
        Err(failure) => return Report::of_nothing(None, Ending::from(&failure)),
    };
    let ran = async {
        let is_shown = console.shows_progress();
        let session = Session::open(&name, file?, &args.guest, interrupt, is_shown).await?;
        repeat(args, console, interrupt, &session, &effective.limits(), runs).await
    };
    match ran.await {
        Ok(run) => Report::of_run(&name, &effective, run),
        Err(failure) => Report::of_nothing(Some((&name, &effective)), Ending::from(&failure)),
    }
}

/// Runs as often as wanted; the last run that failed is the one that is reported, or the last.
async fn repeat(
    args: &RunArgs,
    console: &Console,
    interrupt: &Interrupt,
    session: &Session,
    limits: &ResourceLimits,
    runs: &mut Runs,
) -> Result<Run, Failure> {
    let count = u64::from(args.repeat.map_or(1, NonZeroU32::get));
    let has_failed = |run: &Run| run.ending.outcome != Outcome::Success;
    let mut earlier: Option<Run> = None;
    loop {
        console.stdio().stdin.rewind();
        let run = session.run(limits, console.stdio(), interrupt).await?;
        runs.add(run.ending.outcome);
        let mut told = match earlier {
            Some(failed) if has_failed(&failed) && !has_failed(&run) => failed,
            _ => run,
        };
        if runs.count == count {
            return Ok(told);
        }
        if let Some(by) = interrupt.stopped_by() {
            if !has_failed(&told) {
                told.ending = Ending::stopped_between_runs(by, runs.count, count);
            }
            return Ok(told);
        }
        earlier = Some(told);
    }
}
