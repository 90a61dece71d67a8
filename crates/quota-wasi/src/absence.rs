//! The place that a path names with nothing there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use cap_primitives::fs::{FollowSymlinks, open_dir};
use rustix::fs::readlinkat;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::lookup::{Base, LONGEST_PATH};
use crate::place::Place;

/// The links that the system follows in one path.
const MOST_LINKS: usize = 40;

/// The place of something that is not there, or that cannot be reached.
///
/// Found without a look at what capabilities allow, so that they can decide over names before they
/// show whether something has the name.
#[derive(Debug)]
pub(crate) struct Absence {
    /// Where it would be: behind all links that could be followed, the rest as it was written.
    pub(crate) place: Place,
    /// The directory that it could be made in, and its name there; `None` if directories on the way
    /// are missing too, or the path leads out.
    pub(crate) vacancy: Option<(Arc<File>, OsString)>,
}

/// Finds the place that a path names, or `None` if something is there by now.
pub(crate) fn locate(
    base: Base<'_>,
    path: &OsStr,
    follow: FollowSymlinks,
) -> FsResult<Option<Absence>> {
    let mut path = path.to_owned();
    for links in 0..=MOST_LINKS {
        let parts = components(&path);
        let (dir, reached) = deepest(base.dir, &parts);
        let Some(place) = base.place_of(&dir)? else { return Ok(None) };
        let (way, missing) = parts.split_at(reached);
        let Some((name, rest)) = missing.split_first() else { return Ok(None) };
        if *name == ".." {
            return Ok(Some(Absence { place, vacancy: None }));
        }
        let here = below(place, name)?;
        let is_last = rest.is_empty() && !wants_directory(&path);
        let is_followed = !is_last || follow == FollowSymlinks::Yes;
        if is_followed && let Ok(target) = readlinkat(&*dir, *name, Vec::new()) {
            let target = OsStr::from_bytes(target.to_bytes());
            let next = spliced(way, target, rest, wants_directory(&path));
            let is_dead_end = target.as_bytes().starts_with(b"/") || next.len() >= LONGEST_PATH;
            if is_dead_end || links == MOST_LINKS {
                return Ok(Some(Absence { place: here, vacancy: None }));
            }
            path = next;
            continue;
        }
        let place = behind(&here, rest)?.unwrap_or(here);
        let vacancy = is_last.then(|| (dir, OsString::from(name)));
        return Ok(Some(Absence { place, vacancy }));
    }
    Ok(None)
}

/// Returns the components of a path without those that say nothing.
fn components(path: &OsStr) -> Vec<&OsStr> {
    let parts = path.as_bytes().split(|byte| *byte == b'/');
    parts.filter(|part| !matches!(*part, b"" | b".")).map(OsStr::from_bytes).collect()
}

fn wants_directory(path: &OsStr) -> bool {
    path.as_bytes().ends_with(b"/") || path.as_bytes().ends_with(b"/.")
}

/// Opens the deepest directory on the way, and returns the number of components that lead to it.
///
/// A part of the way that cannot be opened makes every longer part fail, so each attempt excludes
/// half of the lengths that are left.
fn deepest(base: &Arc<File>, parts: &[&OsStr]) -> (Arc<File>, usize) {
    let mut reached = (Arc::clone(base), 0);
    let mut beyond = parts.len() + 1;
    while reached.1 + 1 < beyond {
        let middle = usize::midpoint(reached.1, beyond);
        let way: PathBuf = parts.iter().take(middle).collect();
        match open_dir(base, &way) {
            Ok(dir) => reached = (Arc::new(dir), middle),
            Err(_) => beyond = middle,
        }
    }
    reached
}

/// Returns the place that a path names behind something that is not there, as it is written; `None`
/// if it leads out of the directory.
fn behind(here: &Place, rest: &[&OsStr]) -> FsResult<Option<Place>> {
    let mut place = here.clone();
    for part in rest {
        if *part != ".." {
            place = below(place, part)?;
        } else if let Some(parent) = place.parent() {
            place = parent;
        } else {
            return Ok(None);
        }
    }
    Ok(Some(place))
}

fn below(place: Place, name: &OsStr) -> FsResult<Place> {
    match name.to_str() {
        Some(name) => Ok(place.join(name)),
        // Only a link made by others leads to such a name, which no pattern matches.
        None => Err(ErrorCode::Access.into()),
    }
}

/// Returns a path with a link's target in the place of the link.
fn spliced(way: &[&OsStr], target: &OsStr, rest: &[&OsStr], wants_directory: bool) -> OsString {
    let parts = way.iter().copied().chain([target]).chain(rest.iter().copied());
    let mut path = OsString::new();
    for part in parts {
        if !path.is_empty() {
            path.push("/");
        }
        path.push(part);
    }
    if wants_directory {
        path.push("/");
    }
    path
}
