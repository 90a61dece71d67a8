//! The directories of the command line, under the component's quotas and capabilities.

use core::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use limits_config::format_size;
use limits_core::{CapabilitySet, Decision, Permission};
use quota_wasi::{DirectoryAccess, WalkProgress, WasiQuota, WasiQuotaError};

use crate::args::DirGrant;
use crate::background::in_background;
use crate::guest::account::{Mode, RunAccount};
use crate::inputs::manifest::Terms;
use crate::inputs::names_within::names_within;
use crate::interrupt::Interrupt;
use crate::outcome::dir_failure::DirFailure;
use crate::outcome::failure::Failure;
use crate::progress;
use crate::report::refusal::{Grant, everything_below};
use crate::units::grouped;

/// Refuses a directory in which no capability of the component allows anything: the command line
/// and the component's files contradict each other, and the guest would find nothing.
///
/// # Errors
///
/// [`DirFailure::Useless`], with the line that would make it useful.
pub(crate) fn check_use(
    dirs: &[DirGrant],
    account: &RunAccount,
    terms: &Terms,
) -> Result<(), Failure> {
    if account.mode() == Mode::Observe {
        return Ok(());
    }
    let capabilities = account.component_handle().capabilities();
    for dir in dirs {
        let place = format!("/{}", dir.guest);
        let permissions = [Permission::FilesystemRead, Permission::FilesystemWrite];
        let usable = if dir.is_read_only { &permissions[..1] } else { &permissions };
        let decisions: Vec<Decision<'_>> = usable
            .iter()
            .map(|permission| capabilities.check_at_or_below(*permission, &place))
            .collect();
        if decisions.iter().any(Decision::is_allowed) {
            continue;
        }
        return Err(useless(dir, &place, &decisions, terms.effective.capabilities()).into());
    }
    Ok(())
}

fn useless(
    dir: &DirGrant,
    place: &str,
    decisions: &[Decision<'_>],
    capabilities: &CapabilitySet,
) -> DirFailure {
    // A permission that the component's own file grants lacks least.
    let nearest = decisions.iter().find(|decision| decision.denied_by().is_some());
    let nearest = nearest.or_else(|| decisions.first());
    let place = limits_core::normalize_path(place).unwrap_or_default();
    let pattern = everything_below(&place);
    DirFailure::Useless {
        dir: dir.clone(),
        grant: nearest.and_then(|denied| {
            Grant::new(denied.permission(), &pattern, denied.denied_by(), capabilities)
        }),
    }
}

/// Refuses files of the operator that the guest may change: the next run would obey what it wrote.
///
/// # Errors
///
/// [`DirFailure::Exposed`] for the first of `inputs` that a capability lets the guest replace.
pub(crate) fn check_inputs(
    dirs: &[DirGrant],
    inputs: &[PathBuf],
    account: &RunAccount,
) -> Result<(), Failure> {
    let capabilities = account.component_handle().capabilities();
    let may_write = |dir: &DirGrant, name: &Path| {
        let place = format!("/{}/{}", dir.guest, name.display());
        account.mode() == Mode::Observe
            || capabilities.check(Permission::FilesystemWrite, &place).is_allowed()
    };
    for dir in dirs.iter().filter(|dir| !dir.is_read_only) {
        for path in inputs {
            if names_within(path, &dir.host).iter().any(|name| may_write(dir, name)) {
                let (path, dir) = (path.clone(), dir.clone());
                return Err(DirFailure::Exposed { path, dir }.into());
            }
        }
    }
    Ok(())
}

/// Opens the directories, locks those that the guest may write, and counts what lies in them.
/// With `is_shown`, stderr has a note while that takes long.
///
/// # Errors
///
/// A [`Failure`] for a directory that cannot be opened or counted or that another process has
/// locked; [`Failure::Interrupted`] after an interrupt.
pub(crate) async fn open(
    dirs: &[DirGrant],
    account: &RunAccount,
    terms: &Terms,
    interrupt: &Interrupt,
    is_shown: bool,
) -> Result<WasiQuota, Failure> {
    let counted = Arc::new(Mutex::new(WalkProgress::default()));
    let (counting, stop) = (Arc::clone(&counted), interrupt.clone());
    let mut builder = WasiQuota::builder(account.component_handle())
        .max_blocking_threads(terms.effective.limits().max_blocking_threads())
        .entry_bytes(terms.host.storage_entry_bytes())
        .baseline(terms.host.storage_baseline())
        .progress(move |progress| {
            *counting.lock().unwrap_or_else(PoisonError::into_inner) = progress;
            match stop.stopped_by() {
                None => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(()),
            }
        });
    for DirGrant { host, guest, is_read_only } in dirs {
        let access =
            if *is_read_only { DirectoryAccess::ReadOnly } else { DirectoryAccess::ReadWrite };
        builder = builder.directory(host, guest, access);
    }
    let note = || {
        let counted = *counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (entries, bytes) = (grouped(counted.entries()), format_size(counted.bytes()));
        format!("counting the directories: {entries} entries, {bytes}")
    };
    let opening = in_background("counting the directories", interrupt, || builder.build());
    let opened = progress::with_note(is_shown, note, opening).await?;
    opened.map_err(|error| match (error, interrupt.stopped_by()) {
        (WasiQuotaError::Interrupted, Some(by)) => Failure::Interrupted { by },
        (error, _) => DirFailure::from(error).into(),
    })
}
