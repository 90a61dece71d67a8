//! `wasm-limits run`.

use limits_config::EffectiveConfig;

use crate::args::RunArgs;
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
    let report = match console.open_report(&args.output) {
        Ok(()) => report(args, console, interrupt).await,
        Err(failure) => Report::of_nothing(None, Ending::from(&failure)),
    };
    match console.publish(&report, || render(&report)) {
        Ok(()) => report.exit_code,
        Err(failure) => {
            console.say(&format!("error: {failure}"));
            Outcome::Error.exit_code()
        }
    }
}

async fn report(args: &RunArgs, console: &Console, interrupt: &Interrupt) -> Report {
    let Manifest { name, effective, file, .. } = match Manifest::load(&args.guest.manifest) {
        Ok(manifest) => manifest,
        Err(failure) => return Report::of_nothing(None, Ending::from(&failure)),
    };
    let ran = async {
        let is_shown = console.shows_progress();
        let session = Session::open(&name, file?, &args.guest, interrupt, is_shown).await?;
        repeat(args, console, interrupt, &session, &effective).await
    };
    match ran.await {
        Ok((run, runs)) => {
            let mut report = Report::of_run(&name, &effective, run);
            report.runs = args.repeat.map(|_| runs);
            report
        }
        Err(failure) => Report::of_nothing(Some((&name, &effective)), Ending::from(&failure)),
    }
}

/// Runs as often as wanted; the last run that failed is the one that is reported, or the last.
async fn repeat(
    args: &RunArgs,
    console: &Console,
    interrupt: &Interrupt,
    session: &Session,
    effective: &EffectiveConfig,
) -> Result<(Run, Runs), Failure> {
    let limits = effective.limits();
    let mut runs = Runs::default();
    let mut told: Option<Run> = None;
    for _ in 0..args.repeat.map_or(1, |count| count.get()) {
        console.stdio().stdin.rewind();
        let run = session.run(&limits, console.stdio(), interrupt).await?;
        runs.add(run.ending.outcome);
        let is_cancelled = run.ending.outcome == Outcome::Cancelled;
        let has_failed = run.ending.outcome != Outcome::Success;
        if has_failed || told.as_ref().is_none_or(|told| told.ending.outcome == Outcome::Success) {
            told = Some(run);
        }
        if is_cancelled || interrupt.is_pressed() {
            break;
        }
    }
    told.map(|run| (run, runs)).ok_or(Failure::Interrupted)
}
