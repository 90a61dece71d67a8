//! `wasm-limits calibrate`.

use limits_config::EffectiveConfig;
use limits_wasmtime::{Calibration, ExecutionReport};
use quota_wasi::WasiQuota;

use crate::args::{CalibrateArgs, GuestArgs};
use crate::guest::account::RunAccount;
use crate::guest::directories;
use crate::guest::session::{RunRecord, Session};
use crate::inputs::manifest::{Manifest, Terms};
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::outcome::classify::Ending;
use crate::outcome::failure::Failure;
use crate::progress::RunBar;
use crate::report::calibration::CalibrationReport;
use crate::report::console::Console;
use crate::report::model::Runs;

/// Measures the component and suggests limits. Returns the exit code.
pub(crate) async fn calibrate(
    args: &CalibrateArgs,
    console: &mut Console,
    interrupt: &Interrupt,
) -> u8 {
    let GuestArgs { manifest: files, dirs, .. } = &args.guest;
    let manifest = Manifest::load(files, interrupt).await;
    let report = match console.open_report(&args.output, files, &manifest, dirs) {
        Ok(()) => measure(args, manifest, console, interrupt).await,
        Err(failure) => CalibrationReport::not_run(None, Ending::from(&failure), Runs::default()),
    };
    console.publish(report)
}

async fn measure(
    args: &CalibrateArgs,
    manifest: Result<Manifest, Failure>,
    console: &Console,
    interrupt: &Interrupt,
) -> CalibrationReport {
    let Manifest { terms, file, .. } = match manifest {
        Ok(manifest) => manifest,
        Err(failure) => {
            return CalibrationReport::not_run(None, Ending::from(&failure), Runs::default());
        }
    };
    let Terms { name, effective, .. } = &terms;
    let dirs = &args.guest.dirs;
    let ran = async {
        let account = RunAccount::unlimited(&terms)?;
        let is_shown = console.shows_progress();
        directories::check_use(dirs, &account, &terms)?;
        let session =
            Session::open(name, file?, &args.guest, &effective.limits(), interrupt, is_shown)
                .await?;
        let wasi = directories::open(dirs, &account, &terms, interrupt, is_shown).await?;
        repeat(args, console, interrupt, (&session, &wasi), &account, effective).await
    };
    match ran.await {
        Ok((None, runs, measured)) => {
            CalibrationReport::new(terms.name, &terms.effective, runs, &measured, args.headroom)
        }
        Ok((Some(ending), runs, _)) => CalibrationReport::not_run(Some(terms.name), ending, runs),
        Err(failure) => {
            CalibrationReport::not_run(Some(terms.name), Ending::from(&failure), Runs::default())
        }
    }
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
