//! Writes that are short, fail, panic, or whose caller is gone.

use super::{Disk, ENTRY, errno, refused, run_in_child};
use core::panic::AssertUnwindSafe;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::mpsc::channel;

fn no_space() -> io::Error {
    Errno::NOSPC.into()
}

// I3
#[test]
fn a_short_write_counts_what_was_written() {
    let disk = Disk::new(1_000);
    let file = disk.create("a");
    let short = |file: &File, bytes: &[u8]| file.write_at(&bytes[..7], 0);
    assert_eq!(file.write(Some(0), &[b'x'; 100], short).unwrap(), 7);
    disk.assert_use(1, 7, &[]);
}

// I3
#[test]
fn a_failed_write_counts_nothing() {
    let disk = Disk::new(1_000);
    let file = disk.file("a", 10);
    assert_eq!(errno(file.write(Some(5), &[b'x'; 100], |_, _| Err(no_space()))), Errno::NOSPC);
    disk.assert_use(1, 10, &[]);
}

// I3
#[test]
fn a_write_that_fails_after_a_part_counts_the_part() {
    let disk = Disk::new(1_000);
    let file = disk.file("a", 10);
    let part = |file: &File, bytes: &[u8]| {
        file.write_at(&bytes[..3], 10)?;
        Err(no_space())
    };
    assert_eq!(errno(file.write(None, &[b'x'; 100], part)), Errno::NOSPC);
    disk.assert_use(1, 13, &[]);
}

// I3
#[test]
fn a_write_that_panics_counts_what_was_written_and_the_file_goes_on() {
    let disk = Disk::new(1_000);
    let file = disk.file("a", 10);
    for written in [0_usize, 4] {
        let panics = |file: &File, bytes: &[u8]| -> io::Result<usize> {
            file.write_all_at(&bytes[..written], 10)?;
            panic!("in mid-write");
        };
        let panicked = catch_unwind(AssertUnwindSafe(|| file.write(None, &[b'x'; 100], panics)));
        assert!(panicked.is_err());
        disk.assert_use(1, 10 + u64::try_from(written).unwrap(), &[]);
    }
    file.append(b"12345").unwrap();
    disk.assert_use(1, 19, &[]);
    assert_eq!(file.write_at(&[b'x'; 2_000], 0).unwrap(), 1_000 - usize::try_from(ENTRY).unwrap());
    disk.assert_use(1, 1_000 - ENTRY, &[]);
}

// I3
#[test]
fn bytes_that_others_wrote_meanwhile_are_counted_past_the_limit() {
    let disk = Disk::new(ENTRY + 20);
    let file = disk.file("a", 10);
    let more = |file: &File, _: &[u8]| {
        file.write_all_at(&[b'y'; 500], 0)?;
        Ok(10)
    };
    assert_eq!(file.write(None, &[b'x'; 100], more).unwrap(), 10);
    disk.assert_use(1, 500, &[]);
    assert_eq!(refused(file.append(b"x")), (1, ENTRY + 500));
}

#[test]
fn a_read_only_file_is_not_written_and_counts_nothing() {
    let disk = Disk::new(1_000);
    drop(disk.file("a", 10));
    let file = disk.ledger.opened(Arc::new(File::open(disk.path("a")).unwrap())).unwrap();
    assert_eq!(errno(file.write_at(b"12345", 8)), Errno::BADF);
    assert_eq!(errno(file.append(b"12345")), Errno::BADF);
    assert_eq!(errno(file.write_at(b"", 0)), Errno::BADF);
    assert_eq!(errno(file.set_len(100)), Errno::INVAL);
    assert_eq!(errno(file.set_len(1)), Errno::INVAL);
    disk.assert_use(1, 10, &[]);
}

// I3
#[test]
fn a_writer_whose_caller_is_gone_settles_and_closes() {
    let disk = Disk::new(1_000);
    let file = disk.file("a", 10);
    let (entered, in_write) = channel();
    let (go_on, wait) = channel::<()>();
    let writer = std::thread::spawn(move || {
        let act = |file: &File, bytes: &[u8]| {
            entered.send(()).unwrap();
            wait.recv().unwrap();
            file.write_at(bytes, 10)
        };
        file.write(Some(10), &[b'x'; 100], act).unwrap()
    });
    in_write.recv().unwrap();
    // Reserved, not written yet; the thread holds the only handle.
    assert_eq!(disk.used(), ENTRY + 110);
    disk.unlink("a").unwrap();
    assert_eq!(disk.used(), 110);
    go_on.send(()).unwrap();
    assert_eq!(writer.join().unwrap(), 100);
    disk.assert_use(0, 0, &[]);
}

// I3
#[test]
fn a_file_as_large_as_the_system_allows_is_counted_as_it_is() {
    let name = "a_file_as_large_as_the_system_allows_is_counted_as_it_is";
    // Two blocks of 512 or 1 024 bytes, and an error instead of the signal.
    if run_in_child("trap '' XFSZ; ulimit -f 2", name) {
        return;
    }
    let disk = Disk::new(1 << 20);
    let file = disk.create("a");
    let most = file.write_at(&[b'x'; 4_096], 0).unwrap();
    assert!(most == 1_024 || most == 2_048, "{most}");
    let most = u64::try_from(most).unwrap();
    disk.assert_use(1, most, &[]);
    assert_eq!(errno(file.append(b"x")), Errno::FBIG);
    assert_eq!(errno(file.write_at(b"x", 10_000)), Errno::FBIG);
    assert_eq!(errno(file.set_len(10_000)), Errno::FBIG);
    disk.assert_use(1, most, &[]);
    assert_eq!(file.write_at(&[b'y'; 100], most - 10).unwrap(), 10);
    disk.assert_use(1, most, &[]);
}

// I3. Files of `/proc` have no end to seek.
#[test]
fn a_file_whose_length_is_not_known_has_the_one_that_was_reserved() {
    let disk = Disk::new(1_000);
    let options = File::options().read(true).write(true).open("/proc/thread-self/comm");
    let file = disk.ledger.opened(Arc::new(options.unwrap())).unwrap();
    let act = |mut file: &File, bytes: &[u8]| io::Write::write(&mut file, bytes);
    assert_eq!(file.write(Some(0), b"short", act).unwrap(), 5);
    assert_eq!(disk.used(), 5);
    assert_eq!(file.write(Some(0), b"short", act).unwrap(), 5);
    assert_eq!(disk.used(), 5);
}
