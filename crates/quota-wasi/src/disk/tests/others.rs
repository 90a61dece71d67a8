//! Changes that others make under the ledger, and other users of the component's storage.

use super::{Disk, DiskLedger, ENTRY, component, recount::recount, refused, register};
use limits_core::{QuotaType, ResourceQuota, StorageBaseline};
use quota_enforce::QuotaRegistry;
use rustix::fs::OFlags;
use std::fs::{self, File};

#[test]
fn an_open_file_that_others_grow_or_shrink_is_settled_at_its_next_change() {
    let disk = Disk::new(ENTRY + 100);
    let file = disk.file("a", 10);
    fs::write(disk.path("a"), [b'y'; 300]).unwrap();
    file.write_at(b"x", 0).unwrap();
    disk.assert_use(1, 300, &[]);
    // Over the quota now.
    assert_eq!(refused(file.append(b"x")), (1, ENTRY + 300));
    fs::write(disk.path("a"), [b'y'; 5]).unwrap();
    assert_eq!(file.write_at(b"x", 0).unwrap(), 1);
    disk.assert_use(1, 5, &[]);
    fs::write(disk.path("a"), [b'y'; 50]).unwrap();
    file.set_len(20).unwrap();
    disk.assert_use(1, 20, &[]);
}

#[test]
fn an_append_lands_behind_what_others_appended() {
    let disk = Disk::new(ENTRY + 100);
    let file = disk.file("a", 1);
    fs::write(disk.path("a"), b"others").unwrap();
    file.append(b"-").unwrap();
    disk.assert_use(1, 7, &[]);
    assert_eq!(fs::read(disk.path("a")).unwrap(), b"others-");
}

// I6
#[test]
fn what_others_have_grown_is_not_given_back_from_the_use_of_host_functions() {
    let disk = Disk::new(10_000);
    disk.component.consume(QuotaType::Storage(500)).unwrap();
    drop(disk.file("a", 10));
    fs::write(disk.path("a"), [b'y'; 3_000]).unwrap();
    disk.unlink("a").unwrap();
    assert_eq!(disk.used(), 500);
    fs::write(disk.path("b"), [b'y'; 3_000]).unwrap();
    disk.unlink("b").unwrap();
    assert_eq!(disk.used(), 500);
}

// I6
#[test]
fn what_others_remove_stays_counted_until_the_ledger_is_dropped() {
    let disk = Disk::new(10_000);
    disk.component.consume(QuotaType::Storage(500)).unwrap();
    let file = disk.file("a", 10);
    fs::remove_file(disk.path("a")).unwrap();
    file.append(b"12345").unwrap();
    drop(file);
    assert_eq!(disk.used(), 500 + ENTRY + 15);
    drop(disk.ledger);
    assert_eq!(disk.component.usage().storage_used, 500);
}

#[test]
fn a_file_that_others_replaced_is_another_file() {
    let disk = Disk::new(10_000);
    let file = disk.file("a", 10);
    fs::write(disk.path("new"), [b'y'; 300]).unwrap();
    fs::rename(disk.path("new"), disk.path("a")).unwrap();
    file.set_len(4).unwrap();
    assert_eq!(disk.used(), ENTRY + 4);
    disk.unlink("a").unwrap();
    drop(file);
    // The new file took more with it than was counted for it.
    assert_eq!(disk.used(), 0);
}

// I6
#[test]
fn two_ledgers_of_one_component_give_back_what_each_has_counted() {
    let component = component(10_000);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [one, other] = folders.each_ref().map(|folder| {
        let root = File::open(folder.path()).unwrap();
        let ledger = DiskLedger::new(component.clone(), ENTRY, StorageBaseline::Count);
        let file = ledger.names().create_file(&root, "a".as_ref(), OFlags::RDWR).unwrap();
        file.append(&[b'x'; 100]).unwrap();
        (root, ledger, file)
    });
    assert_eq!(component.usage().storage_used, 2 * (ENTRY + 100));
    // One hears of 5 000 bytes that it never counted.
    fs::write(folders[0].path().join("b"), [b'y'; 5_000]).unwrap();
    one.1.names().unlink(&one.0, "b".as_ref()).unwrap();
    assert_eq!(component.usage().storage_used, ENTRY + 100);
    drop(one);
    assert_eq!(component.usage().storage_used, ENTRY + 100);
    let on_disk = recount(&[folders[1].path()], &[]);
    assert_eq!((on_disk.entries, on_disk.bytes), (1, 100));
    drop(other);
    assert_eq!(component.usage().storage_used, 0);
}

// I6
#[test]
fn a_dropped_ledger_gives_back_with_its_last_open_file() {
    let disk = Disk::new(10_000);
    let file = disk.file("a", 100);
    drop(disk.ledger);
    assert_eq!(disk.component.usage().storage_used, ENTRY + 100);
    file.append(b"1").unwrap();
    assert_eq!(disk.component.usage().storage_used, ENTRY + 101);
    drop(file);
    let usage = disk.component.usage();
    assert_eq!((usage.storage_used, usage.storage_entries_used), (0, 0));
}

#[test]
fn a_reset_of_the_use_leaves_nothing_to_give_back() {
    let registry = QuotaRegistry::new();
    let component = register(&registry, ResourceQuota::new());
    let disk = Disk::of(component.clone(), StorageBaseline::Count, |_| {});
    let file = disk.file("a", 5);
    registry.reset_usage("a").unwrap();
    file.set_len(1).unwrap();
    file.append(b"23").unwrap();
    disk.unlink("a").unwrap();
    drop((file, disk));
    let usage = component.usage();
    assert_eq!((usage.storage_used, usage.storage_entries_used), (0, 0));
}

// I7
#[test]
fn the_table_holds_the_inodes_that_are_in_use() {
    let disk = Disk::unlimited();
    let files: Vec<_> = (0..50).map(|n| disk.file(&format!("f{n}"), 10)).collect();
    let again = disk.open("f0");
    assert_eq!(disk.ledger.inodes.in_use(), 50);
    disk.unlink("f1").unwrap();
    disk.rename("f2", "f3").unwrap();
    disk.dir("d");
    disk.symlink("t", "s").unwrap();
    disk.link("f0", "f0b").unwrap();
    assert!(disk.try_create("f0").is_err() && disk.unlink("none").is_err());
    assert_eq!(disk.ledger.inodes.in_use(), 50);
    drop(files);
    assert_eq!(disk.ledger.inodes.in_use(), 1);
    drop(again);
    assert_eq!(disk.ledger.inodes.in_use(), 0);
}
