//! A baseline that is free: growth from there counts, and only that is given back.

mod property;

use super::{Disk, ENTRY, refused};
use limits_core::StorageBaseline;
use std::fs;
use std::path::Path;

/// A directory with a file of 1 000 bytes under two names, a link and a directory, all free.
fn sample(quota: u64) -> Disk {
    Disk::with(quota, StorageBaseline::Free, |path: &Path| {
        fs::write(path.join("old"), [b'x'; 1_000]).unwrap();
        fs::hard_link(path.join("old"), path.join("also")).unwrap();
        std::os::unix::fs::symlink("target", path.join("link")).unwrap();
        fs::create_dir(path.join("dir")).unwrap();
    })
}

// I8
#[test]
fn what_lies_there_at_the_start_is_free_and_gives_nothing_back() {
    let disk = sample(10 * ENTRY);
    assert_eq!(disk.used(), 0);
    let own = disk.file("own", 100);
    assert_eq!(disk.used(), ENTRY + 100);
    disk.unlink("old").unwrap();
    disk.unlink("also").unwrap();
    disk.unlink("link").unwrap();
    disk.remove_dir("dir").unwrap();
    disk.assert_use(1, 100, &[]);
    drop(own);
    disk.unlink("own").unwrap();
    disk.assert_use(0, 0, &[]);
    assert_eq!(disk.ledger.inodes.parts(), 0);
}

// I8
#[test]
fn a_guest_that_deletes_the_baseline_writes_no_more_than_its_quota() {
    let disk = sample(ENTRY + 500);
    let own = disk.file("own", 500);
    disk.unlink("old").unwrap();
    disk.unlink("also").unwrap();
    assert_eq!(refused(own.append(b"x")), (1, ENTRY + 500));
    assert_eq!(refused(disk.try_create("more")).0, ENTRY);
}

// I8
#[test]
fn growth_of_a_free_file_counts_and_comes_back_down_to_what_was_free() {
    let disk = sample(10 * ENTRY);
    let file = disk.open("old");
    file.write_at(&[b'y'; 1_000], 0).unwrap();
    assert_eq!(disk.used(), 0);
    file.append(&[b'y'; 50]).unwrap();
    assert_eq!(disk.used(), 50);
    file.set_len(1_020).unwrap();
    assert_eq!(disk.used(), 20);
    file.set_len(700).unwrap();
    assert_eq!(disk.used(), 0);
    // Once cut off, they are not free any more.
    file.set_len(1_000).unwrap();
    assert_eq!(disk.used(), 300);
    drop(file);
    assert_eq!(disk.used(), 300);
    let file = disk.open("also");
    file.set_len(0).unwrap();
    assert_eq!(disk.used(), 0);
}

// I8
#[test]
fn the_growth_of_a_free_file_goes_with_its_last_name() {
    let disk = sample(10 * ENTRY);
    disk.open("old").append(&[b'y'; 50]).unwrap();
    disk.unlink("also").unwrap();
    assert_eq!(disk.used(), 50);
    let file = disk.open("old");
    disk.unlink("old").unwrap();
    assert_eq!(disk.used(), 50);
    drop(file);
    assert_eq!(disk.used(), 0);
    assert_eq!(disk.ledger.inodes.parts(), 0);
}

// I8
#[test]
fn a_new_name_of_a_free_file_counts_and_is_the_first_to_come_back() {
    let disk = sample(10 * ENTRY);
    disk.link("old", "third").unwrap();
    assert_eq!(disk.used(), ENTRY);
    disk.unlink("old").unwrap();
    assert_eq!(disk.used(), 0);
    disk.unlink("third").unwrap();
    assert_eq!(disk.used(), 0);
    disk.link("also", "old").unwrap();
    assert_eq!(disk.used(), ENTRY);
}

// I8
#[test]
fn a_rename_over_a_free_file_gives_nothing_back_and_one_over_an_own_file_does() {
    let disk = sample(10 * ENTRY);
    drop(disk.file("own", 100));
    disk.rename("own", "old").unwrap();
    assert_eq!(disk.used(), ENTRY + 100);
    disk.rename("also", "old").unwrap();
    assert_eq!(disk.used(), 0);
}

// I8
#[test]
fn own_directories_and_links_are_given_back() {
    let disk = sample(10 * ENTRY);
    disk.dir("own");
    disk.symlink("12345", "s").unwrap();
    assert_eq!(disk.used(), 2 * ENTRY + 5);
    disk.rename("own", "dir").unwrap();
    assert_eq!(disk.used(), 2 * ENTRY + 5);
    disk.remove_dir("dir").unwrap();
    disk.unlink("s").unwrap();
    assert_eq!(disk.used(), 0);
    assert_eq!(disk.ledger.inodes.parts(), 0);
}

#[test]
fn the_walk_is_left_out() {
    let disk = sample(0);
    let mut calls = 0;
    let progress = &mut |_| {
        calls += 1;
        core::ops::ControlFlow::Continue(())
    };
    disk.ledger.count(&[&disk.root], progress).unwrap();
    assert_eq!((calls, disk.used()), (0, 0));
}

#[test]
fn an_own_file_that_others_remove_is_settled_when_its_inode_is_gone() {
    let disk = sample(10 * ENTRY);
    let file = disk.file("own", 100);
    disk.link("own", "too").unwrap();
    fs::remove_file(disk.path("own")).unwrap();
    disk.unlink("too").unwrap();
    drop(file);
    assert_eq!(disk.used(), 0);
}
