//! A quota that has not enough left.

use super::{Disk, DiskError, ENTRY, errno, refused, register};
use limits_core::{QuotaResource, QuotaTracker, ResourceQuota, StorageBaseline};
use quota_enforce::QuotaRegistry;
use rustix::io::Errno;
use std::path::Path;
use std::sync::Arc;

// I4
#[test]
fn a_write_that_fits_in_part_is_written_up_to_the_last_byte_and_the_next_is_refused() {
    let disk = Disk::new(ENTRY + 100);
    let file = disk.file("a", 90);
    assert_eq!(file.write_at(b"0123456789abcdef", 90).unwrap(), 10);
    disk.assert_use(1, 100, &[]);
    assert_eq!(refused(file.write_at(b"abcdef", 100)), (6, ENTRY + 100));
    assert_eq!(refused(file.append(b"abcdef")), (6, ENTRY + 100));
    disk.assert_use(1, 100, &[]);
    assert!(std::fs::read(disk.path("a")).unwrap().ends_with(b"xx0123456789"));
}

// I4
#[test]
fn an_append_that_fits_in_part_is_written_up_to_the_last_byte() {
    let disk = Disk::new(ENTRY + 12);
    let file = disk.file("a", 10);
    assert_eq!(file.append(b"12345").unwrap(), 2);
    disk.assert_use(1, 12, &[]);
}

// I4
#[test]
fn the_part_of_a_write_that_lies_inside_the_file_needs_nothing() {
    let disk = Disk::new(ENTRY + 10);
    let file = disk.file("a", 10);
    assert_eq!(file.write_at(b"0123456789", 5).unwrap(), 5);
    disk.assert_use(1, 10, &[]);
    assert_eq!(std::fs::read(disk.path("a")).unwrap(), b"xxxxx01234");
    assert_eq!(refused(file.write_at(b"56789", 10)), (5, ENTRY + 10));
}

// I2
#[test]
fn a_hole_that_does_not_fit_with_one_byte_leaves_the_file_unchanged() {
    let disk = Disk::new(ENTRY + 20);
    let file = disk.file("a", 10);
    // The hole alone would fit.
    assert_eq!(refused(file.write_at(b"abc", 20)), (11, ENTRY + 10));
    disk.assert_use(1, 10, &[]);
    // The hole and one byte do.
    assert_eq!(file.write_at(b"abc", 19).unwrap(), 1);
    disk.assert_use(1, 20, &[]);
    assert_eq!(refused(file.write_at(b"x", 1 << 40)), ((1 << 40) - 19, ENTRY + 20));
}

// I2
#[test]
fn a_length_is_set_whole_or_not_at_all() {
    let disk = Disk::new(ENTRY + 20);
    let file = disk.file("a", 10);
    assert_eq!(refused(file.set_len(21)), (11, ENTRY + 10));
    disk.assert_use(1, 10, &[]);
    file.set_len(20).unwrap();
    disk.assert_use(1, 20, &[]);
}

// I2
#[test]
fn an_entry_that_does_not_fit_is_not_made() {
    let disk = Disk::new(ENTRY * 3 - 1);
    let _a = disk.create("a");
    disk.dir("b");
    assert_eq!(refused(disk.try_create("c")), (ENTRY, 2 * ENTRY));
    let dir = || disk.ledger.names().create_dir(&disk.root, "c".as_ref());
    assert_eq!(refused(dir()), (ENTRY, 2 * ENTRY));
    assert_eq!(refused(disk.link("a", "c")), (ENTRY, 2 * ENTRY));
    assert_eq!(
        refused(disk.symlink("", "c").or_else(|_| disk.symlink("t", "c"))),
        (ENTRY + 1, 2 * ENTRY)
    );
    disk.assert_use(2, 0, &[]);
}

#[test]
fn a_name_that_exists_is_refused_as_such_by_a_full_quota_too() {
    let disk = Disk::new(2 * ENTRY);
    drop(disk.create("a"));
    disk.dir("d");
    assert_eq!(errno(disk.try_create("a")), Errno::EXIST);
    assert_eq!(errno(disk.ledger.names().create_dir(&disk.root, "d".as_ref())), Errno::EXIST);
    assert_eq!(errno(disk.symlink("t", "a")), Errno::EXIST);
    assert_eq!(errno(disk.link("a", "d")), Errno::EXIST);
    assert_eq!(refused(disk.link("a", "b")), (ENTRY, 2 * ENTRY));
    disk.assert_use(2, 0, &[]);
}

// I2
#[test]
fn a_link_whose_target_does_not_fit_is_not_made() {
    let disk = Disk::new(ENTRY + 4);
    assert_eq!(refused(disk.symlink("12345", "a")), (ENTRY + 5, 0));
    disk.assert_use(0, 0, &[]);
    disk.symlink("1234", "a").unwrap();
    disk.assert_use(1, 4, &[]);
}

#[test]
fn a_directory_over_its_quota_is_emptied_and_not_grown() {
    let prepare = |path: &Path| {
        std::fs::write(path.join("a"), [b'x'; 1_000]).unwrap();
        std::fs::write(path.join("b"), [b'x'; 100]).unwrap();
    };
    let disk = Disk::with(500, StorageBaseline::Count, prepare);
    disk.assert_use(2, 1_100, &[]);
    let file = disk.open("a");
    assert_eq!(file.write_at(b"over", 0).unwrap(), 4);
    assert_eq!(refused(file.append(b"x")).0, 1);
    assert_eq!(refused(disk.try_create("c")).0, ENTRY);
    disk.rename("b", "d").unwrap();
    file.set_len(300).unwrap();
    disk.assert_use(2, 400, &[]);
    assert_eq!(refused(file.append(b"x")).0, 1);
    disk.unlink("d").unwrap();
    disk.assert_use(1, 300, &[]);
    assert_eq!(file.append(&[b'x'; 200]).unwrap(), 136);
    disk.assert_use(1, 436, &[]);
}

#[test]
fn a_quota_of_nothing_allows_nothing_and_removing() {
    let prepare = |path: &Path| std::fs::write(path.join("a"), b"12345").unwrap();
    let disk = Disk::with(0, StorageBaseline::Count, prepare);
    assert_eq!(refused(disk.try_create("b")), (ENTRY, ENTRY + 5));
    disk.unlink("a").unwrap();
    disk.assert_use(0, 0, &[]);
    assert_eq!(refused(disk.try_create("a")), (ENTRY, 0));
}

// I2
#[test]
fn entries_have_a_quota_of_their_own() {
    let quota = ResourceQuota::new().with_storage(10_000).with_storage_entries(2);
    let component = register(&QuotaRegistry::new(), quota);
    let disk = Disk::of(component, StorageBaseline::Count, |_| {});
    let file = disk.file("a", 100);
    disk.dir("d");
    let dir = || disk.ledger.names().create_dir(&disk.root, "c".as_ref());
    for refusal in
        [disk.try_create("c").map(drop), dir(), disk.link("a", "c"), disk.symlink("t", "c")]
    {
        let Err(DiskError::Quota(error)) = refusal else { panic!("{refusal:?}") };
        let error = error.as_quota().unwrap();
        assert_eq!(error.resource(), QuotaResource::StorageEntries);
        assert_eq!((error.used(), error.requested(), error.limit()), (2, 1, 2));
    }
    disk.assert_use(2, 100, &[]);
    // They come back with the name, not with the file.
    disk.unlink("a").unwrap();
    disk.symlink("t", "c").unwrap();
    assert_eq!(disk.component.usage().storage_entries_used, 2);
    disk.rename("c", "a").unwrap();
    disk.remove_dir("d").unwrap();
    disk.link("a", "b").unwrap();
    disk.assert_use(2, 101, &[&file]);
    drop(file);
    disk.rename("a", "b").unwrap();
    disk.unlink("a").unwrap();
    disk.assert_use(1, 1, &[]);
}

#[test]
fn entries_that_were_there_count_past_their_quota() {
    let quota = ResourceQuota::new().with_storage_entries(1);
    let component = register(&QuotaRegistry::new(), quota);
    let prepare = |path: &Path| {
        ["a", "b", "c"].iter().for_each(|name| std::fs::create_dir(path.join(name)).unwrap());
    };
    let disk = Disk::of(component, StorageBaseline::Count, prepare);
    disk.assert_use(3, 0, &[]);
    disk.rename("a", "b").unwrap();
    disk.remove_dir("c").unwrap();
    assert!(matches!(disk.try_create("d"), Err(DiskError::Quota(_))));
    disk.remove_dir("b").unwrap();
    drop(disk.try_create("d").unwrap());
    disk.assert_use(1, 0, &[]);
}

#[test]
fn an_observing_registry_counts_past_the_limits_and_refuses_nothing() {
    let registry = QuotaRegistry::builder().observe_only().build();
    let quota = ResourceQuota::new().with_storage(10).with_storage_entries(0);
    let disk = Disk::of(register(&registry, quota), StorageBaseline::Count, |_| {});
    let file = disk.create("a");
    assert_eq!(file.write_at(b"0123456789abc", 100).unwrap(), 13);
    disk.assert_use(1, 113, &[]);
    file.set_len(1 << 42).unwrap();
    assert_eq!(file.append(b"x").unwrap(), 1);
    disk.assert_use(1, (1 << 42) + 1, &[]);
    file.set_len(3).unwrap();
    disk.unlink("a").unwrap();
    disk.assert_use(0, 3, &[&file]);
    drop(file);
    disk.assert_use(0, 0, &[]);
}

#[test]
fn an_unregistered_component_grows_no_more_and_gives_back() {
    let registry = QuotaRegistry::new();
    let quota = ResourceQuota::new().with_storage(1_000);
    let disk = Disk::of(register(&registry, quota), StorageBaseline::Count, |_| {});
    let file = disk.file("a", 5);
    registry.unregister("a").unwrap();
    assert!(matches!(file.append(b"6"), Err(DiskError::Quota(_))));
    assert!(matches!(disk.try_create("b"), Err(DiskError::Quota(_))));
    file.set_len(2).unwrap();
    disk.assert_use(1, 2, &[]);
    disk.unlink("a").unwrap();
    disk.assert_use(0, 2, &[&file]);
}

// I2
#[test]
fn the_quota_of_all_components_refuses_too() {
    let all = QuotaTracker::new(ResourceQuota::new().with_storage(ENTRY + 20));
    let registry = QuotaRegistry::builder().parent(Arc::new(all)).build();
    let quota = ResourceQuota::new().with_storage(1_000);
    let disk = Disk::of(register(&registry, quota), StorageBaseline::Count, |_| {});
    let file = disk.create("a");
    assert_eq!(file.append(&[b'x'; 50]).unwrap(), 20);
    let Err(DiskError::Quota(error)) = file.append(b"x") else { panic!("it has room") };
    assert_eq!(error.as_quota().unwrap().depth(), 1);
    disk.assert_use(1, 20, &[]);
}
