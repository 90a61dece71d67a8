//! Directories are entries.

use super::{Disk, errno};
use rustix::io::Errno;
use std::fs::File;

#[test]
fn a_directory_is_an_entry_and_the_root_is_none() {
    let disk = Disk::unlimited();
    disk.assert_use(0, 0, &[]);
    disk.dir("a");
    disk.assert_use(1, 0, &[]);
    disk.remove_dir("a").unwrap();
    disk.assert_use(0, 0, &[]);
}

#[test]
fn a_directory_that_is_not_made_or_not_removed_changes_nothing() {
    let disk = Disk::unlimited();
    disk.dir("a");
    drop(disk.file("b", 10));
    let make = |name: &str| disk.ledger.names().create_dir(&disk.root, name.as_ref());
    assert_eq!(errno(make("a")), Errno::EXIST);
    assert_eq!(errno(make("b")), Errno::EXIST);
    assert_eq!(errno(disk.remove_dir("b")), Errno::NOTDIR);
    assert_eq!(errno(disk.unlink("a")), Errno::ISDIR);
    let dir = File::open(disk.path("a")).unwrap();
    disk.ledger.names().create_dir(&dir, "inner".as_ref()).unwrap();
    assert_eq!(errno(disk.remove_dir("a")), Errno::NOTEMPTY);
    disk.assert_use(3, 10, &[]);
}

#[test]
fn a_rename_over_an_empty_directory_gives_back_its_entry() {
    let disk = Disk::unlimited();
    disk.dir("a");
    let dir = File::open(disk.path("a")).unwrap();
    disk.ledger.names().create_dir(&dir, "inner".as_ref()).unwrap();
    disk.dir("b");
    disk.rename("a", "b").unwrap();
    disk.assert_use(2, 0, &[]);
    disk.dir("a");
    assert_eq!(errno(disk.rename("a", "b")), Errno::NOTEMPTY);
    disk.assert_use(3, 0, &[]);
}

#[test]
fn files_in_a_directory_without_a_name_are_not_made() {
    let disk = Disk::unlimited();
    disk.dir("a");
    let dir = File::open(disk.path("a")).unwrap();
    disk.remove_dir("a").unwrap();
    let names = disk.ledger.names();
    assert_eq!(errno(names.create_dir(&dir, "x".as_ref())), Errno::NOENT);
    let read = rustix::fs::OFlags::RDONLY;
    assert_eq!(errno(names.create_file(&dir, "x".as_ref(), read)), Errno::NOENT);
    assert_eq!(errno(names.symlink("t".as_ref(), &dir, "x".as_ref())), Errno::NOENT);
    drop(names);
    disk.assert_use(0, 0, &[]);
}

#[test]
fn names_move_between_directories() {
    let disk = Disk::unlimited();
    disk.dir("a");
    disk.dir("b");
    let [a, b] = ["a", "b"].map(|name| File::open(disk.path(name)).unwrap());
    let names = disk.ledger.names();
    let flags = rustix::fs::OFlags::RDWR;
    let file = names.create_file(&a, "x".as_ref(), flags).unwrap();
    file.append(b"12345").unwrap();
    names.hard_link(&a, "x".as_ref(), &b, "y".as_ref()).unwrap();
    disk.assert_use(4, 5, &[]);
    names.rename(&a, "x".as_ref(), &disk.root, "z".as_ref()).unwrap();
    names.rename(&disk.root, "a".as_ref(), &b, "a".as_ref()).unwrap();
    disk.assert_use(4, 5, &[]);
    names.unlink(&b, "y".as_ref()).unwrap();
    names.unlink(&disk.root, "z".as_ref()).unwrap();
    disk.assert_use(2, 5, &[&file]);
    drop(file);
    disk.assert_use(2, 0, &[]);
}
