//! Paths that enter a directory and leave it again by `..`.
//!
//! The system stops on the way where the directory does not exist, so the answer to such a path
//! tells of the directory, though the path leads elsewhere. Therefore the directory is found and
//! decided on first.

use std::borrow::Cow;

use cap_primitives::fs::FollowSymlinks;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::lookup::{Answer, Base, TRIES, is_plain};
use crate::system::Access;

/// Splits a path behind the first directory that it leaves by `..`: the way to the directory, and
/// the rest, which begins with `..`.
fn split(path: &str) -> Option<(&str, &str)> {
    let (mut end, mut is_below) = (0, false);
    for part in path.split_inclusive('/') {
        match part.trim_end_matches('/') {
            "" | "." => {}
            ".." if is_below => return path.split_at_checked(end),
            ".." => {}
            _ => is_below = true,
        }
        end += part.len();
    }
    None
}

/// Tells whether a path that could lead somewhere enters a directory and leaves it again.
pub(crate) fn has_detour(path: &str) -> bool {
    !path.starts_with('/') && split(path).is_some()
}

/// Returns a path that goes up from a directory as often as `rest` begins with `..`, or as the base
/// allows, and then on.
fn climbed<'a>(mut dir: &'a str, mut rest: &'a str) -> String {
    loop {
        let (part, after) = rest.split_once('/').unwrap_or((rest, ""));
        match part {
            ".." if !dir.is_empty() => dir = dir.rsplit_once('/').map_or("", |(parent, _)| parent),
            "" | "." if !rest.is_empty() => {}
            _ => break,
        }
        rest = after;
    }
    // The path names a directory here, whatever follows.
    if dir.is_empty() { format!("./{rest}") } else { format!("{dir}/./{rest}") }
}

impl Base<'_> {
    /// Returns a path to the same place without detours: each directory that the path left again
    /// was found and decided on. `access` is wanted to the end of the path.
    ///
    /// The directories before the place where it went up are named without links, so no other that
    /// takes their names meanwhile is entered and left unseen.
    pub(crate) fn without_detours<'p>(
        self,
        path: &'p str,
        access: Access,
    ) -> FsResult<Cow<'p, str>> {
        let mut path = Cow::Borrowed(path);
        // The system refuses other paths without a look at what is there.
        while is_plain(&path)
            && let Some((way, rest)) = split(&path)
        {
            path = Cow::Owned(climbed(&self.directory(way, access)?, rest));
        }
        Ok(path)
    }

    /// Returns the path from the base, without links, of a directory that a guest may enter.
    fn directory(self, way: &str, access: Access) -> FsResult<String> {
        for _ in 0..TRIES {
            let found = match self.look_straight(way, FollowSymlinks::Yes, Access::READ)? {
                Answer::Found(found) => found,
                Answer::Absent(absence, error) => {
                    return Err(self.judge.absent(&absence.place, access, error));
                }
            };
            self.judge.enter(&found.place)?;
            let base = self.place_of(self.dir)?;
            if let Some(below) = base.as_ref().and_then(|base| found.place.below(base)) {
                return Ok(String::from(below));
            }
            // Another process has moved one of the two.
        }
        Err(ErrorCode::NoEntry.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{climbed, has_detour, split};

    #[test]
    fn a_detour_is_a_name_that_the_path_leaves_again() {
        for path in
            ["", ".", "..", "../..", "a", "a/b", "../a/b", "./..//.././a", "..a/b..", "/a/.."]
        {
            assert!(!has_detour(path), "{path}");
        }
        for (path, way, rest) in [
            ("a/..", "a/", ".."),
            ("a/b/../..", "a/b/", "../.."),
            ("../a//./../b", "../a//./", "../b"),
            ("a/.../..b/../c", "a/.../..b/", "../c"),
        ] {
            assert!(has_detour(path), "{path}");
            assert_eq!(split(path), Some((way, rest)));
        }
    }

    #[test]
    fn a_path_climbs_up_to_its_base() {
        for (dir, rest, path) in [
            ("a", "..", "./"),
            ("a/b", "../", "a/./"),
            ("a/b/c", "../.././/x/..", "a/./x/.."),
            ("a", "../../x", "./../x"),
            ("", "../x", "./../x"),
            ("a", "../..x", "./..x"),
        ] {
            assert_eq!(climbed(dir, rest), path);
        }
    }
}
