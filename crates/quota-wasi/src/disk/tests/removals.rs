//! Names that go: by unlink, or by a rename over them.

use super::{Disk, ENTRY, errno};
use crate::disk::inodes::LEAVING;
use rustix::io::Errno;
use std::sync::{Arc, Mutex};

#[test]
fn unlink_gives_back_the_entry_and_the_bytes() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    disk.unlink("a").unwrap();
    disk.assert_use(0, 0, &[]);
    assert_eq!(errno(disk.unlink("a")), Errno::NOENT);
    disk.assert_use(0, 0, &[]);
}

// I5
#[test]
fn an_unlinked_file_keeps_its_bytes_until_it_is_closed() {
    let disk = Disk::unlimited();
    let file = disk.file("a", 100);
    disk.unlink("a").unwrap();
    disk.assert_use(0, 100, &[&file]);
    drop(file);
    disk.assert_use(0, 0, &[]);
}

// I5
#[test]
fn an_unlinked_file_grows_and_shrinks_and_closes_with_its_last_handle() {
    let disk = Disk::unlimited();
    let one = disk.file("a", 100);
    let other = disk.open("a");
    disk.unlink("a").unwrap();
    one.append(&[b'x'; 50]).unwrap();
    disk.assert_use(0, 150, &[&one]);
    drop(one);
    disk.assert_use(0, 150, &[&other]);
    other.set_len(70).unwrap();
    disk.assert_use(0, 70, &[&other]);
    drop(other);
    disk.assert_use(0, 0, &[]);
}

// I5
#[test]
fn a_file_of_two_names_closes_without_giving_back() {
    let disk = Disk::unlimited();
    let file = disk.file("a", 100);
    disk.link("a", "b").unwrap();
    disk.unlink("a").unwrap();
    drop(file);
    disk.assert_use(1, 100, &[]);
}

// I5
#[test]
fn a_file_that_lost_its_name_before_it_was_taken_is_not_there() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    let file = std::fs::File::open(disk.path("a")).unwrap();
    disk.unlink("a").unwrap();
    let error = disk.ledger.opened(Arc::new(file)).err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    disk.assert_use(0, 0, &[]);
}

// I5
#[test]
fn a_file_that_lost_its_name_is_taken_while_it_is_open_elsewhere() {
    let disk = Disk::unlimited();
    let one = disk.file("a", 100);
    let file = std::fs::File::open(disk.path("a")).unwrap();
    disk.unlink("a").unwrap();
    let other = disk.ledger.opened(Arc::new(file)).unwrap();
    drop(one);
    disk.assert_use(0, 100, &[&other]);
    drop(other);
    disk.assert_use(0, 0, &[]);
}

#[test]
fn a_name_is_free_again_after_an_unlink_although_the_file_is_open() {
    let disk = Disk::unlimited();
    let old = disk.file("a", 100);
    disk.unlink("a").unwrap();
    let new = disk.file("a", 7);
    disk.assert_use(1, 107, &[&old]);
    drop(new);
    drop(old);
    disk.assert_use(1, 7, &[]);
}

// I5. File systems such as ext4 give the next file the inode of one that was closed.
#[test]
fn a_file_that_is_made_while_another_is_closed_is_counted_as_new() {
    let disk = Arc::new(Disk::unlimited());
    let old = disk.file("a", 100);
    disk.unlink("a").unwrap();
    let (at_once, made) = (Arc::clone(&disk), Arc::new(Mutex::new(None)));
    let new = Arc::clone(&made);
    LEAVING.set(Some(Box::new(move || *new.lock().unwrap() = Some(at_once.create("b")))));
    drop(old);
    let new = made.lock().unwrap().take().unwrap();
    disk.assert_use(1, 0, &[]);
    new.append(b"12345").unwrap();
    drop(new);
    disk.assert_use(1, 5, &[]);
}

#[test]
fn a_rename_counts_nothing() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    disk.rename("a", "b").unwrap();
    disk.assert_use(1, 100, &[]);
}

#[test]
fn a_rename_over_a_file_gives_back_that_file() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    drop(disk.file("b", 30));
    disk.rename("a", "b").unwrap();
    disk.assert_use(1, 100, &[]);
}

// I5
#[test]
fn a_rename_over_an_open_file_gives_back_the_entry_at_once_and_the_bytes_when_it_is_closed() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    let file = disk.file("b", 30);
    disk.rename("a", "b").unwrap();
    disk.assert_use(1, 130, &[&file]);
    drop(file);
    disk.assert_use(1, 100, &[]);
}

#[test]
fn a_rename_over_a_file_with_another_name_gives_back_an_entry() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    drop(disk.file("b", 30));
    disk.link("b", "c").unwrap();
    disk.rename("a", "b").unwrap();
    disk.assert_use(2, 130, &[]);
}

#[test]
fn a_rename_onto_itself_or_another_name_of_the_same_inode_changes_nothing() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    disk.link("a", "b").unwrap();
    disk.rename("a", "a").unwrap();
    disk.assert_use(2, 100, &[]);
    disk.rename("a", "b").unwrap();
    disk.assert_use(2, 100, &[]);
}

#[test]
fn a_rename_that_fails_changes_nothing() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    disk.dir("b");
    assert_eq!(errno(disk.rename("none", "c")), Errno::NOENT);
    assert_eq!(errno(disk.rename("a", "b")), Errno::ISDIR);
    assert_eq!(errno(disk.rename("b", "a")), Errno::NOTDIR);
    disk.assert_use(2, 100, &[]);
}

#[test]
fn names_that_are_no_component_are_refused() {
    let disk = Disk::new(1_000);
    disk.dir("d");
    drop(disk.file("a", 5));
    assert_eq!(errno(disk.try_create("d/x")), Errno::INVAL);
    assert_eq!(errno(disk.unlink("d/../a")), Errno::INVAL);
    assert_eq!(errno(disk.rename("a", "d/a")), Errno::INVAL);
    assert_eq!(errno(disk.link("d/..", "b")), Errno::INVAL);
    assert_eq!(errno(disk.symlink("t", "/")), Errno::INVAL);
    assert_eq!(errno(disk.remove_dir("/d")), Errno::INVAL);
    for name in [".", ".."] {
        assert_eq!(errno(disk.try_create(name)), Errno::EXIST, "{name}");
        assert_eq!(errno(disk.symlink("t", name)), Errno::EXIST, "{name}");
        assert_eq!(errno(disk.unlink(name)), Errno::ISDIR, "{name}");
        assert!(disk.remove_dir(name).is_err(), "{name}");
        assert!(disk.rename("d", name).is_err(), "{name}");
        assert!(disk.rename(name, "x").is_err(), "{name}");
        assert!(disk.link("a", name).is_err(), "{name}");
    }
    assert_eq!(errno(disk.try_create("")), Errno::NOENT);
    assert_eq!(errno(disk.unlink("")), Errno::NOENT);
    disk.assert_use(2, 5, &[]);
    assert_eq!(disk.used(), 2 * ENTRY + 5);
}
