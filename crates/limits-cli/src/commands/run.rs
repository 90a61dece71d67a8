//! `wasm-limits run`.

use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use limits_core::ResourceLimits;
use quota_wasi::WasiQuota;
use tokio::task::JoinSet;

use crate::args::RunArgs;
use crate::guest::account::{Mode, RunAccount};
use crate::guest::boundary;
use crate::guest::cluster::Member;
use crate::guest::session::{RunRecord, Session};
use crate::inputs::manifest::Manifest;
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::outcome::classify::Ending;
use crate::outcome::failure::Failure;
use crate::report::console::Console;
use crate::report::model::{Report, Runs};
use crate::report::phases::Phases;
use crate::stdio::Stdio;

/// Runs the component and reports. Returns the exit code.
pub(crate) async fn run(args: &RunArgs, console: &mut Console, interrupt: &Interrupt) -> u8 {
    let manifest = Manifest::load(&args.guest.manifest, interrupt).await;
    let inputs = Manifest::files(&args.guest, Some(&manifest));
    let mut runs = Runs::default();
    let mut notices = Vec::new();
    let mut report = match console.open_report(&args.output, &inputs, &args.guest.dirs) {
        Ok(()) => report(args, manifest, console, interrupt, &mut runs, &mut notices).await,
        Err(failure) => Report::not_run(None, Ending::from(&failure)),
    };
    report.runs = args.repeat.map(|_| runs);
    console.warn(&notices);
    console.publish(report)
}

async fn report(
    args: &RunArgs,
    manifest: Result<Manifest, Failure>,
    console: &Console,
    interrupt: &Interrupt,
    runs: &mut Runs,
    notices: &mut Vec<String>,
) -> Report {
    let inputs = Manifest::inputs(&args.guest.manifest, Some(&manifest));
    let Manifest { terms, file, load_time, .. } = match manifest {
        Ok(manifest) => manifest,
        Err(failure) => return Report::not_run(None, Ending::from(&failure)),
    };
    let mode = if args.observe { Mode::Observe } else { Mode::Enforce };
    let member = match &terms.cluster {
        Some(table) => match Member::join(table, interrupt).await {
            Ok(member) => Some(member),
            Err(failure) => return Report::not_run(Some(&terms), Ending::from(&failure)),
        },
        None => None,
    };
    let account = match RunAccount::open(&terms, mode, member.as_ref()) {
        Ok(account) => Arc::new(account),
        Err(error) => return Report::not_run(Some(&terms), Ending::from(&Failure::from(error))),
    };
    let mut phases = Phases::loaded(load_time);
    let mut waited = Duration::ZERO;
    let ran = async {
        let is_shown = console.shows_progress();
        boundary::check(&args.guest, &inputs, &account, &terms)?;
        let session =
            Session::open(&terms, file?, &args.guest, interrupt, is_shown, notices).await?;
        phases.compile = Some(session.compiled().clone());
        let wasi = boundary::open(&args.guest, &account, &terms, interrupt, is_shown).await?;
        if let Some(member) = &member {
            // No deadline is armed yet.
            member.ready(interrupt, is_shown, &mut waited).await?;
        }
        let wanted = Wanted {
            count: u64::from(args.repeat.map_or(1, NonZeroU32::get)),
            at_once: u64::from(args.parallel.get()),
        };
        let limits = terms.effective.limits();
        let subject = Subject { session, limits, account: Arc::clone(&account), wasi };
        repeat(Arc::new(subject), wanted, console.stdio(), interrupt, runs).await
    };
    let ran = ran.await;
    let cluster = match member {
        Some(member) => Some(member.leave(waited, notices).await),
        None => None,
    };
    let report = match ran {
        Ok(run) => {
            Report { phases: phases.with_execution(&run.used), ..Report::of_run(&terms, run) }
        }
        Err(failure) => Report { phases, ..Report::not_run(Some(&terms), Ending::from(&failure)) },
    };
    Report { cluster, ..report.with_use(&account, &terms) }
}

/// The component with its limits, its account and its directories.
struct Subject {
    session: Session,
    limits: ResourceLimits,
    account: Arc<RunAccount>,
    /// One for all runs: they write to the same directories.
    wasi: WasiQuota,
}

/// The number of runs, and of those at the same time.
#[derive(Clone, Copy)]
struct Wanted {
    count: u64,
    at_once: u64,
}

/// Runs the component as often as requested. Returns the run that failed last, else the run that
/// ended last. No run goes on after the return.
async fn repeat(
    subject: Arc<Subject>,
    wanted: Wanted,
    stdio: &Stdio,
    interrupt: &Interrupt,
    runs: &mut Runs,
) -> Result<RunRecord, Failure> {
    let mut live = JoinSet::new();
    let reported = run_all(&mut live, subject, wanted, stdio, interrupt, runs).await;
    live.shutdown().await;
    reported
}

/// As [`repeat`], but leaves the runs in `live` that a failure made useless.
async fn run_all(
    live: &mut JoinSet<Result<RunRecord, Failure>>,
    subject: Arc<Subject>,
    Wanted { count, at_once }: Wanted,
    stdio: &Stdio,
    interrupt: &Interrupt,
    runs: &mut Runs,
) -> Result<RunRecord, Failure> {
    let has_failed = |run: &RunRecord| run.ending.outcome != Outcome::Success;
    let mut begun = 0;
    let mut reported: Option<RunRecord> = None;
    loop {
        let is_stopped = begun > 0 && interrupt.stopped_by().is_some();
        while begun < count && begun - runs.count < at_once && !is_stopped {
            begun += 1;
            let (subject, stdio, interrupt) =
                (Arc::clone(&subject), stdio.rewound(), interrupt.clone());
            live.spawn(async move {
                let Subject { session, limits, account, wasi } = &*subject;
                session.run(limits, account, wasi, &stdio, &interrupt).await
            });
        }
        let Some(ended) = live.join_next().await else { break };
        let run =
            ended.map_err(|died| Failure::Host { what: "a run", reason: died.to_string() })??;
        runs.add(run.ending.outcome);
        reported = match reported {
            Some(failed) if has_failed(&failed) && !has_failed(&run) => Some(failed),
            _ => Some(run),
        };
    }
    let mut reported =
        reported.ok_or(Failure::Host { what: "a run", reason: String::from("none ran") })?;
    if let (Some(by), true) = (interrupt.stopped_by(), runs.count < count)
        && !has_failed(&reported)
    {
        reported.ending = Ending::stopped_between_runs(by, runs.count, count);
    }
    Ok(reported)
}
