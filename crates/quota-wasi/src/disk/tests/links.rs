//! Names of one inode: bytes count once, each name is an entry.

use super::{Disk, errno};
use rustix::io::Errno;

// I1
#[test]
fn a_hard_link_is_an_entry_and_no_bytes() {
    let disk = Disk::unlimited();
    let file = disk.file("a", 100);
    disk.link("a", "b").unwrap();
    disk.assert_use(2, 100, &[]);
    file.append(b"12345").unwrap();
    disk.assert_use(2, 105, &[]);
}

#[test]
fn growth_through_two_names_counts_once() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    disk.link("a", "b").unwrap();
    let (one, other) = (disk.open("a"), disk.open("b"));
    one.write_at(&[b'x'; 50], 100).unwrap();
    other.write_at(&[b'x'; 50], 100).unwrap();
    disk.assert_use(2, 150, &[]);
    other.write_at(&[b'x'; 50], 150).unwrap();
    one.set_len(10).unwrap();
    disk.assert_use(2, 10, &[]);
}

#[test]
fn the_bytes_stay_until_the_last_name_is_gone() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    disk.link("a", "b").unwrap();
    disk.link("b", "c").unwrap();
    disk.unlink("a").unwrap();
    disk.assert_use(2, 100, &[]);
    disk.unlink("c").unwrap();
    disk.assert_use(1, 100, &[]);
    disk.unlink("b").unwrap();
    disk.assert_use(0, 0, &[]);
}

#[test]
fn a_link_over_a_name_that_exists_is_refused_and_counts_nothing() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 10));
    drop(disk.file("b", 10));
    assert_eq!(errno(disk.link("a", "b")), Errno::EXIST);
    assert_eq!(errno(disk.link("none", "c")), Errno::NOENT);
    disk.dir("d");
    assert_eq!(errno(disk.link("d", "c")), Errno::PERM);
    disk.assert_use(3, 20, &[]);
}

#[test]
fn a_symbolic_link_counts_its_target() {
    let disk = Disk::unlimited();
    disk.symlink("somewhere/else", "a").unwrap();
    disk.assert_use(1, 14, &[]);
    disk.unlink("a").unwrap();
    disk.assert_use(0, 0, &[]);
}

#[test]
fn a_symbolic_link_is_linked_and_removed_without_being_followed() {
    let disk = Disk::unlimited();
    drop(disk.file("file", 1_000));
    disk.symlink("file", "a").unwrap();
    disk.link("a", "b").unwrap();
    disk.assert_use(3, 1_004, &[]);
    disk.rename("a", "c").unwrap();
    disk.unlink("c").unwrap();
    disk.assert_use(2, 1_004, &[]);
    disk.unlink("b").unwrap();
    disk.assert_use(1, 1_000, &[]);
}

#[test]
fn a_symbolic_link_renamed_over_a_file_gives_back_the_file() {
    let disk = Disk::unlimited();
    drop(disk.file("file", 1_000));
    disk.symlink("file", "a").unwrap();
    disk.rename("a", "file").unwrap();
    disk.assert_use(1, 4, &[]);
}

#[test]
fn a_file_is_not_created_over_a_link_or_through_it() {
    let disk = Disk::unlimited();
    disk.symlink("target", "a").unwrap();
    assert_eq!(errno(disk.try_create("a")), Errno::EXIST);
    disk.assert_use(1, 6, &[]);
    assert!(!disk.path("target").exists());
}
