//! Lengths of files: growth counts, overwriting does not, truncation gives back.

use super::{Disk, ENTRY, errno};
use rustix::io::Errno;

#[test]
fn an_empty_file_is_an_entry() {
    let disk = Disk::unlimited();
    let _file = disk.create("a");
    disk.assert_use(1, 0, &[]);
}

// I1
#[test]
fn growth_counts_and_overwriting_does_not() {
    let disk = Disk::unlimited();
    let file = disk.file("a", 100);
    disk.assert_use(1, 100, &[]);
    assert_eq!(file.write_at(b"0123456789", 0).unwrap(), 10);
    disk.assert_use(1, 100, &[]);
    assert_eq!(file.write_at(b"0123456789", 95).unwrap(), 10);
    disk.assert_use(1, 105, &[]);
}

#[test]
fn a_hole_before_a_write_counts() {
    let disk = Disk::unlimited();
    let file = disk.create("a");
    file.write_at(b"x", 1_000_000).unwrap();
    disk.assert_use(1, 1_000_001, &[]);
    // It is there already.
    file.write_at(&[b'y'; 4_096], 500_000).unwrap();
    disk.assert_use(1, 1_000_001, &[]);
}

#[test]
fn a_sparse_length_counts_as_if_it_were_full() {
    let disk = Disk::unlimited();
    let file = disk.create("a");
    file.set_len(1 << 40).unwrap();
    disk.assert_use(1, 1 << 40, &[]);
    file.set_len(10).unwrap();
    disk.assert_use(1, 10, &[]);
}

#[test]
fn an_append_counts_at_the_end() {
    let disk = Disk::unlimited();
    let file = disk.file("a", 10);
    assert_eq!(file.append(b"abc").unwrap(), 3);
    disk.assert_use(1, 13, &[]);
    assert_eq!(std::fs::read(disk.path("a")).unwrap(), b"xxxxxxxxxxabc");
}

#[test]
fn appends_and_writes_of_two_handles_count_once() {
    let disk = Disk::unlimited();
    let one = disk.file("a", 10);
    let other = disk.open("a");
    other.append(b"12345").unwrap();
    one.append(b"67890").unwrap();
    disk.assert_use(1, 20, &[]);
    other.write_at(b"x", 19).unwrap();
    one.write_at(b"xy", 19).unwrap();
    disk.assert_use(1, 21, &[]);
    one.set_len(0).unwrap();
    other.write_at(b"z", 2).unwrap();
    disk.assert_use(1, 3, &[]);
}

#[test]
fn truncation_gives_back() {
    let disk = Disk::unlimited();
    let file = disk.file("a", 100);
    file.set_len(30).unwrap();
    disk.assert_use(1, 30, &[]);
    file.set_len(30).unwrap();
    disk.assert_use(1, 30, &[]);
    file.set_len(0).unwrap();
    disk.assert_use(1, 0, &[]);
}

#[test]
fn truncating_what_another_handle_grew_gives_all_of_it_back() {
    let disk = Disk::unlimited();
    let one = disk.file("a", 10);
    let other = disk.open("a");
    one.write_at(&[b'x'; 90], 10).unwrap();
    other.set_len(0).unwrap();
    disk.assert_use(1, 0, &[]);
}

#[test]
fn a_file_that_is_closed_and_opened_again_is_counted_once() {
    let disk = Disk::unlimited();
    drop(disk.file("a", 100));
    disk.assert_use(1, 100, &[]);
    let file = disk.open("a");
    disk.assert_use(1, 100, &[]);
    file.write_at(&[b'x'; 20], 90).unwrap();
    disk.assert_use(1, 110, &[]);
}

#[test]
fn an_empty_write_needs_nothing_wherever_it_is() {
    let disk = Disk::new(ENTRY + 5);
    let file = disk.file("a", 5);
    assert_eq!(file.write_at(b"", 1_000).unwrap(), 0);
    assert_eq!(file.append(b"").unwrap(), 0);
    disk.assert_use(1, 5, &[]);
}

#[test]
fn lengths_that_no_file_has_are_refused_by_the_system() {
    let disk = Disk::new(1_000);
    let file = disk.file("a", 5);
    let most = u64::try_from(i64::MAX).unwrap();
    for offset in [most, most + 1, u64::MAX] {
        assert_eq!(errno(file.write_at(b"x", offset)), Errno::INVAL, "{offset}");
    }
    for len in [most + 1, u64::MAX] {
        assert_eq!(errno(file.set_len(len)), Errno::INVAL, "{len}");
    }
    disk.assert_use(1, 5, &[]);
}

#[test]
fn a_file_opened_to_append_is_not_taken() {
    let disk = Disk::new(1_000);
    disk.file("a", 5);
    let file = std::fs::File::options().append(true).open(disk.path("a")).unwrap();
    let error = disk.ledger.opened(std::sync::Arc::new(file)).err().unwrap();
    assert_eq!(Errno::from_io_error(&error), Some(Errno::INVAL));
    // And one that is created is not opened to append.
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::APPEND;
    let file = disk.ledger.names().create_file(&disk.root, "b".as_ref(), flags).unwrap();
    file.write_at(b"12345", 0).unwrap();
    file.write_at(b"12345", 0).unwrap();
    disk.assert_use(2, 10, &[]);
    assert_eq!(disk.used(), 2 * ENTRY + 10);
}

#[test]
fn a_pipe_and_a_device_need_no_storage() {
    let disk = Disk::new(ENTRY);
    let _file = disk.create("a");
    let null = std::fs::File::options().write(true).open("/dev/null").unwrap();
    let null = disk.ledger.opened(std::sync::Arc::new(null)).unwrap();
    assert_eq!(null.append(b"12345").unwrap(), 5);
    assert_eq!(null.write_at(b"12345", 100).unwrap(), 5);
    let (_reader, writer) = std::io::pipe().unwrap();
    let writer = std::fs::File::from(std::os::fd::OwnedFd::from(writer));
    let pipe = disk.ledger.opened(std::sync::Arc::new(writer)).unwrap();
    assert_eq!(errno(pipe.write_at(b"12345", 0)), Errno::SPIPE);
    disk.assert_use(1, 0, &[]);
}
