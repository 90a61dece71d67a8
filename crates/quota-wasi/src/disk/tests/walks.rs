//! The count of what lies in the directories at the start.

use super::{DiskLedger, ENTRY, component, recount::recount, run_in_child};
use crate::disk::error::WalkError;
use crate::disk::lock::DirectoryLocks;
use crate::disk::walk::STRIDE;
use crate::walk_progress::WalkProgress;
use core::ops::ControlFlow;
use limits_core::StorageBaseline;
use rustix::fs::{AtFlags, Mode, OFlags};
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Counts the roots and returns the component's use.
fn count(
    roots: &[&Path],
    progress: &mut dyn FnMut(WalkProgress) -> ControlFlow<()>,
) -> (Result<(), WalkError>, u64) {
    let component = component(0);
    let ledger = DiskLedger::new(component.clone(), ENTRY, StorageBaseline::Count);
    let roots: Vec<_> = roots.iter().map(|path| File::open(path).unwrap()).collect();
    let counted = ledger.count(&roots.iter().collect::<Vec<_>>(), progress);
    (counted, component.usage().storage_used)
}

#[track_caller]
fn assert_count(roots: &[&Path], entries: u64, bytes: u64) {
    let mut last = WalkProgress::default();
    let progress = &mut |progress| {
        last = progress;
        ControlFlow::Continue(())
    };
    let (counted, used) = count(roots, progress);
    counted.unwrap();
    assert_eq!((last.entries(), last.bytes()), (entries, bytes));
    assert_eq!(used, entries * ENTRY + bytes);
}

/// Two files, a directory with one, and links that lead out and to nothing.
fn sample(root: &Path) -> (u64, u64) {
    fs::write(root.join("a"), [b'x'; 100]).unwrap();
    fs::create_dir(root.join("d")).unwrap();
    fs::write(root.join("d/b"), [b'x'; 30]).unwrap();
    fs::hard_link(root.join("a"), root.join("d/a")).unwrap();
    symlink("/usr", root.join("out")).unwrap();
    symlink("nothing", root.join("d/none")).unwrap();
    fs::hard_link(root.join("d/none"), root.join("none")).unwrap();
    File::create(root.join("sparse")).unwrap().set_len(1 << 33).unwrap();
    (8, 130 + 4 + 7 + (1 << 33))
}

// I9
#[test]
fn the_walk_counts_as_the_recount_and_follows_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let (entries, bytes) = sample(folder.path());
    let on_disk = recount(&[folder.path()], &[]);
    assert_eq!((on_disk.entries, on_disk.bytes), (entries, bytes));
    assert_count(&[folder.path()], entries, bytes);
}

#[test]
fn nothing_is_counted_of_an_empty_directory_and_of_no_directory() {
    let folder = tempfile::tempdir().unwrap();
    assert_count(&[folder.path()], 0, 0);
    assert_count(&[], 0, 0);
}

// I9
#[test]
fn nested_roots_and_one_given_twice_count_once_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let (entries, bytes) = sample(folder.path());
    let (all, inner) = (folder.path(), folder.path().join("d"));
    assert_count(&[all, &inner], entries, bytes);
    assert_count(&[&inner, all], entries, bytes);
    assert_count(&[all, all], entries, bytes);
    assert_count(&[&inner], 3, 100 + 30 + 7);
}

// I9
#[test]
fn hard_links_in_two_roots_count_their_bytes_once() {
    let folder = tempfile::tempdir().unwrap();
    let roots = ["a", "b"].map(|name| folder.path().join(name));
    roots.iter().for_each(|root| fs::create_dir(root).unwrap());
    fs::write(roots[0].join("x"), [b'x'; 100]).unwrap();
    fs::hard_link(roots[0].join("x"), roots[1].join("y")).unwrap();
    assert_count(&[&roots[0], &roots[1]], 2, 100);
}

#[test]
fn pipes_and_sockets_are_entries() {
    let folder = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
    assert_count(&[folder.path()], 1, 0);
}

// I9
#[test]
fn a_tree_deeper_than_the_stack_and_the_descriptors_is_counted() {
    let name = "a_tree_deeper_than_the_stack_and_the_descriptors_is_counted";
    if run_in_child("ulimit -n 40", name) {
        return;
    }
    const DEPTH: u64 = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut here = OwnedFd::from(File::open(folder.path()).unwrap());
    for level in 0..DEPTH {
        rustix::fs::mkdirat(&here, "d", Mode::RWXU).unwrap();
        if level % 100 == 0 {
            rustix::fs::mkdirat(&here, "e", Mode::RWXU).unwrap();
        }
        here = rustix::fs::openat(&here, "d", flags, Mode::empty()).unwrap();
    }
    rustix::fs::openat(&here, "f", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap();
    let root = folder.path().to_owned();
    let small_stack = std::thread::Builder::new().stack_size(128 * 1024);
    let counting = move || assert_count(&[&root], DEPTH + DEPTH / 100 + 1, 0);
    let counted = small_stack.spawn(counting).unwrap().join();
    // The standard library removes with one open directory for each level.
    rustix::fs::unlinkat(&here, "f", AtFlags::empty()).unwrap();
    for _ in 0..DEPTH {
        here = rustix::fs::openat(&here, "..", flags, Mode::empty()).unwrap();
        rustix::fs::unlinkat(&here, "d", AtFlags::REMOVEDIR).unwrap();
        let _ = rustix::fs::unlinkat(&here, "e", AtFlags::REMOVEDIR);
    }
    counted.unwrap();
}

/// Makes a directory of so many files and some directories.
fn wide(files: u64, dirs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..files {
        fs::write(folder.path().join(format!("f{n}")), b"x").unwrap();
    }
    dirs.iter().for_each(|dir| fs::create_dir_all(folder.path().join(dir)).unwrap());
    folder
}

#[test]
fn progress_is_reported_regularly_and_at_the_end() {
    let folder = wide(2 * STRIDE + 5, &["d"]);
    let mut seen = Vec::new();
    let progress = &mut |progress: WalkProgress| {
        seen.push(progress.entries());
        assert!(progress.entries() - progress.bytes() <= 1);
        ControlFlow::Continue(())
    };
    count(&[folder.path()], progress).0.unwrap();
    assert_eq!(seen, [STRIDE, 2 * STRIDE, 2 * STRIDE + 6]);
}

#[test]
fn a_walk_that_is_broken_off_counts_nothing() {
    let folder = wide(STRIDE + 5, &[]);
    for most in [1, 2] {
        let mut calls = 0;
        let progress = &mut |_| {
            calls += 1;
            if calls == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let (counted, used) = count(&[folder.path()], progress);
        assert!(matches!(counted, Err(WalkError::Interrupted)));
        assert_eq!((calls, used), (most, 0));
    }
}

/// Counts two roots, of which the second changes once so many entries were counted that progress is
/// reported.
fn count_while(folder: &Path, change: impl FnOnce()) -> (Result<(), WalkError>, u64) {
    let other = tempfile::tempdir().unwrap();
    let mut change = Some(change);
    let progress = &mut |_| {
        if let Some(change) = change.take() {
            change();
        }
        ControlFlow::Continue(())
    };
    count(&[other.path(), folder], progress)
}

#[test]
fn an_error_has_the_root_and_the_path_and_counts_nothing() {
    // Progress is reported at the last entry of the directory that has `x`.
    let folder = wide(0, &["up/down/x"]);
    let down = folder.path().join("up/down");
    (0..STRIDE - 3).for_each(|n| fs::write(down.join(format!("f{n}")), b"x").unwrap());
    let (counted, used) = count_while(folder.path(), || {
        fs::remove_dir(down.join("x")).unwrap();
        fs::write(down.join("x"), b"x").unwrap();
    });
    let Err(WalkError::Io { root: 1, path, error }) = counted else { panic!("{counted:?}") };
    assert_eq!(path, PathBuf::from("up/down/x"));
    assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory);
    assert_eq!(used, 0);
}

#[test]
fn a_directory_that_others_remove_meanwhile_is_left_out() {
    let folder = wide(STRIDE - 1, &["d"]);
    let (counted, used) =
        count_while(folder.path(), || fs::remove_dir(folder.path().join("d")).unwrap());
    counted.unwrap();
    assert_eq!(used, STRIDE * ENTRY + STRIDE - 1);
}

#[test]
fn a_directory_that_others_move_meanwhile_ends_the_walk() {
    let folder = wide(0, &["a/b/c", "elsewhere"]);
    let deep = folder.path().join("a/b/c");
    (0..STRIDE).for_each(|n| fs::write(deep.join(format!("f{n}")), b"x").unwrap());
    // A directory that has directories is left upwards.
    fs::create_dir(deep.join("d")).unwrap();
    let (counted, used) = count_while(folder.path(), || {
        fs::rename(&deep, folder.path().join("elsewhere/c")).unwrap();
    });
    let Err(WalkError::Io { root: 1, path, error }) = counted else { panic!("{counted:?}") };
    assert_eq!(path, PathBuf::from("a/b/c/.."));
    assert_eq!(error.kind(), std::io::ErrorKind::StaleNetworkFileHandle);
    assert_eq!(used, 0);
}

#[test]
fn a_root_that_is_no_directory_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (counted, used) = count(&[file.path()], &mut |_| ControlFlow::Continue(()));
    let Err(WalkError::Io { root: 0, path, error }) = counted else { panic!("{counted:?}") };
    assert_eq!((path, used), (PathBuf::new(), 0));
    assert_eq!(error.kind(), std::io::ErrorKind::NotADirectory);
}

// I10
#[test]
fn a_directory_below_that_another_component_has_locked_ends_the_walk() {
    let folder = wide(0, &["a/b/c"]);
    let below = folder.path().join("a/b");
    let lock = DirectoryLocks::take(&[(&File::open(&below).unwrap(), &below)]).unwrap();
    let (counted, used) = count(&[folder.path()], &mut |_| ControlFlow::Continue(()));
    let Err(WalkError::InUse { root: 0, path }) = counted else { panic!("{counted:?}") };
    assert_eq!((path, used), (PathBuf::from("a/b"), 0));
    // It is the component's own.
    assert_count(&[folder.path(), &below], 3, 0);
    drop(lock);
    assert_count(&[folder.path()], 3, 0);
}
