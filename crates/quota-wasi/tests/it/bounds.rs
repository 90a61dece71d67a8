//! Guests that pile things up at their host, each up to a bound.

use std::fs;

use limits_core::{LimitExceeded, LimitKind, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry};
use tokio::task::JoinSet;
use wasmtime::component::{Resource, ResourceTableError};
use wasmtime_wasi::p2::DynOutputStream;
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, OpenFlags};

use crate::guest::{CREATE, Guest, READ, WRITE, existing};
use crate::host::{component, data, limits, roomy};

const FULL: Result<(), ErrorCode> = Err(ErrorCode::InsufficientMemory);

#[tokio::test]
async fn open_files_and_directories_are_bounded_until_they_are_closed() {
    // I23: descriptors of files and directories, those found open, and streams without a
    // descriptor.
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "content").unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    let quota = roomy(dir.path());
    let mut guest = Guest::within(&quota, limits().max_descriptors(4)).await;
    let usage = guest.store.data().quota.as_ref().unwrap().usage();
    let root = guest.root().await;
    let file = guest.open(root, "f", existing(), READ).await.unwrap();
    let one = guest.open(root, "d", existing(), READ).await.unwrap();
    let other = guest.open(root, "d", existing(), READ).await.unwrap();
    assert_eq!(guest.open(root, "f", existing(), READ).await.map(|_| ()), FULL);
    // Nothing was made.
    assert_eq!(guest.open(root, "new", CREATE, WRITE).await.map(|_| ()), FULL);
    assert!(!dir.path().join("new").exists());
    assert_eq!((usage.peak_descriptors(), usage.refused_descriptors()), (4, 2));

    let stream = guest.read_stream(file, 0).await.unwrap();
    guest.close(file).await;
    assert_eq!(guest.open(root, "f", existing(), READ).await.map(|_| ()), FULL);
    assert_eq!(guest.take(stream, 100).await.unwrap(), b"content");
    guest.close_input(stream).await;
    assert!(guest.open(root, "f", existing(), READ).await.is_ok());
    guest.close(one).await;
    guest.close(other).await;
    assert!(guest.open(root, "f", existing(), READ).await.is_ok());
    // A name that does not exist takes no place.
    for _ in 0..9 {
        let opened = guest.open(root, "none", existing(), READ).await;
        assert_eq!(opened.map(|_| ()), Err(ErrorCode::NoEntry));
    }
    assert!(guest.open(root, "f", existing(), READ).await.is_ok());
    assert_eq!(usage.peak_descriptors(), 4);
}

#[tokio::test]
async fn directories_that_are_found_open_count_and_too_many_of_them_end_the_execution() {
    let dir = tempfile::tempdir().unwrap();
    let mut guest = Guest::within(&roomy(dir.path()), limits().max_descriptors(2)).await;
    guest.directories().await;
    guest.directories().await;
    let given = guest.try_directories().await.unwrap_err();
    let refused = given.downcast_ref::<LimitExceeded>().unwrap();
    assert_eq!(
        refused.to_string(),
        "descriptor limit of 2 descriptors exceeded: 2 in use, 1 more requested"
    );
}

#[tokio::test]
async fn open_listings_are_bounded_by_their_entries_together() {
    // I24: one listing, and several.
    let dir = tempfile::tempdir().unwrap();
    for (name, entries) in [("six", 6), ("five", 5), ("ten", 10), ("eleven", 11)] {
        fs::create_dir(dir.path().join(name)).unwrap();
        for entry in 0..entries {
            fs::write(dir.path().join(name).join(entry.to_string()), "").unwrap();
        }
    }
    let mut guest = Guest::within(&roomy(dir.path()), limits().max_directory_entries(10)).await;
    let usage = guest.store.data().quota.as_ref().unwrap().usage();
    let root = guest.root().await;
    let open = async |guest: &mut Guest, name| {
        guest.open(root, name, OpenFlags::DIRECTORY, READ).await.unwrap()
    };
    let (six, five) = (open(&mut guest, "six").await, open(&mut guest, "five").await);
    let (ten, eleven) = (open(&mut guest, "ten").await, open(&mut guest, "eleven").await);
    assert_eq!(guest.names(ten).await.unwrap().len(), 10);
    assert_eq!(guest.names(eleven).await.map(|_| ()), FULL);
    let listing = guest.list(six).await.unwrap();
    assert_eq!(guest.list(five).await.map(|_| ()), FULL);
    assert_eq!(usage.refused_listings(), 2);
    guest.close_listing(listing).await;
    assert_eq!(guest.names(five).await.unwrap().len(), 5);
}

#[tokio::test]
async fn too_many_random_bytes_at_once_end_the_execution() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["get-random-bytes", "get-insecure-random-bytes"] {
        let mut guest = Guest::within(&roomy(dir.path()), limits().max_random_bytes(64)).await;
        let usage = guest.store.data().quota.as_ref().unwrap().usage();
        let bytes: Vec<u8> = guest.try_call(name, (64_u64,)).await.unwrap();
        assert_eq!(bytes.len(), 64);
        let error = guest.try_call::<_, Vec<u8>>(name, (65_u64,)).await.unwrap_err();
        let refused = error.downcast_ref::<LimitExceeded>().unwrap();
        assert_eq!(refused.kind(), LimitKind::RandomBytes);
        assert_eq!(
            refused.to_string(),
            "random limit of 64 bytes per host call exceeded: 0 in use, 65 more requested"
        );
        assert_eq!(usage.refused_random(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn no_more_threads_block_for_a_component_than_it_may_have() {
    // I21: eight executions whose calls take long.
    let dir = tempfile::tempdir().unwrap();
    for entry in 0..5_000 {
        fs::write(dir.path().join(entry.to_string()), "").unwrap();
    }
    let quota = data(anything(), dir.path()).max_blocking_threads(3).build().unwrap();
    let mut running = JoinSet::new();
    for _ in 0..8 {
        let quota = quota.clone();
        running.spawn(async move {
            let mut guest = Guest::new(&quota).await;
            let root = guest.root().await;
            for _ in 0..3 {
                let listing = guest.list(root).await.unwrap();
                guest.close_listing(listing).await;
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    let peak = quota.peak_blocking_threads();
    assert!((1..=3).contains(&peak), "{peak}");
}

#[tokio::test]
async fn streams_that_wait_for_a_thread_lose_nothing() {
    const STREAMS: u64 = 64;
    let dir = tempfile::tempdir().unwrap();
    let quota = data(anything(), dir.path()).max_blocking_threads(1).build().unwrap();
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let mut streams = Vec::new();
    for index in 0..STREAMS {
        let fd = guest.open(root, &format!("f{index}"), CREATE, WRITE).await.unwrap();
        streams.push(guest.write_stream(fd, 0).await.unwrap());
    }
    for _ in 0..4 {
        for stream in &streams {
            guest.wait_for(*stream).await;
            assert_eq!(guest.check_write(*stream).await, Ok(65_536));
            guest.start_write(*stream, &[b'x'; 65_536]).await.unwrap();
        }
    }
    // A stream that is dropped has written all that it was given.
    for stream in streams {
        guest.close_output(stream).await;
    }
    let lies: u64 = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!(lies, STREAMS * 4 * 65_536);
    assert_eq!(quota.component().usage().storage_used, lies);
    assert_eq!(quota.peak_blocking_threads(), 1);
}

/// A component that may do everything in `/data`.
fn anything() -> ComponentHandle {
    let quota = ResourceQuota::new().with_storage(u64::MAX);
    let all = ["/data", "/data/**"];
    component(&QuotaRegistry::new(), "guest", &all, &all, quota)
}

#[tokio::test]
async fn entries_of_the_resource_table_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let quota = roomy(dir.path());
    let mut guest = Guest::new(&quota).await;
    guest.store.data_mut().table.set_max_capacity(10);
    let mut calls = 0;
    let error = loop {
        match guest.try_call::<_, Resource<DynOutputStream>>("get-stdout", ()).await {
            Ok(_) => calls += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(calls, 10);
    assert!(error.is::<ResourceTableError>());
}
