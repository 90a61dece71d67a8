//! Executions that are dropped in the middle of what they do.

use core::time::Duration;
use std::fs;
use std::path::Path;

use limits_core::ResourceQuota;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::guest::{CREATE, Guest, READ, WRITE};
use crate::host::within;

/// The sum of what lies in a directory: sizes, once for each inode.
fn recount(dir: &Path) -> u64 {
    let lengths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    lengths.sum()
}

#[test]
fn a_thousand_executions_dropped_in_mid_write_lose_and_leak_nothing() {
    // I22: what a thread has begun ends, and what the quota knows is what lies there.
    let dir = tempfile::tempdir().unwrap();
    let quota = within(dir.path(), ResourceQuota::new().with_storage(1 << 40));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for kill in 0..1_000_u64 {
            let mut guest = Guest::new(&quota).await;
            let root = guest.root().await;
            let name = format!("f{}", kill % 50);
            let fd = guest.open(root, &name, CREATE, READ | WRITE).await.unwrap();
            let stream = if kill % 2 == 0 {
                guest.append_stream(fd).await.unwrap()
            } else {
                guest.write_stream(fd, kill).await.unwrap()
            };
            if kill % 5 == 0 {
                // Its bytes stay counted while it is open, and no longer.
                guest.unlink(root, &name).await.unwrap();
            }
            if kill % 7 == 0 {
                let size = guest.stat(fd).await.unwrap().size;
                guest.set_size(fd, size / 2).await.unwrap();
            }
            // Somewhere in the writes that it makes for ever.
            let stop = Duration::from_micros(kill * 7 % 400);
            assert!(timeout(stop, guest.storm(stream)).await.is_err());
        }
    });
    // Waits for the threads that write.
    drop(runtime);
    assert_eq!(quota.component().usage().storage_used, recount(dir.path()));
    let component = quota.component().clone();
    drop(quota);
    assert_eq!(component.usage().storage_used, 0);
}

#[test]
fn directories_stay_locked_until_the_last_write_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for _ in 0..50 {
        let quota = within(dir.path(), ResourceQuota::new().with_storage(1 << 40));
        let component = quota.component().clone();
        runtime.block_on(async {
            let mut guest = Guest::new(&quota).await;
            drop(quota);
            let root = guest.root().await;
            let fd = guest.open(root, "f", CREATE, WRITE).await.unwrap();
            let stream = guest.append_stream(fd).await.unwrap();
            assert_eq!(guest.check_write(stream).await, Ok(65_536));
            guest.start_write(stream, &[b'x'; 65_536]).await.unwrap();
        });
        // The thread may still write: until it has ended, no other ledger may count the directory.
        let all = ["/data/**"];
        let registry = quota_enforce::QuotaRegistry::new();
        let next = crate::host::component(&registry, "next", &all, &all, ResourceQuota::new());
        while let Err(error) = crate::host::data(next.clone(), dir.path()).build() {
            assert!(matches!(error, quota_wasi::WasiQuotaError::InUse { .. }), "{error}");
            std::thread::yield_now();
        }
        assert_eq!(component.usage().storage_used, 0);
    }
}
