//! The names through which a guest could replace a file of the host.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the names on the way to a file that lie in a directory, relative to it: a guest that may
/// change one of them decides what the file is. A directory that is missing has none.
pub(crate) fn names_within(path: &Path, directory: &Path) -> Vec<PathBuf> {
    let Ok(directory) = fs::canonicalize(directory) else { return Vec::new() };
    let below = |place: PathBuf| {
        let below = place.strip_prefix(&directory).ok()?;
        (below != Path::new("")).then(|| below.to_path_buf())
    };
    let parts = path.ancestors().filter(|part| *part != Path::new(""));
    let names = parts.flat_map(|part| [fs::canonicalize(part).ok(), entry(part)]);
    names.flatten().filter_map(below).collect()
}

/// Returns the absolute path of the name itself, which may be a link.
pub(crate) fn entry(path: &Path) -> Option<PathBuf> {
    let folder = match path.parent()? {
        folder if folder == Path::new("") => Path::new("."),
        folder => folder,
    };
    Some(fs::canonicalize(folder).ok()?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::names_within;
    use std::fs;
    use std::path::PathBuf;

    #[test]
    fn a_file_is_replaced_through_itself_its_folders_and_the_links_to_both() {
        let dir = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(home.join("given/folder")).unwrap();
        fs::write(home.join("given/folder/file"), "").unwrap();
        fs::write(home.join("other"), "").unwrap();
        std::os::unix::fs::symlink(home.join("given/folder"), home.join("link")).unwrap();
        std::os::unix::fs::symlink(home.join("other"), home.join("given/out")).unwrap();
        let names = |path: &str| {
            let mut names = names_within(&home.join(path), &home.join("given"));
            names.sort();
            names.dedup();
            names
        };
        let both = [PathBuf::from("folder"), PathBuf::from("folder/file")];
        assert_eq!(names("given/folder/file"), both);
        assert_eq!(names("link/file"), both);
        assert_eq!(names("given/out"), [PathBuf::from("out")]);
        assert!(names("other").is_empty());
        assert!(names_within(&home.join("other"), &home.join("missing")).is_empty());
    }
}
