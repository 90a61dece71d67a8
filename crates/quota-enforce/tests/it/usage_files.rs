//! The use of all components over a restart.

use core::time::Duration;
use std::fs;
use std::time::SystemTime;

use limits_core::{Allowance, QuotaResource, QuotaType, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext, UsageFile, UsageFileError};

use crate::{capabilities, context, thousand_of_each};

const HOUR: Duration = Duration::from_secs(3_600);

fn used(registry: &QuotaRegistry) -> ComponentHandle {
    let handle = registry.register(context("a", thousand_of_each())).expect("it is new");
    handle.consume(QuotaType::Storage(900)).expect("it fits");
    handle.consume(QuotaType::StorageEntries(70)).expect("it fits");
    handle.consume(QuotaType::Memory(800)).expect("it fits");
    handle.charge(QuotaType::MessageRate(2_500));
    handle
}

/// Returns a file of one component that was seen so long ago, counting in windows of an hour. It
/// has version 1, and so no entries of storage.
fn of_age(age: Duration, usage: &str) -> UsageFile {
    let folder = tempfile::tempdir().expect("there is a disk");
    let path = folder.path().join("aged.json");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is past 1970");
    let (time_ms, period_ns) = (now.saturating_sub(age).as_millis(), HOUR.as_nanos());
    let component = format!(r#"{{"time_ms":{time_ms},"period_ns":{period_ns},"usage":{usage}}}"#);
    let file = format!(r#"{{"version":1,"components":{{"a":{component}}}}}"#);
    fs::write(&path, file).expect("there is room");
    UsageFile::read(&path).expect("it is one").expect("it is there")
}

#[test]
fn a_file_is_written_whole_and_seeds_the_components_of_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.json");
    assert!(UsageFile::read(&path).unwrap().is_none(), "the first start");
    let registry = QuotaRegistry::new();
    used(&registry);
    registry.register(context("b", thousand_of_each())).unwrap();
    registry.usage_file().write(&path).unwrap();
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["usage.json"]);

    let usage = UsageFile::read(&path).unwrap().unwrap();
    assert_eq!(usage.len(), 2);
    let registry = QuotaRegistry::builder().usage(usage.clone()).build();
    let registration = registry.prepare(context("a", thousand_of_each())).unwrap();
    drop(registration);
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    let used = handle.usage();
    assert_eq!((used.storage_used, used.storage_entries_used, used.memory_used), (900, 70, 0));
    // It is released as any use of the component's own.
    assert_eq!(handle.release(QuotaType::StorageEntries(u64::MAX)), Ok(70));
    assert_eq!(handle.release(QuotaType::Storage(u64::MAX)), Ok(900));
    // A component that was not registered this time stays in the file.
    let next = registry.usage_file();
    assert_eq!(next.len(), 2);
    registry.unregister("a").unwrap();
    assert_eq!(registry.usage_file().len(), 1);
    // A use that the host gives itself comes first.
    let registry = QuotaRegistry::builder().usage(usage).build();
    let own = context("a", thousand_of_each()).with_usage(quota_enforce::UsageSnapshot::default());
    assert_eq!(registry.register(own).unwrap().usage().storage_used, 0);
}

#[test]
fn rates_of_the_same_period_come_back_less_a_limit_for_each_window_since() {
    let debt = r#"{"storage_used":5,"message_count":2500,"cpu_time_used_us":2500000,"network_bandwidth_used":900,"memory_used":0}"#;
    let seeded = |minutes: u64, quota: ResourceQuota| {
        let usage = of_age(Duration::from_secs(minutes * 60), debt);
        let registry = QuotaRegistry::builder().usage(usage).build();
        let handle = registry.register(SecurityContext::with_quota("a", capabilities(), quota));
        let usage = handle.unwrap().usage();
        assert_eq!((usage.storage_used, usage.storage_entries_used), (5, 0));
        [QuotaResource::MessageRate, QuotaResource::CpuTime, QuotaResource::NetworkBandwidth]
            .map(|resource| usage.of(resource))
    };
    let quota = thousand_of_each().with_reset_period(HOUR);
    assert_eq!(seeded(20, quota), [2_500, 2_500_000, 900]);
    assert_eq!(seeded(80, quota), [1_500, 1_500_000, 0]);
    assert_eq!(seeded(600, quota), [0; 3]);
    assert_eq!(seeded(20, quota.with_reset_period(2 * HOUR)), [0; 3]);
    let nothing = quota.with_message_rate(0);
    assert_eq!(seeded(600, nothing), [2_500, 0, 0], "a limit of zero drains nothing");
    let unlimited = quota.with_message_rate(Allowance::Unlimited);
    assert_eq!(seeded(80, unlimited), [0, 1_500_000, 0], "nothing is owed without a limit");
}

#[test]
fn a_truncated_or_corrupted_file_is_an_error_and_restores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage\u{202e}.json");
    let registry = QuotaRegistry::new();
    used(&registry);
    registry.usage_file().write(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let content = whole.len() - 1;
    for end in 0..content {
        fs::write(&path, &whole[..end]).unwrap();
        let error = UsageFile::read(&path).unwrap_err();
        assert!(matches!(error, UsageFileError::Malformed { .. }), "{end}: {error}");
        assert!(error.to_string().contains("usage\\u{202e}.json` is not a whole usage file: "));
    }
    let text = String::from_utf8(whole).unwrap();
    for (from, to) in [
        ("\"usage\"", "\"use\""),
        ("\"storage_used\":900", "\"storage_used\":-900"),
        ("\"storage_used\":900", "\"storage_used\":\"900\""),
        ("\"storage_used\"", "\"storage\u{1b}\""),
        ("\"period_ns\":1000000000", "\"period_ns\":0"),
        ("{\"version\":2,", "{"),
        ("}\n", "}}\n"),
    ] {
        assert!(text.contains(from));
        fs::write(&path, text.replace(from, to)).unwrap();
        let error = UsageFile::read(&path).unwrap_err();
        assert!(matches!(error, UsageFileError::Malformed { .. }), "{to}: {error}");
        assert!(!error.to_string().contains(limits_core::is_hidden), "{error}");
    }
    fs::write(&path, text.replace("\"version\":2", "\"version\":3")).unwrap();
    let error = UsageFile::read(&path).unwrap_err();
    assert!(matches!(error, UsageFileError::Version { version: 3, .. }), "{error}");
    assert!(error.to_string().ends_with("has version 3, but this program reads versions 1 and 2"));
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(UsageFile::read(&path).is_err());
}

#[test]
fn a_write_that_fails_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let usage = QuotaRegistry::new().usage_file();
    // The last step fails: a folder is in the way.
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("x")).unwrap();
    let error = usage.write(&taken).unwrap_err();
    assert!(matches!(error, UsageFileError::Write { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(matches!(
        usage.write(folder.path().join("absent/x")),
        Err(UsageFileError::Write { .. })
    ));
    assert!(matches!(usage.write("/"), Err(UsageFileError::Write { .. })));
    assert!(matches!(UsageFile::read(folder.path()), Err(UsageFileError::Read { .. })));
}

#[test]
fn a_reader_finds_a_whole_file_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.json");
    let registry = QuotaRegistry::new();
    used(&registry);
    registry.usage_file().write(&path).unwrap();
    std::thread::scope(|scope| {
        let writers = [(); 2]
            .map(|()| scope.spawn(|| (0..20).all(|_| registry.usage_file().write(&path).is_ok())));
        while !writers.iter().all(|writer| writer.is_finished()) {
            assert_eq!(UsageFile::read(&path).unwrap().unwrap().len(), 1);
        }
        assert!(writers.into_iter().all(|writer| writer.join().unwrap()));
    });
}
