//! Usage files that are refused.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use limits_core::QuotaType;
use quota_enforce::{QuotaRegistry, SecurityContext, UsageFile, UsageFileError};

use crate::{capabilities, context, thousand_of_each};

/// A component's entry in a file.
fn entry(id: &str, storage: u64, memory: u64) -> String {
    format!(
        r#""{id}":{{"time_ms":0,"period_ns":1,"usage":{{"storage_used":{storage},"storage_entries_used":{storage},"message_count":0,"network_bandwidth_used":0,"cpu_time_used_us":0,"memory_used":{memory}}}}}"#
    )
}

fn read(components: &[String]) -> Result<UsageFile, UsageFileError> {
    let folder = tempfile::tempdir().expect("there is a disk");
    let path = folder.path().join("usage.json");
    let components = components.join(",");
    fs::write(&path, format!(r#"{{"version":2,"components":{{{components}}}}}"#))
        .expect("there is room");
    UsageFile::read(&path).map(Option::unwrap_or_default)
}

#[test]
fn an_id_that_is_there_twice_or_a_use_without_a_field_is_malformed() {
    let (a, b) = (entry("a", 900, 0), entry("b", 900, 0));
    assert_eq!(read(&[a.clone(), b.clone()]).unwrap().len(), 2);
    let error = read(&[a.clone(), b, a.clone()]).unwrap_err();
    assert!(matches!(error, UsageFileError::Malformed { .. }), "{error}");
    assert!(error.to_string().contains("whole usage file: `a` is there twice"), "{error}");
    for (field, value) in [
        ("storage_used", 900),
        ("storage_entries_used", 900),
        ("message_count", 0),
        ("network_bandwidth_used", 0),
        ("cpu_time_used_us", 0),
    ] {
        let without = a.replace(&format!(r#""{field}":{value},"#), "");
        assert_ne!(without, a);
        let error = read(&[without]).unwrap_err();
        assert!(error.to_string().contains(&format!("missing field `{field}`")), "{error}");
    }
    assert!(read(&[a.replace(r#","memory_used":0"#, "")]).is_err());
}

#[test]
fn storage_beyond_64_bits_is_neither_read_nor_written() {
    let most = u64::MAX;
    assert!(read(&[entry("a", most - 900, most), entry("b", 900, most)]).is_ok());
    let error = read(&[entry("a", most - 900, 0), entry("b", 901, 0)]).unwrap_err();
    assert!(matches!(error, UsageFileError::TooLarge { .. }), "{error}");
    let few_bytes = |id, entries: u64| {
        let stored = format!(r#""storage_used":{entries}"#);
        entry(id, entries, 0).replacen(&stored, r#""storage_used":1"#, 1)
    };
    let error = read(&[few_bytes("a", most - 900), few_bytes("b", 901)]).unwrap_err();
    assert!(error.to_string().ends_with("have stored more than 2^64 - 1 bytes or entries"));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.json");
    let registry = QuotaRegistry::new();
    registry
        .register(context("a", thousand_of_each()))
        .unwrap()
        .charge(QuotaType::Storage(u64::MAX));
    registry.usage_file().write(&path).unwrap();
    registry.register(context("b", thousand_of_each())).unwrap().charge(QuotaType::Storage(1));
    let error = registry.usage_file().write(&path).unwrap_err();
    assert!(matches!(error, UsageFileError::TooLarge { .. }), "{error}");
    assert_eq!(UsageFile::read(&path).unwrap().unwrap().len(), 1, "the earlier file");
}

#[test]
fn a_file_of_more_than_64_mib_is_neither_read_nor_written_until_components_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.json");
    File::create(&path).unwrap().set_len(64 * 1024 * 1024 + 1).unwrap();
    let error = UsageFile::read(&path).unwrap_err();
    assert!(matches!(error, UsageFileError::TooLarge { .. }), "{error}");
    assert!(error.to_string().ends_with("usage.json` is too large: it has more than 64 MiB"));
    fs::remove_file(&path).unwrap();

    // Quotation marks are written in two bytes.
    let registry = QuotaRegistry::new();
    for n in 0..110_000 {
        let context = SecurityContext::new(format!("{n:\">250}"), capabilities());
        registry.register(context).unwrap();
    }
    let mut file = registry.usage_file();
    let error = file.write(&path).unwrap_err();
    assert!(matches!(error, UsageFileError::TooLarge { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    file.retain(|id| id.ends_with("\"7"));
    file.write(&path).unwrap();
    assert_eq!(UsageFile::read(&path).unwrap().unwrap(), file);
    assert_eq!(file.len(), 1);
}

#[test]
fn an_id_that_was_dropped_is_not_seeded_and_not_stored_again() {
    let mut usage = read(&[entry("a", 900, 0), entry("b", 900, 0)]).unwrap();
    usage.retain(|id| id == "b");
    let registry = QuotaRegistry::builder().usage(usage).build();
    assert_eq!(registry.usage_file().len(), 1);
    let used = |id| registry.register(context(id, thousand_of_each())).unwrap().usage();
    assert_eq!((used("a").storage_used, used("b").storage_used), (0, 900));
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_is_refused_without_blocking() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("usage.json");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [&*pipe, Path::new("/dev/zero"), folder.path()] {
        let error = UsageFile::read(path).unwrap_err();
        let UsageFileError::Read { source, .. } = error else { panic!("{error}") };
        assert_eq!(
            (source.kind(), &*source.to_string()),
            (ErrorKind::InvalidInput, "not a regular file")
        );
    }
}
