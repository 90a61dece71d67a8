//! Directories that two components want.

use super::run_in_child;
use crate::disk::lock::{DirectoryLocks, LockError};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

fn take(paths: &[&Path]) -> Result<DirectoryLocks, LockError> {
    let opened: Vec<_> = paths.iter().map(|path| (File::open(path).unwrap(), *path)).collect();
    let borrowed: Vec<_> = opened.iter().map(|(file, path)| (file, *path)).collect();
    DirectoryLocks::take(&borrowed)
}

// I10
#[test]
fn a_second_holder_is_refused_until_the_first_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let lock = take(&[path]).unwrap();
    let error = take(&[path]).unwrap_err();
    assert!(matches!(&error, LockError::InUse { path: of } if of == path), "{error:?}");
    drop(lock);
    take(&[path]).unwrap();
}

#[test]
fn the_callers_own_file_does_not_share_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::open(folder.path()).unwrap();
    let lock = DirectoryLocks::take(&[(&file, folder.path())]).unwrap();
    assert!(DirectoryLocks::take(&[(&file, folder.path())]).is_err());
    let copy = file.try_clone().unwrap();
    drop(file);
    assert!(take(&[folder.path()]).is_err());
    drop(lock);
    take(&[folder.path()]).unwrap();
    drop(copy);
}

// I10
#[test]
fn one_component_may_have_nested_directories_and_one_of_them_twice() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    for order in [[folder.path(), &inner, &inner], [&inner, folder.path(), folder.path()]] {
        let lock = take(&order).unwrap();
        assert!(take(&[&inner]).is_err() && take(&[folder.path()]).is_err());
        drop(lock);
    }
}

// I10
#[test]
fn a_directory_below_that_of_another_holder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    let lock = take(&[folder.path()]).unwrap();
    let error = take(&[&inner]).unwrap_err();
    assert!(matches!(&error, LockError::AboveInUse { path } if *path == inner), "{error:?}");
    drop(lock);
    // Neighbours are no obstacle, and a refused holder has left nothing locked.
    let neighbour = folder.path().join("c");
    fs::create_dir(&neighbour).unwrap();
    let _one = take(&[&inner]).unwrap();
    let _other = take(&[&neighbour]).unwrap();
}

#[test]
fn all_directories_are_locked_or_none() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let paths = folders.each_ref().map(tempfile::TempDir::path);
    let lock = take(&[paths[1]]).unwrap();
    let error = take(&paths).unwrap_err();
    assert!(matches!(error, LockError::InUse { path } if path == paths[1]));
    take(&[paths[0]]).unwrap();
    drop(lock);
}

#[test]
fn a_file_is_not_locked() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = take(&[file.path()]).unwrap_err();
    let LockError::Io { path, error } = error else { panic!("{error:?}") };
    assert_eq!(path, file.path());
    assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory);
}

// I10
#[test]
fn another_process_is_refused() {
    const FOLDER: &str = "QUOTA_WASI_TEST_FOLDER";
    if let Some(path) = std::env::var_os(FOLDER) {
        let path = PathBuf::from(path);
        assert!(matches!(take(&[&path]), Err(LockError::InUse { .. })));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let _lock = take(&[folder.path()]).unwrap();
    let export = format!("export {FOLDER}='{}'", folder.path().display());
    assert!(run_in_child(&export, "another_process_is_refused"));
}
