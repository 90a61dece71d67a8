//! The functions that a guest meets, and the directories that it finds.

use core::ops::ControlFlow;
use std::fs;
use std::path::PathBuf;

use limits_core::{ResourceQuota, StorageBaseline};
use quota_enforce::{ComponentHandle, QuotaRegistry};
use quota_wasi::{
    DirectoryAccess, WasiQuota, WasiQuotaError, add_filesystem_to_linker, add_random_to_linker,
    add_to_linker,
};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::guest::{CREATE, Guest, READ, WRITE, existing};
use crate::host::{Host, allowed, component, data, limits};
use crate::puppet::puppet;

/// An upgrade of wasmtime-wasi must not put its own functions beside ours, under another version.
#[tokio::test]
async fn a_guest_of_any_version_meets_these_functions() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "content").unwrap();
    let quota = allowed(dir.path(), &["/data/g"], &[]);
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    add_to_linker(&mut linker).unwrap();
    for patch in 0..=12 {
        let text = puppet(&format!("0.2.{patch}"));
        let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        let store = quota.store(&limits().max_random_bytes(8).build().unwrap());
        let host = Host {
            table: ResourceTable::new(),
            wasi: WasiCtx::builder().build(),
            quota: Some(store),
        };
        let mut store = Store::new(&engine, host);
        let instance = linker.instantiate_async(&mut store, &component).await.unwrap();
        let mut guest = Guest { store, instance };
        let root = guest.root().await;
        let refused = guest.open(root, "f", existing(), READ).await;
        assert_eq!(refused.map(|_| ()), Err(ErrorCode::Access), "0.2.{patch}");
        assert!(guest.random(9).await.is_err(), "0.2.{patch}");
    }
}

#[test]
fn an_interface_is_linked_once() {
    let engine = Engine::default();
    let mut linker = Linker::<Host>::new(&engine);
    add_filesystem_to_linker(&mut linker).unwrap();
    add_random_to_linker(&mut linker).unwrap();
    assert!(add_to_linker(&mut linker).is_err());
    assert!(wasmtime_wasi::p2::add_to_linker_async(&mut linker).is_err());
}

fn anyone(id: &str) -> ComponentHandle {
    component(&QuotaRegistry::new(), id, &["/**"], &["/**"], ResourceQuota::new())
}

#[tokio::test]
async fn directories_are_found_under_their_names_and_decided_on_by_them() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(one.path().join("f"), "one").unwrap();
    fs::write(other.path().join("f"), "other").unwrap();
    let read = ["/app/f", "/here/f"];
    let component = component(&QuotaRegistry::new(), "guest", &read, &[], ResourceQuota::new());
    let quota = WasiQuota::builder(component)
        .directory(one.path(), "/app", DirectoryAccess::ReadOnly)
        .directory(other.path(), "here", DirectoryAccess::ReadOnly)
        .directory(other.path(), "/elsewhere", DirectoryAccess::ReadOnly)
        .build()
        .unwrap();
    let given: Vec<_> = quota
        .directories()
        .map(|it| (it.host_path().to_owned(), it.guest_path().to_owned(), it.access()))
        .collect();
    assert_eq!(given[0], (one.path().to_owned(), String::from("/app"), DirectoryAccess::ReadOnly));
    let mut guest = Guest::new(&quota).await;
    let found = guest.directories().await;
    let names: Vec<&str> = found.iter().map(|(_, name)| &**name).collect();
    assert_eq!(names, ["/app", "here", "/elsewhere"]);
    for (index, allowed) in [(0, true), (1, true), (2, false)] {
        let opened = guest.open(found[index].0, "f", existing(), READ).await;
        assert_eq!(opened.is_ok(), allowed, "{index}");
    }
}

#[tokio::test]
async fn a_directory_that_the_host_moves_is_decided_on_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let (was, is) = (dir.path().join("was"), dir.path().join("is"));
    fs::create_dir_all(was.join("in")).unwrap();
    fs::write(was.join("in/f"), "content").unwrap();
    let quota = allowed(&was, &["/data/in/*"], &[]);
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let inner = guest.open(root, "in", existing(), READ).await.unwrap();
    fs::rename(&was, &is).unwrap();
    assert!(guest.open(root, "in/f", existing(), READ).await.is_ok());
    assert!(guest.open(inner, "f", existing(), READ).await.is_ok());
    // Moved out of the directory, it is nowhere that a guest has a name for.
    fs::rename(is.join("in"), dir.path().join("out")).unwrap();
    assert!(guest.open(inner, "f", existing(), READ).await.is_err());
    assert_eq!(guest.list(inner).await.map(|_| ()), Err(ErrorCode::Access));
}

#[test]
fn what_lies_there_counts_unless_it_is_free() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    fs::write(dir.path().join("d/f"), "content").unwrap();
    let count = |baseline| {
        let handle = anyone("guest");
        let quota = WasiQuota::builder(handle.clone())
            .directory(dir.path(), "/data", DirectoryAccess::ReadWrite)
            // Both are counted already.
            .directory(dir.path(), "/again", DirectoryAccess::ReadWrite)
            .directory(dir.path().join("d"), "/below", DirectoryAccess::ReadWrite)
            .entry_bytes(1_000)
            .baseline(baseline)
            .build()
            .unwrap();
        let used = handle.usage().storage_used;
        drop(quota);
        assert_eq!(handle.usage().storage_used, 0);
        used
    };
    assert_eq!(count(StorageBaseline::Count), 2_007);
    assert_eq!(count(StorageBaseline::Free), 0);
}

#[test]
fn a_directory_in_use_is_refused_unless_it_is_only_read() {
    let dir = tempfile::tempdir().unwrap();
    let first = data(anyone("first"), dir.path()).build().unwrap();
    let second = data(anyone("second"), dir.path()).build();
    assert!(matches!(second, Err(WasiQuotaError::InUse { .. })));
    let read_only = WasiQuota::builder(anyone("reader"))
        .directory(dir.path(), "/data", DirectoryAccess::ReadOnly)
        .build();
    assert!(read_only.is_ok());
    drop(first);
    assert!(data(anyone("second"), dir.path()).build().is_ok());
}

#[tokio::test]
async fn a_read_only_directory_permits_no_change_whatever_the_patterns_are() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "content").unwrap();
    let quota = WasiQuota::builder(anyone("guest"))
        .directory(dir.path(), "/data", DirectoryAccess::ReadOnly)
        .build()
        .unwrap();
    assert_eq!(quota.component().usage().storage_used, 0);
    let mut guest = Guest::new(&quota).await;
    let root = guest.root().await;
    let refused = Err(ErrorCode::NotPermitted);
    assert_eq!(guest.open(root, "f", existing(), WRITE).await.map(|_| ()), refused);
    assert_eq!(guest.open(root, "g", CREATE, WRITE).await.map(|_| ()), refused);
    assert_eq!(guest.unlink(root, "f").await, refused);
    assert!(guest.open(root, "f", existing(), READ).await.is_ok());
}

#[test]
fn every_error_of_preparing_directories_says_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let build = |path: PathBuf| {
        let builder = WasiQuota::builder(anyone("guest"));
        builder.directory(path, "/data", DirectoryAccess::ReadWrite).build().unwrap_err()
    };
    let shown =
        |error: WasiQuotaError| error.to_string().replace(dir.path().to_str().unwrap(), "HOST");
    assert_eq!(
        shown(build(dir.path().join("none"))),
        "directory `HOST/none` cannot be opened: No such file or directory (os error 2)"
    );
    assert_eq!(
        shown(build(file)),
        "directory `HOST/file` cannot be opened: Not a directory (os error 20)"
    );
    let held = data(anyone("first"), dir.path()).build().unwrap();
    assert_eq!(
        shown(build(dir.path().to_owned())),
        "directory `HOST` is in use by another process or component"
    );
    drop(held);
    let interrupted =
        data(anyone("guest"), dir.path()).progress(|_| ControlFlow::Break(())).build().unwrap_err();
    assert_eq!(shown(interrupted), "the count of what lies in the directories was broken off");
    let none = data(anyone("guest"), dir.path()).max_blocking_threads(0).build().unwrap_err();
    assert_eq!(shown(none), "no thread may block for the component: expected at least 1");
}
