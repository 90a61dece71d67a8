//! Many threads on one quota.

use super::{Disk, DiskError, ENTRY};
use core::sync::atomic::{AtomicUsize, Ordering};
use limits_core::StorageBaseline;
use std::fs::File;
use std::sync::{Arc, Barrier};
use std::thread;

const THREADS: u64 = 16;

/// Runs a function on each thread at once, with the number of the thread.
fn together(threads: u64, run: impl Fn(u64) + Sync) {
    let barrier = Barrier::new(usize::try_from(threads).unwrap());
    let (run, barrier) = (&run, &barrier);
    thread::scope(|scope| {
        for n in 0..threads {
            scope.spawn(move || {
                barrier.wait();
                run(n);
            });
        }
    });
}

#[track_caller]
fn is_refused(error: &DiskError) -> bool {
    assert!(matches!(error, DiskError::Quota(_)), "{error}");
    true
}

// I2
#[test]
fn sixteen_threads_fill_one_quota_to_the_last_byte_and_never_more() {
    const QUOTA: u64 = 100_000;
    let disk = Disk::new(QUOTA);
    (0..THREADS).for_each(|n| drop(disk.create(&n.to_string())));
    together(THREADS, |n| {
        let file = disk.open(&n.to_string());
        loop {
            match file.append(&[b'x'; 37]) {
                Ok(written) => assert!(written > 0),
                Err(error) if is_refused(&error) => break,
                Err(_) => {}
            }
            assert!(disk.used() <= QUOTA);
        }
    });
    disk.assert_use(THREADS, QUOTA - THREADS * ENTRY, &[]);
}

// I2
#[test]
fn sixteen_threads_on_one_file_count_it_once() {
    const QUOTA: u64 = ENTRY + 50_000;
    let disk = Disk::new(QUOTA);
    let shared = Arc::new(disk.create("a"));
    let written = AtomicUsize::new(0);
    together(THREADS, |n| {
        let own = disk.open("a");
        let file = if n % 2 == 0 { &*shared } else { &own };
        loop {
            match file.append(&[b'x'; 41]) {
                Ok(part) => drop(written.fetch_add(part, Ordering::Relaxed)),
                Err(error) if is_refused(&error) => break,
                Err(_) => {}
            }
        }
    });
    // Every byte is its own: no two appends have the same place.
    assert_eq!(written.load(Ordering::Relaxed), 50_000);
    disk.assert_use(1, 50_000, &[]);
}

// I1
#[test]
fn growing_and_shrinking_from_sixteen_threads_is_exact_at_the_end() {
    const QUOTA: u64 = 20_000;
    let disk = Disk::new(QUOTA);
    drop(disk.create("a"));
    together(THREADS, |n| {
        let file = disk.open("a");
        for step in 0..300 {
            let len = (n * 7_919 + step * 104_729) % 5_000;
            let done = if step % 3 == 0 {
                file.set_len(len)
            } else {
                file.write_at(&[b'x'; 100], len).map(drop)
            };
            done.unwrap();
            assert!(disk.used() <= QUOTA);
        }
    });
    let len = disk.path("a").metadata().unwrap().len();
    disk.assert_use(1, len, &[]);
}

// I5
#[test]
fn names_that_race_with_opening_and_growing_lose_no_byte() {
    let disk = Disk::new(1 << 20);
    for round in 0..300 {
        drop(disk.file("a", 10));
        together(4, |n| match n {
            0 => disk.unlink("a").unwrap(),
            1 => drop(disk.try_create("b")),
            _ => {
                // The file may be gone by now, and may go between the two.
                let options = File::options().write(true).open(disk.path("a"));
                let Ok(file) = options.map(Arc::new) else { return };
                let Ok(file) = disk.ledger.opened(file) else { return };
                file.append(&[b'x'; 90]).unwrap();
            }
        });
        assert_eq!(disk.used(), ENTRY, "round {round}");
        disk.unlink("b").unwrap();
        disk.assert_use(0, 0, &[]);
    }
    assert_eq!(disk.ledger.inodes.in_use(), 0);
}

// I5
#[test]
fn renames_over_a_file_that_races_with_growing_lose_no_byte() {
    let disk = Disk::new(1 << 20);
    drop(disk.file("a", 10));
    for round in 0..300 {
        drop(disk.file("new", 20));
        together(3, |n| match n {
            0 => disk.rename("new", "a").unwrap(),
            _ => {
                let file = Arc::new(File::options().write(true).open(disk.path("a")).unwrap());
                let Ok(file) = disk.ledger.opened(file) else { return };
                file.append(&[b'x'; 90]).unwrap();
                file.set_len(50).unwrap();
            }
        });
        let len = disk.path("a").metadata().unwrap().len();
        assert_eq!(disk.used(), ENTRY + len, "round {round}");
    }
}

// I8
#[test]
fn a_new_file_that_another_thread_opens_at_once_is_not_free() {
    let disk = Disk::with(1 << 20, StorageBaseline::Free, |_| {});
    for _ in 0..300 {
        together(2, |n| {
            if n == 0 {
                drop(disk.create("a"));
                return;
            }
            let file = loop {
                match File::options().write(true).open(disk.path("a")) {
                    Ok(file) => break disk.ledger.opened(Arc::new(file)).unwrap(),
                    Err(_) => thread::yield_now(),
                }
            };
            file.append(&[b'x'; 100]).unwrap();
        });
        assert_eq!(disk.used(), ENTRY + 100);
        disk.unlink("a").unwrap();
        assert_eq!(disk.used(), 0);
    }
}
