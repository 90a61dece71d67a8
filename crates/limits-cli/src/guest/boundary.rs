//! The component's quotas at the WASI boundary: its directories, and the services of the host.

use core::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use limits_config::format_size;
use quota_wasi::{DirectoryAccess, WalkProgress, WasiQuota, WasiQuotaError};

use crate::args::{DirGrant, GuestArgs};
use crate::background::in_background;
use crate::guest::account::RunAccount;
use crate::guest::{directories, services};
use crate::inputs::manifest::Terms;
use crate::interrupt::Interrupt;
use crate::outcome::dir_failure::DirFailure;
use crate::outcome::failure::Failure;
use crate::progress;
use crate::units::grouped;

/// Refuses a directory or a service that no capability of the component can use, and a file of the
/// operator that the guest or a service may change. `inputs` are those that the command reads.
///
/// # Errors
///
/// [`DirFailure`] and [`ServiceFailure`](crate::outcome::service_failure::ServiceFailure).
pub(crate) fn check(
    args: &GuestArgs,
    inputs: &[PathBuf],
    account: &RunAccount,
    terms: &Terms,
) -> Result<(), Failure> {
    let GuestArgs { dirs, services, .. } = args;
    directories::check_use(dirs, account, terms)?;
    services::check_use(services, account, terms)?;
    services::check_files(services, inputs)?;
    let kept: Vec<PathBuf> = inputs.iter().chain(services.files()).cloned().collect();
    directories::check_inputs(dirs, &kept, account)
}

/// Opens the directories and the files of the services, locks those that are written, and counts
/// what lies in the directories. With `is_shown`, stderr has a note while that takes long.
///
/// # Errors
///
/// A [`Failure`] for a directory or a file that cannot be opened or counted or that another process
/// has locked; [`Failure::Interrupted`] after an interrupt.
pub(crate) async fn open(
    args: &GuestArgs,
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
        .network_policy(terms.effective.network_policy())
        .message_policy(terms.effective.message_policy())
        .progress(move |progress| {
            *counting.lock().unwrap_or_else(PoisonError::into_inner) = progress;
            match stop.stopped_by() {
                None => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(()),
            }
        });
    for DirGrant { host, guest, is_read_only } in &args.dirs {
        let access =
            if *is_read_only { DirectoryAccess::ReadOnly } else { DirectoryAccess::ReadWrite };
        builder = builder.directory(host, guest, access);
    }
    let note = || {
        let counted = *counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (entries, bytes) = (grouped(counted.entries()), format_size(counted.bytes()));
        format!("counting the directories: {entries} entries, {bytes}")
    };
    let (services, stop) = (args.services.clone(), interrupt.clone());
    let opening = in_background("counting the directories", interrupt, move || {
        let builder = services::open(&services, builder)?;
        builder.build().map_err(|error| match (error, stop.stopped_by()) {
            (WasiQuotaError::Interrupted, Some(by)) => Failure::Interrupted { by },
            (error, _) => DirFailure::from(error).into(),
        })
    });
    progress::with_note(is_shown, note, opening).await?
}
