//! A quota that has not enough left.

use super::{Disk, ENTRY, refused};

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
    let prepare = |path: &std::path::Path| {
        std::fs::write(path.join("a"), [b'x'; 1_000]).unwrap();
        std::fs::write(path.join("b"), [b'x'; 100]).unwrap();
    };
    let disk = Disk::with(500, super::Baseline::Count, prepare);
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
    let prepare = |path: &std::path::Path| std::fs::write(path.join("a"), b"12345").unwrap();
    let disk = Disk::with(0, super::Baseline::Count, prepare);
    assert_eq!(refused(disk.try_create("b")), (ENTRY, ENTRY + 5));
    disk.unlink("a").unwrap();
    disk.assert_use(0, 0, &[]);
    assert_eq!(refused(disk.try_create("a")), (ENTRY, 0));
}

#[test]
fn an_observing_registry_counts_past_the_limit_and_refuses_nothing() {
    use limits_core::{CapabilitySet, ResourceQuota};
    let registry = quota_enforce::QuotaRegistry::builder().observe_only().build();
    let quota = ResourceQuota::new().with_storage(10);
    let context = quota_enforce::SecurityContext::with_quota("a", CapabilitySet::new(), quota);
    let component = registry.register(context).unwrap();
    let disk = Disk::new(0);
    let ledger = super::DiskLedger::new(component.clone(), ENTRY, super::Baseline::Count);
    let file = ledger.names().create_file(&disk.root, "a".as_ref(), rustix::fs::OFlags::RDWR);
    let file = file.unwrap();
    assert_eq!(file.write_at(b"0123456789abc", 100).unwrap(), 13);
    file.set_len(1 << 42).unwrap();
    assert_eq!(file.append(b"x").unwrap(), 1);
    assert_eq!(component.usage().storage_used, ENTRY + (1 << 42) + 1);
    drop((file, ledger));
    assert_eq!(component.usage().storage_used, 0);
}

#[test]
fn an_unregistered_component_grows_no_more_and_gives_back() {
    use limits_core::{CapabilitySet, ResourceQuota};
    let registry = quota_enforce::QuotaRegistry::new();
    let quota = ResourceQuota::new().with_storage(1_000);
    let context = quota_enforce::SecurityContext::with_quota("a", CapabilitySet::new(), quota);
    let component = registry.register(context).unwrap();
    let disk = Disk::new(0);
    let ledger = super::DiskLedger::new(component.clone(), ENTRY, super::Baseline::Count);
    let file = ledger.names().create_file(&disk.root, "a".as_ref(), rustix::fs::OFlags::RDWR);
    let file = file.unwrap();
    file.append(b"12345").unwrap();
    registry.unregister("a").unwrap();
    assert!(matches!(file.append(b"6"), Err(super::DiskError::Quota(_))));
    file.set_len(2).unwrap();
    assert_eq!(component.usage().storage_used, ENTRY + 2);
}
