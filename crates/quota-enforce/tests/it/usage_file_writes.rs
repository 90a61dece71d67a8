//! Usage files on their way to the disk.

use std::fs;
use std::path::Path;

use limits_core::QuotaType;
use quota_enforce::{QuotaRegistry, UsageFile, UsageFileError};

use crate::{context, thousand_of_each};

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("it is there");
    let mut names: Vec<_> = names
        .map(|it| it.expect("it is readable").file_name().into_string().expect("it is a text"))
        .collect();
    names.sort();
    names
}

#[test]
fn files_of_other_writers_are_neither_in_the_way_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let usage = QuotaRegistry::new().usage_file();
    // Another container with the same process number, or this one before a crash.
    let mut others: Vec<_> = (0..4)
        .map(|write| format!(".usage.json.{}.{write}.tmp", std::process::id()))
        .chain([".usage-abcdef.tmp".to_owned()])
        .collect();
    others.sort();
    for other in &others {
        fs::write(folder.path().join(other), "of another writer").unwrap();
    }
    let in_the_way = folder.path().join("taken");
    fs::create_dir(&in_the_way).unwrap();
    usage.write(&in_the_way).unwrap_err();
    fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(names(folder.path()), others);
    usage.write(folder.path().join("usage.json")).unwrap();
    others.push("usage.json".to_owned());
    assert_eq!(names(folder.path()), others);
}

#[test]
fn the_longest_name_of_a_file_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let name = "u".repeat(255);
    QuotaRegistry::new().usage_file().write(folder.path().join(&name)).unwrap();
    assert_eq!(names(folder.path()), [name]);
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_users_own_and_one_that_is_replaced_hands_on_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.json");
    let mode = || fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777;
    let usage = QuotaRegistry::new().usage_file();
    usage.write(&path).unwrap();
    assert_eq!(mode(), 0o600);
    for kept in [0o640, 0o600, 0o444] {
        fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
        usage.write(&path).unwrap();
        assert_eq!(mode(), kept);
    }
    // A link is replaced, and has no mode of its own.
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    usage.write(&path).unwrap();
    assert_eq!(mode(), 0o600);
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

/// For a user whom modes bind: root opens any folder.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_flushed_keeps_the_earlier_file() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.json");
    let registry = QuotaRegistry::new();
    registry.usage_file().write(&path).unwrap();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    handle.consume(QuotaType::Storage(1)).unwrap();
    let set_mode = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode));
    set_mode(0o300).unwrap();
    let is_root = fs::read_dir(folder.path()).is_ok();
    let written = registry.usage_file().write(&path);
    set_mode(0o700).unwrap();
    let left = UsageFile::read(&path).unwrap().unwrap().len();
    if let Err(error) = &written {
        assert!(matches!(error, UsageFileError::Write { .. }), "{error}");
    }
    assert!(is_root || written.is_err());
    assert_eq!(left, usize::from(written.is_ok()));
    assert_eq!(names(folder.path()), ["usage.json"]);
}
