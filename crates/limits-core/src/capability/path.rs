//! Normalised paths.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::resource::{self, MAX_SEGMENTS, ResourceError};
use super::segment::Segments;

/// Removes `.`, `..`, `//` and a slash at the end from an absolute path; `..` at the root stays at
/// the root.
///
/// Patterns are matched against the result, so the host must open the result: the path as the guest
/// wrote it may be another one, which was not checked. Works on the text alone. It does **not**
/// read the disk and so does not resolve symbolic links; a host that has them must open below a
/// directory handle. It does not fold case or Unicode, as some file systems do, and does not decode
/// `%2e`. Its only separator is `/`; a host on Windows must refuse paths that have a `\`.
///
/// ```
/// use limits_core::normalize_path;
///
/// assert_eq!(normalize_path("/app/data/../../etc//passwd")?, "/etc/passwd");
/// assert_eq!(normalize_path("/../..")?, "/");
/// assert!(normalize_path("app/data").is_err());
/// # Ok::<(), limits_core::ResourceError>(())
/// ```
///
/// # Errors
///
/// [`ResourceError`] if the path is empty or relative, has a NUL byte, more than 4 096 bytes or
/// more than 64 segments.
pub fn normalize_path(path: &str) -> Result<Cow<'_, str>, ResourceError> {
    resource::check_text(path)?;
    let Some(below_root) = path.strip_prefix('/') else { return Err(ResourceError::Relative) };
    if below_root.is_empty() {
        return Ok(Cow::Borrowed(path));
    }
    let segments = || Segments::of(below_root, '/');
    if is_plain(path) || !segments().any(|segment| matches!(segment, "" | "." | "..")) {
        check_depth(path.bytes().filter(|byte| *byte == b'/').count())?;
        return Ok(Cow::Borrowed(path));
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in segments() {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    check_depth(kept.len())?;
    let mut clean = String::with_capacity(path.len());
    for segment in &kept {
        clean.push('/');
        clean.push_str(segment);
    }
    if kept.is_empty() {
        clean.push('/');
    }
    Ok(Cow::Owned(clean))
}

/// Returns the normalised path of an entry of a directory, with a name that stands for any: only a
/// `*` or `**` matches it, since neither a pattern nor an id has a NUL.
pub(super) fn any_entry(dir: &str) -> Result<String, ResourceError> {
    let mut entry = normalize_path(dir)?.into_owned();
    if entry != "/" {
        entry.push('/');
    }
    entry.push('\0');
    Ok(entry)
}

/// Returns whether no segment is empty or begins with a dot: true for most paths, and found without
/// cutting them up.
fn is_plain(path: &str) -> bool {
    let pairs = path.bytes().zip(path.bytes().skip(1));
    let strange = |(one, next)| one == b'/' && (next == b'/' || next == b'.');
    !pairs.fold(path.ends_with('/'), |found, pair| found | strange(pair))
}

const fn check_depth(segments: usize) -> Result<(), ResourceError> {
    if segments > MAX_SEGMENTS {
        return Err(ResourceError::TooManySegments { segments, most: MAX_SEGMENTS });
    }
    Ok(())
}

/// Returns the segments of a normalised path.
pub(super) fn segments(normal: &str) -> Segments<'_> {
    match normal.strip_prefix('/') {
        None | Some("") => Segments::none(),
        Some(below_root) => Segments::of(below_root, '/'),
    }
}

#[cfg(test)]
mod tests {
    use super::normalize_path;
    use crate::capability::resource::ResourceError;
    use alloc::borrow::Cow;
    use std::string::{String, ToString as _};

    #[test]
    fn paths_are_normalised_by_their_text_alone() {
        for (path, normal) in [
            ("/", "/"),
            ("//", "/"),
            ("/.", "/"),
            ("/..", "/"),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("/a//b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/../../../../c", "/c"),
            ("/...", "/..."),
            ("/a..b", "/a..b"),
            ("/app/data/../../etc/passwd", "/etc/passwd"),
            // No character is decoded, folded or taken for another separator.
            ("/a/%2e%2e/b", "/a/%2e%2e/b"),
            ("/a/..\\..\\b", "/a/..\\..\\b"),
            ("/a/\u{ff0e}\u{ff0e}/b", "/a/\u{ff0e}\u{ff0e}/b"),
            ("/a/.. /b", "/a/.. /b"),
        ] {
            assert_eq!(normalize_path(path).as_deref(), Ok(normal), "{path}");
        }
    }

    #[test]
    fn a_normalised_path_is_not_copied() {
        assert!(matches!(normalize_path("/app/data/x"), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn a_text_that_is_not_an_absolute_path_is_refused() {
        assert_eq!(normalize_path(""), Err(ResourceError::Empty));
        assert_eq!(normalize_path("a/b"), Err(ResourceError::Relative));
        assert_eq!(normalize_path("./a"), Err(ResourceError::Relative));
        assert_eq!(normalize_path("/a\0b"), Err(ResourceError::Nul));
        let long: String = core::iter::repeat_n('/', 4_097).collect();
        assert_eq!(
            normalize_path(&long).unwrap_err().to_string(),
            "it has 4097 bytes, at most 4096 are allowed"
        );
        let deep = |depth: usize| core::iter::repeat_n("/a", depth).collect::<String>();
        assert!(normalize_path(&deep(64)).is_ok());
        assert_eq!(
            normalize_path(&deep(65)).unwrap_err().to_string(),
            "it has 65 segments, at most 64 are allowed"
        );
    }
}
