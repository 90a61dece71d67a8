//! `wasm-limits calibrate`.

use limits_config::EffectiveConfig;
use limits_wasmtime::{Calibration, ExecutionReport};
use quota_wasi::WasiQuota;

use crate::args::CalibrateArgs;
use crate::guest::account::{Mode, RunAccount};
use crate::guest::boundary;
use crate::guest::session::{RunRecord, Session};
use crate::inputs::manifest::Manifest;
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::outcome::classify::Ending;
use crate::outcome::failure::Failure;
use crate::progress::RunBar;
use crate::report::calibration::CalibrationReport;
use crate::report::console::Console;
use crate::report::model::Runs;
use crate::report::refusal::{Refusal, refusals};
use crate::report::suggestion::Needs;

/// Measures the component and suggests limits. Returns the exit code.
pub(crate) async fn calibrate(
    args: &CalibrateArgs,
    console: &mut Console,
    interrupt: &Interrupt,
) -> u8 {
    let manifest = Manifest::load(&args.guest.manifest, interrupt).await;
    let inputs = Manifest::files(&args.guest, Some(&manifest));
    let mut notices = Vec::new();
    let report = match console.open_report(&args.output, &inputs, &args.guest.dirs) {
        Ok(()) => measure(args, manifest, console, interrupt, &mut notices).await,
        Err(failure) => CalibrationReport::not_run(None, Ending::from(&failure), Runs::default()),
    };
    console.warn(&notices);
    console.publish(report)
}

async fn measure(
    args: &CalibrateArgs,
    manifest: Result<Manifest, Failure>,
    console: &Console,
    interrupt: &Interrupt,
    notices: &mut Vec<String>,
) -> CalibrationReport {
    let inputs = Manifest::inputs(&args.guest.manifest, Some(&manifest));
    let Manifest { terms, file, .. } = match manifest {
        Ok(manifest) => manifest,
        Err(failure) => {
            return CalibrationReport::not_run(None, Ending::from(&failure), Runs::default());
        }
    };
    let effective = &terms.effective;
    let mode = if args.observe { Mode::Observe } else { Mode::Enforce };
    let (account, requests) = match RunAccount::unlimited(&terms, mode) {
        Ok(opened) => opened,
        Err(error) => {
            let ending = Ending::from(&Failure::from(error));
            return CalibrationReport::not_run(Some(terms.name), ending, Runs::default());
        }
    };
    let ran = async {
        let is_shown = console.shows_progress();
        boundary::check(&args.guest, &inputs, &account, &terms)?;
        let session =
            Session::open(&terms, file?, &args.guest, interrupt, is_shown, notices).await?;
        let wasi = boundary::open(&args.guest, &account, &terms, interrupt, is_shown).await?;
        repeat(args, console, interrupt, (&session, &wasi), &account, effective).await
    };
    let ran = ran.await;
    let refusals = refusals(&account, terms.effective.capabilities());
    let report = match ran {
        Ok((None, runs, measured)) => {
            let refused = refused(mode, &refusals);
            let (used, capabilities) = (account.component(), requests.patterns());
            let needs = Needs { used, capabilities, refused };
            CalibrationReport::new(&terms, runs, &measured, needs, args.headroom)
        }
        Ok((Some(ending), runs, _)) => CalibrationReport::not_run(Some(terms.name), ending, runs),
        Err(failure) => {
            CalibrationReport::not_run(Some(terms.name), Ending::from(&failure), Runs::default())
        }
    };
    report.with_refusals(refusals, mode)
}

/// Returns the sentences on what the suggestion does not grant. Where nothing was refused, it has
/// the requests, and only the policy is in their way.
fn refused(mode: Mode, refusals: &[Refusal]) -> Vec<String> {
    let (words, is_shown): (_, fn(&Refusal) -> bool) = match mode {
        Mode::Enforce => ("refused", |_| true),
        Mode::Observe => ("would be refused", Refusal::is_by_policy),
    };
    let refusals = refusals.iter().filter(|refusal| is_shown(refusal));
    refusals.map(|refusal| format!("{words}: {}", refusal.text())).collect()
}

/// Runs the component as often as requested, up to the first run that does not succeed: its use
/// does not show its need.
async fn repeat(
    args: &CalibrateArgs,
    console: &Console,
    interrupt: &Interrupt,
    (session, wasi): (&Session, &WasiQuota),
    account: &RunAccount,
    effective: &EffectiveConfig,
) -> Result<(Option<Ending>, Runs, Vec<ExecutionReport>), Failure> {
    let limits = Calibration::roomy_limits(&effective.limits(), args.timeout).build()?;
    let stdio = console.stdio().without_output().map_err(|error| Failure::no_thread(&error))?;
    let count = u64::from(args.runs.get());
    let mut bar = RunBar::new(console.shows_progress(), count);
    let mut runs = Runs::default();
    let mut measured = Vec::new();
    while runs.count < count {
        let stdio = stdio.rewound();
        let run = session.run(&limits, account, wasi, &stdio, interrupt);
        let RunRecord { ending, used, .. } = bar.during(runs.count, run).await?;
        runs.add(ending.outcome);
        if ending.outcome != Outcome::Success {
            return Ok((Some(ending), runs, measured));
        }
        measured.push(used);
        if let (Some(by), true) = (interrupt.stopped_by(), runs.count < count) {
            let ending = Ending::stopped_between_runs(by, runs.count, count);
            return Ok((Some(ending), runs, measured));
        }
    }
    Ok((None, runs, measured))
}
