//! Pairs of components in one file.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use limits_core::ResourceQuota;
use quota_enforce::QuotaRegistry;
use quota_wasi::{KeyValueStoreError, RedbStore, WasiQuota};
use redb::{Database, TableDefinition};
use tokio::runtime::Builder;

use crate::guest::Guest;
use crate::keys::{keeper, kept, other, used};

fn file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pairs");
    (dir, path)
}

fn roomy(id: &str, store: &RedbStore) -> WasiQuota {
    kept(keeper(&QuotaRegistry::new(), id, ResourceQuota::new()), store.clone())
}

/// The number of pairs in two buckets and the bytes of their keys and values, by reading them all.
async fn recount(quota: &WasiQuota) -> (u64, u64) {
    let (mut pairs, mut bytes) = (0, 0);
    let mut guest = Guest::of_keys(quota).await;
    for bucket in ["", "other"] {
        let bucket = guest.open_bucket(bucket).await.unwrap();
        for key in guest.keys(bucket).await {
            let value = guest.get(bucket, &key).await.unwrap().unwrap();
            pairs += 1;
            bytes += u64::try_from(key.len() + value.len()).unwrap();
        }
    }
    (pairs, bytes)
}

#[tokio::test]
async fn components_keep_their_own_pairs_in_one_file() {
    let (_dir, path) = file();
    for round in 1..3 {
        let store = RedbStore::open(&path).unwrap();
        // Ids whose texts could be taken for each other's tables or keys.
        for id in ["a", "a:default", "pairs of a", "sizes", "wasm-limits"] {
            let quota = roomy(id, &store);
            assert_eq!(used(&quota), if round == 1 { (0, 0) } else { (2, 9) }, "{id}");
            let mut guest = Guest::of_keys(&quota).await;
            let (one, two) = (guest.bucket().await, guest.open_bucket("other").await.unwrap());
            if round == 2 {
                assert_eq!(guest.get(one, "k").await, Ok(Some(b"123".to_vec())));
                assert_eq!(guest.keys(two).await, ["key"]);
            }
            assert_eq!(guest.set(one, "k", b"1234").await, Ok(()));
            assert_eq!(guest.set(one, "k", b"123").await, Ok(()));
            assert_eq!(guest.set_many(two, &[("key", b"12"), ("l", b"")]).await, Ok(()));
            assert_eq!(guest.delete(two, "l").await, Ok(()));
            assert_eq!(guest.increment(two, "n", 1_000).await, Ok(1_000));
            assert_eq!(guest.delete_many(two, &["n", "none"]).await, Ok(()));
            assert_eq!((used(&quota), recount(&quota).await), ((2, 9), (2, 9)));
        }
    }
}

#[tokio::test]
async fn a_refused_change_leaves_the_file_as_it_was() {
    // I81
    let (_dir, path) = file();
    let store = RedbStore::open(&path).unwrap();
    let quota = ResourceQuota::new().with_storage(10);
    let quota = kept(keeper(&QuotaRegistry::new(), "guest", quota), store.clone());
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(guest.set(bucket, "k", &[1; 9]).await, Ok(()));
    let full = "storage quota of 10 bytes exceeded: 10 used, 1 more requested; \
                retry after a release";
    assert_eq!(guest.set(bucket, "l", b"").await, other(full));
    let no_number = "the value is no number: expected decimal digits, up to 2^64 - 1";
    assert_eq!(guest.increment(bucket, "k", 1).await, other(no_number));
    assert_eq!((used(&quota), recount(&quota).await), ((1, 10), (1, 10)));
    drop((guest, quota));
    drop(store);
    assert_eq!(used(&roomy("guest", &RedbStore::open(&path).unwrap())), (1, 10));
}

#[test]
fn a_file_is_open_once_and_a_component_is_counted_once() {
    let (_dir, path) = file();
    let store = RedbStore::open(&path).unwrap();
    let error = RedbStore::open(&path).unwrap_err();
    assert!(matches!(error, KeyValueStoreError::FileInUse { .. }), "{error}");
    let quota = roomy("guest", &store);
    let component = keeper(&QuotaRegistry::new(), "guest", ResourceQuota::new());
    let again = WasiQuota::builder(component).keyvalue(store.clone()).build().unwrap_err();
    assert_eq!(again.to_string(), "the pairs of component `guest` are in use already");
    drop(quota);
    drop(roomy("guest", &store));
    drop(store);
    RedbStore::open(&path).unwrap();
}

fn refused(path: &Path) -> String {
    let error = RedbStore::open(path).unwrap_err();
    let text = error.to_string();
    text.replace(&path.display().to_string(), "FILE")
}

#[test]
fn a_file_of_another_kind_is_refused_with_its_reason_and_left_as_it_is() {
    let (dir, path) = file();
    fs::write(&path, "").unwrap();
    drop(RedbStore::open(&path).unwrap());
    let intact =
        |reason: &str| format!("file `FILE` is no intact store of keys and values: {reason}");
    for (content, reason) in [
        (&b"some text"[..], "I/O error: Not a redb database: magic number mismatch"),
        (&[b'x'; 20_000], "I/O error: Not a redb database: magic number mismatch"),
        (&[0; 20_000], "I/O error: Not a redb database: magic number mismatch"),
    ] {
        fs::write(&path, content).unwrap();
        assert_eq!(refused(&path), intact(reason));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    assert!(refused(dir.path()).starts_with("file `FILE` cannot be opened: "));
    assert!(refused(&dir.path().join("none/file")).starts_with("file `FILE` cannot be opened: "));

    const VERSION: TableDefinition<'_, &str, u64> = TableDefinition::new("wasm-limits");
    for (name, version, reason) in
        [("theirs", 1, "it is of another program"), ("wasm-limits", 2, "its format has version 2")]
    {
        fs::remove_file(&path).unwrap();
        let database = Database::create(&path).unwrap();
        let writing = database.begin_write().unwrap();
        let table = TableDefinition::<&str, u64>::new(name);
        writing.open_table(table).unwrap().insert("version", version).unwrap();
        writing.open_table(TableDefinition::<&str, (u64, u64)>::new("sizes")).unwrap();
        writing.commit().unwrap();
        drop(database);
        assert_eq!(refused(&path), intact(reason));
    }
    let database = Database::open(&path).unwrap();
    let writing = database.begin_write().unwrap();
    writing.open_table(VERSION).unwrap().remove("version").unwrap();
    writing.commit().unwrap();
    drop(database);
    assert_eq!(refused(&path), intact("it has no version"));
}

#[test]
fn a_damaged_file_is_found_when_it_is_opened() {
    let (dir, path) = file();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    {
        let store = RedbStore::open(&path).unwrap();
        let quota = roomy("guest", &store);
        runtime.block_on(async {
            let mut guest = Guest::of_keys(&quota).await;
            let bucket = guest.bucket().await;
            for index in 0..20_u8 {
                let key = format!("key {index}");
                guest.set(bucket, &key, &vec![index; 700]).await.unwrap();
            }
        });
    }
    let intact = fs::read(&path).unwrap();
    let size = intact.len();
    let damaged = dir.path().join("damaged");
    let mut found = 0;
    for offset in (0..320).chain((320..size).step_by(499)) {
        let mut content = intact.clone();
        content[offset] ^= 0x5a;
        fs::write(&damaged, content).unwrap();
        match RedbStore::open(&damaged) {
            // A page that is free, or a part of one.
            Ok(store) => {
                let quota = roomy("guest", &store);
                let there = runtime.block_on(recount(&quota));
                assert_eq!(there, used(&quota), "at {offset}");
            }
            Err(error) => {
                assert!(matches!(error, KeyValueStoreError::NotAStore { .. }), "{offset}: {error}");
                found += 1;
            }
        }
    }
    for cut in (1..=size).step_by(997) {
        fs::write(&damaged, &intact[..size - cut]).unwrap();
        let error = RedbStore::open(&damaged).unwrap_err();
        assert!(matches!(error, KeyValueStoreError::NotAStore { .. }), "cut by {cut}: {error}");
    }
    assert!(found > 30, "{found}");
}

const CHILD: &str = "QUOTA_WASI_TEST_PAIRS_FILE";

#[test]
fn a_process_that_is_killed_leaves_quota_and_pairs_equal() {
    // I80, I82
    if let Some(path) = std::env::var_os(CHILD) {
        change_for_ever(Path::new(&path));
    }
    let (_dir, path) = file();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut last = 0_u64;
    for kill in 0..60_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("pairs_file::a_process_that_is_killed_leaves_quota_and_pairs_equal")
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Some rounds, and then somewhere in the next ones.
        for line in lines.by_ref().map_while(Result::ok).filter(|line| line.starts_with("done ")) {
            last = line[5..].parse().unwrap();
            if last % 4 == kill % 4 {
                break;
            }
        }
        if kill == 7 {
            let error = RedbStore::open(&path).unwrap_err();
            assert!(matches!(error, KeyValueStoreError::FileInUse { .. }), "{error}");
        }
        std::thread::sleep(core::time::Duration::from_micros(kill * 173 % 3_000));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        let told = lines.map_while(Result::ok).filter_map(|line| line[5..].parse().ok());
        last = told.fold(last, u64::max);

        let store = RedbStore::open(&path).unwrap();
        let quota = roomy("guest", &store);
        let there = runtime.block_on(recount(&quota));
        assert_eq!(there, used(&quota), "kill {kill}");
        let (one, two) = runtime.block_on(async {
            let mut guest = Guest::of_keys(&quota).await;
            let bucket = guest.bucket().await;
            let one = guest.increment(bucket, "round", 0).await.unwrap();
            let two = guest.increment(bucket, "again", 0).await.unwrap();
            (one, two)
        });
        // All that the guest was told of is there, and each batch in whole.
        assert!(one >= last, "{one} {last}");
        assert_eq!(one, two);
    }
    assert!(last >= 60, "{last}");
}

/// Changes pairs until it is killed, and tells which rounds are done.
#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn change_for_ever(path: &Path) -> ! {
    let store = RedbStore::open(path).unwrap();
    let quota = roomy("guest", &store);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut guest = Guest::of_keys(&quota).await;
        let (bucket, second) = (guest.bucket().await, guest.open_bucket("other").await.unwrap());
        let begin = guest.increment(bucket, "round", 0).await.unwrap();
        for round in begin + 1.. {
            let text = round.to_string();
            let batch: [(&str, &[u8]); 2] =
                [("round", text.as_bytes()), ("again", text.as_bytes())];
            guest.set_many(bucket, &batch).await.unwrap();
            println!("done {round}");
            let len = usize::try_from(round * 7_919 % 9_000).unwrap();
            guest.set(second, &format!("k{}", round % 9), &vec![0; len]).await.unwrap();
            guest.delete(second, &format!("k{}", round % 4)).await.unwrap();
        }
        unreachable!("the rounds do not end")
    })
}
