//! Names that change between a check and the act that it is for.

use core::sync::atomic::{AtomicBool, Ordering};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use quota_wasi::WasiQuota;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::guest::{CREATE, FOLLOW, Guest, READ, WRITE, existing};
use crate::host::allowed;

const ROUNDS: usize = 3_000;

/// `mine` may be read and written, `secret` neither.
fn files() -> (TempDir, WasiQuota) {
    let dir = tempfile::tempdir().unwrap();
    for name in ["mine/real", "secret"] {
        fs::create_dir_all(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("f"), name).unwrap();
    }
    symlink("../secret", dir.path().join("mine/link")).unwrap();
    symlink("real", dir.path().join("mine/x")).unwrap();
    let quota = allowed(dir.path(), &["/data/mine/**"], &["/data/mine/**"]);
    (dir, quota)
}

/// Opens `mine/x/f` again and again, and makes files and directories below `mine/x`.
async fn explorer(quota: WasiQuota) -> (usize, usize) {
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let (mut read, mut refused) = (0, 0);
    for round in 0..ROUNDS {
        match guest.open(root, "mine/x/f", existing(), READ).await {
            Ok(fd) => {
                let (bytes, _) = guest.read(fd, 100, 0).await.unwrap();
                assert_eq!(bytes, b"mine/real", "round {round}");
                guest.close(fd).await;
                read += 1;
            }
            Err(code) => {
                assert!(matches!(code, ErrorCode::Access | ErrorCode::NoEntry), "{code:?}");
                refused += 1;
            }
        }
        if let Ok(stat) = guest.stat_at(root, FOLLOW, "mine/x/f").await {
            assert_eq!(stat.size, 9, "round {round}");
        }
        if let Ok(fd) = guest.open(root, "mine/x/made", CREATE, WRITE).await {
            let _ = guest.write(fd, b"made", 0).await;
            guest.close(fd).await;
        }
        let _ = guest.mkdir(root, "mine/x/dir").await;
        let _ = guest.unlink(root, "mine/x/made").await;
        let _ = guest.rename(root, "mine/x/dir", root, "mine/x/dir2").await;
        let _ = guest.rmdir(root, "mine/x/dir2").await;
        if let Ok(dir) = guest.open(root, "mine/x", existing(), READ).await {
            if let Ok(names) = guest.names(dir).await {
                assert!(names.contains(&String::from("f")), "{names:?}");
            }
            guest.close(dir).await;
        }
    }
    (read, refused)
}

fn nothing_leaked(dir: &Path) {
    let names: Vec<_> =
        fs::read_dir(dir.join("secret")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["f"]);
    assert_eq!(fs::read_to_string(dir.join("secret/f")).unwrap(), "secret");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_swaps_names_shows_another_nothing_that_no_pattern_allows() {
    let (dir, quota) = files();
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = tokio::spawn({
        let (quota, stop) = (quota.clone(), Arc::clone(&stop));
        async move {
            let mut guest = Guest::new(&quota).await;
            let root = guest.root().await;
            let mut swaps = 0;
            while !stop.load(Ordering::Relaxed) {
                for target in ["../secret", "real", "link"] {
                    let _ = guest.symlink(root, target, "mine/next").await;
                    let _ = guest.rename(root, "mine/next", root, "mine/x").await;
                    // Neither way leads to the other side.
                    let out = guest.rename(root, "secret/f", root, "mine/f").await;
                    assert_eq!(out, Err(ErrorCode::Access));
                    let out = guest.link(root, "mine/x/f", root, "mine/stolen").await;
                    if out.is_ok() {
                        guest.unlink(root, "mine/stolen").await.unwrap();
                    }
                    swaps += 1;
                }
            }
            swaps
        }
    });
    let (read, refused) = tokio::spawn(explorer(quota)).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let swaps: usize = swapper.await.unwrap();
    nothing_leaked(dir.path());
    assert!(read > 0 && refused > 0 && swaps > 0, "{read} read, {refused} refused, {swaps} swaps");
}

/// What no lock of ours keeps away: another process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_another_process_swaps_show_nothing_that_no_pattern_allows() {
    let (dir, quota) = files();
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = thread::spawn({
        let (mine, stop) = (dir.path().join("mine"), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                let (x, link) = (mine.join("x"), mine.join("link"));
                renameat_with(CWD, &x, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        }
    });
    let (read, refused) = tokio::spawn(explorer(quota)).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    swapper.join().unwrap();
    nothing_leaked(dir.path());
    assert!(read > 0 && refused > 0, "{read} read, {refused} refused");
}
