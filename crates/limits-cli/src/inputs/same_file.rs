//! Files under several names.

use std::fs;
use std::path::Path;

use crate::inputs::names_within::entry;

/// Returns whether two paths lead to one file, or would if it were made.
pub(crate) fn is_same(path: &Path, other: &Path) -> bool {
    match (fs::canonicalize(path), fs::canonicalize(other)) {
        (Ok(path), Ok(other)) => path == other || is_one_inode(&path, &other),
        (Err(_), Err(_)) => entry(path).is_some_and(|path| Some(path) == entry(other)),
        _ => false,
    }
}

#[cfg(unix)]
fn is_one_inode(path: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let id = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    id(path).is_some_and(|file| Some(file) == id(other))
}

#[cfg(not(unix))]
const fn is_one_inode(_path: &Path, _other: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::is_same;
    use std::fs;

    #[test]
    fn one_file_is_known_under_each_of_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a"), "").unwrap();
        fs::write(at("b"), "").unwrap();
        fs::hard_link(at("a"), at("hard")).unwrap();
        std::os::unix::fs::symlink("a", at("soft")).unwrap();
        for (path, other, expected) in [
            ("a", "a", true),
            ("a", "hard", true),
            ("soft", "hard", true),
            ("a", "b", false),
            ("a", "new", false),
            ("new", "./new", true),
            ("new", "newer", false),
            ("no/new", "no/new", false),
        ] {
            assert_eq!(is_same(&at(path), &at(other)), expected, "{path} {other}");
        }
    }
}
