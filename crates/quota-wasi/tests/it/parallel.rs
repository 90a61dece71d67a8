//! Many executions of one component at once.

use std::fs;

use limits_core::ResourceQuota;
use tokio::task::JoinSet;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::guest::{Broken, CREATE, Guest, WRITE};
use crate::host::within;

const LIMIT: u64 = 3_000_001;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_executions_share_one_quota_to_its_last_byte() {
    let dir = tempfile::tempdir().unwrap();
    let quota = within(dir.path(), ResourceQuota::new().with_storage(LIMIT));
    let mut running = JoinSet::new();
    for index in 0..16_u32 {
        let quota = quota.clone();
        running.spawn(async move {
            let mut guest = Guest::new(&quota).await;
            let root = guest.root().await;
            // Four write to files of their own, the others four to a file.
            let name = format!("f{}", if index < 4 { index } else { index % 4 + 4 });
            let fd = guest.open(root, &name, CREATE, WRITE).await.unwrap();
            let stream = guest.append_stream(fd).await.unwrap();
            loop {
                match guest.put(stream, &[b'x'; 4_096]).await {
                    Ok(()) => {}
                    Err(Broken::Failed(Some(ErrorCode::Quota))) => return,
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    let lies: u64 = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!((lies, quota.component().usage().storage_used), (LIMIT, LIMIT));
}
