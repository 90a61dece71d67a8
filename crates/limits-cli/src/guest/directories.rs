//! The directories of the command line, under the component's quotas and capabilities.

use std::path::{Path, PathBuf};

use limits_core::{CapabilitySet, Decision, Permission};

use crate::args::DirGrant;
use crate::guest::account::{Mode, RunAccount};
use crate::inputs::manifest::Terms;
use crate::inputs::names_within::names_within;
use crate::outcome::dir_failure::DirFailure;
use crate::outcome::failure::Failure;
use crate::report::refusal::{Grant, everything_below};

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
