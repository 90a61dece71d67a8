//! Programs that meet their quotas: the bytes and entries that fit, and the errors that they see.

use std::fs;

use limits_core::ResourceQuota;
use quota_wasi::WasiQuota;

use crate::compiler::sources;
use crate::fixture::Fixture;
use crate::program::{Ending, Program, wide_limits};
use crate::quoted::{component, open, run};
use crate::tree::usage;

/// Bytes that an entry counts.
const ENTRY: u64 = 4_096;

fn storage(bytes: u64) -> ResourceQuota {
    ResourceQuota::new().with_storage(bytes)
}

/// Runs a program that must end well and returns what it printed.
async fn printed(name: &str, wasi: &WasiQuota, args: &[&str]) -> String {
    let ran = run(&Program::compile(&format!("quota/{name}")), &wide_limits(), wasi, args).await;
    assert_eq!((&ran.ending, ran.stderr.as_str()), (&Ending::Success, ""), "{}", ran.stdout);
    // A quota is not a full disk.
    assert!(!ran.stdout.contains("ENOSPC"), "{}", ran.stdout);
    ran.stdout
}

/// Returns the output that a program is to have: the file beside it.
pub(crate) fn expected(name: &str) -> String {
    fs::read_to_string(sources().join(format!("quota/{name}.out"))).expect("a file")
}

/// Compares the component's use with a new count of what lies on disk.
#[track_caller]
fn assert_counted(wasi: &WasiQuota, fixture: &Fixture) {
    let used = wasi.component().usage();
    let counted = (used.storage_used, used.storage_entries_used);
    assert_eq!(counted, usage(&fixture.data(), ENTRY), "bytes and entries, used and on disk");
}

/// Fills an empty directory in one way: the byte after the last is refused.
async fn fills(way: &str) {
    for room in [0, 1, 999, 4_096, 70_001] {
        let fixture = Fixture::empty();
        let wasi = open(&component(storage(ENTRY + room)), &fixture);
        let full = format!("{room} bytes, then EDQUOT\n");
        assert_eq!(printed("fill", &wasi, &[way, "/data/file"]).await, full.repeat(2));
        assert_eq!(wasi.component().usage().storage_used, ENTRY + room);
        assert_counted(&wasi, &fixture);
    }
}

macro_rules! ways {
    ($($test:ident: $way:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                fills($way).await;
            }
        )*
    };
}

ways! {
    single_bytes_fit_up_to_the_quota: "write-1",
    writes_of_1000_bytes_fit_up_to_the_quota: "write-1000",
    writes_of_4_kib_fit_up_to_the_quota: "write-4096",
    writes_of_64_kib_fit_up_to_the_quota: "write-65536",
    appended_bytes_fit_up_to_the_quota: "append",
    writes_at_positions_fit_up_to_the_quota: "pwrite",
    gathered_bytes_fit_up_to_the_quota: "writev",
    files_grow_by_ftruncate_up_to_the_quota: "ftruncate",
}

/// The write that failed has not moved the file's position: the next byte replaces one that fitted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stdio_learns_of_the_quota_as_it_flushes() {
    let fixture = Fixture::empty();
    let wasi = open(&component(storage(ENTRY + 1_050)), &fixture);
    assert_eq!(printed("fill_stdio", &wasi, &[]).await, expected("fill_stdio"));
    assert_counted(&wasi, &fixture);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_are_given_back_in_every_way_and_can_be_written_again() {
    let fixture = Fixture::empty();
    let wasi = open(&component(storage(100_000)), &fixture);
    assert_eq!(printed("give_back", &wasi, &["95904"]).await, expected("give_back"));
    // The program ended with the removed file open: the end of its store closed it.
    let used = wasi.component().usage();
    assert_eq!((used.storage_used, used.storage_entries_used), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_of_every_kind_count_and_are_given_back() {
    let fixture = Fixture::empty();
    let wasi = open(&component(ResourceQuota::new().with_storage_entries(10)), &fixture);
    assert_eq!(printed("entries", &wasi, &[]).await, expected("entries"));
    assert_counted(&wasi, &fixture);
    assert_eq!(wasi.component().usage().storage_entries_used, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_over_its_quota_is_read_and_emptied_and_not_grown() {
    let fixture = Fixture::filled();
    fs::write(fixture.data().join("big"), [0; 100_000]).expect("a file");
    let (there, _) = usage(&fixture.data(), ENTRY);
    let wasi = open(&component(storage(there - 40_000)), &fixture);
    assert_eq!(wasi.component().usage().storage_used, there, "what lay there is counted");
    assert_eq!(printed("over", &wasi, &[]).await, expected("over"));
    assert_counted(&wasi, &fixture);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_instances_fill_one_quota_to_its_last_byte() {
    let fixture = Fixture::empty();
    let quota = 16 * ENTRY + 1_000_003;
    let wasi = open(&component(storage(quota)), &fixture);
    let program = Program::compile("quota/fill");
    let running: Vec<_> = (0..16)
        .map(|n| {
            let (program, wasi) = (program.clone(), wasi.clone());
            let way = ["write-1000", "write-4096", "append", "pwrite"][n % 4];
            tokio::spawn(async move {
                let path = format!("/data/file-{n}");
                run(&program, &wide_limits(), &wasi, &[way, &path]).await
            })
        })
        .collect();
    for instance in running {
        let ran = instance.await.expect("no panic");
        assert_eq!((&ran.ending, ran.stderr.as_str()), (&Ending::Success, ""), "{}", ran.stdout);
        let refusals = ran.stdout.lines().filter(|line| line.ends_with(" bytes, then EDQUOT"));
        assert_eq!((refusals.count(), ran.stdout.lines().count()), (2, 2), "{}", ran.stdout);
    }
    assert_eq!(wasi.component().usage().storage_used, quota);
    assert_counted(&wasi, &fixture);
}
