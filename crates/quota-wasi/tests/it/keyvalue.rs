//! Keys and values of guests: what they do, what they cost, and who may touch them.

use limits_core::{Permission, QuotaResource, ResourceQuota};
use quota_enforce::QuotaRegistry;
use quota_wasi::{KeyValueStoreError, Service, WasiQuota, WasiQuotaError};

use crate::guest::Guest;
use crate::host::limits;
use crate::keys::{Answer, DENIED, Failure, keeper, kept, other, used, with_patterns};
use crate::memory_store::MemoryStore;

type Pair = (String, Vec<u8>);

fn roomy(store: &MemoryStore) -> WasiQuota {
    within(store, ResourceQuota::new())
}

fn within(store: &MemoryStore, quota: ResourceQuota) -> WasiQuota {
    kept(keeper(&QuotaRegistry::new(), "guest", quota), store.clone())
}

#[tokio::test]
async fn pairs_are_set_read_and_deleted_and_cost_their_keys_and_values() {
    // I80
    let store = MemoryStore::default();
    let quota = roomy(&store);
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(guest.get(bucket, "key").await, Ok(None));
    assert_eq!(guest.exists(bucket, "key").await, Ok(false));
    for (value, expected) in [(&b"value"[..], 8), (b"", 3), (b"longer than that", 19), (b"v", 4)] {
        assert_eq!(guest.set(bucket, "key", value).await, Ok(()));
        assert_eq!(guest.get(bucket, "key").await, Ok(Some(value.to_vec())));
        assert_eq!(used(&quota), (1, expected));
    }
    assert_eq!(guest.set(bucket, "k:2", b"2").await, Ok(()));
    assert_eq!(guest.exists(bucket, "k:2").await, Ok(true));
    assert_eq!(used(&quota), (2, 8));
    assert_eq!(guest.delete(bucket, "key").await, Ok(()));
    assert_eq!(guest.get(bucket, "key").await, Ok(None));
    // Once: what is gone gives nothing back.
    assert_eq!(guest.delete(bucket, "key").await, Ok(()));
    assert_eq!(used(&quota), (1, 4));
    let component = quota.component().clone();
    drop((quota, guest));
    assert_eq!(component.usage().storage_used, 0);
    assert_eq!(component.usage().storage_entries_used, 0);
    assert_eq!(store.size("guest"), (1, 4));
    // They count again where they are found again, above the quota if need be.
    let quota = within(&store, ResourceQuota::new().with_storage(3));
    assert_eq!(used(&quota), (1, 4));
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(guest.get(bucket, "k:2").await, Ok(Some(b"2".to_vec())));
    assert_eq!(guest.delete(bucket, "k:2").await, Ok(()));
    assert_eq!(used(&quota), (0, 0));
}

#[tokio::test]
async fn a_value_fits_up_to_the_quotas_last_byte() {
    // I81
    let store = MemoryStore::default();
    let quota = within(&store, ResourceQuota::new().with_storage(10));
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(
        guest.set(bucket, "k", &[1; 10]).await,
        other(
            "storage quota of 10 bytes exceeded: 0 used, 11 more requested; more than the whole quota, do not retry"
        )
    );
    assert_eq!(used(&quota), (0, 0));
    assert_eq!(guest.set(bucket, "k", &[1; 9]).await, Ok(()));
    assert_eq!(used(&quota), (1, 10));
    let full =
        "storage quota of 10 bytes exceeded: 10 used, 1 more requested; retry after a release";
    assert_eq!(guest.set(bucket, "l", b"").await, other(full));
    assert_eq!(guest.set(bucket, "k", &[2; 10]).await, other(full));
    assert_eq!(guest.get(bucket, "k").await, Ok(Some(vec![1; 9])));
    // The difference is what counts.
    assert_eq!(guest.set(bucket, "k", &[3; 9]).await, Ok(()));
    assert_eq!(guest.set(bucket, "k", &[3; 8]).await, Ok(()));
    assert_eq!(guest.set(bucket, "l", b"").await, Ok(()));
    assert_eq!((used(&quota), store.size("guest")), ((2, 10), (2, 10)));
    assert_eq!(quota.component().denials().by_quota(QuotaResource::Storage), 3);
}

#[tokio::test]
async fn pairs_are_entries_of_storage() {
    let store = MemoryStore::default();
    let quota = within(&store, ResourceQuota::new().with_storage_entries(2));
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(guest.set_many(bucket, &[("a", b""), ("b", b"")]).await, Ok(()));
    let full = "storage entries quota of 2 entries exceeded: 2 used, 1 more requested; retry after a release";
    assert_eq!(guest.set(bucket, "c", b"").await, other(full));
    assert_eq!(guest.increment(bucket, "c", 1).await, other(full));
    assert_eq!(guest.set(bucket, "a", b"other").await, Ok(()));
    assert_eq!(guest.delete_many(bucket, &["a", "none", "a"]).await, Ok(()));
    assert_eq!(guest.set(bucket, "c", b"").await, Ok(()));
    assert_eq!(used(&quota), (2, 2));
}

#[tokio::test]
async fn each_call_needs_its_capability_for_each_key() {
    let all = [Permission::StorageRead, Permission::StorageWrite, Permission::StorageDelete];
    // One permission for one key; of another key of the bucket, none.
    for allowed in all {
        let store = MemoryStore::default();
        let patterns = [(allowed, "default:mine"), (allowed, "default:own:*")];
        let registry = QuotaRegistry::new();
        let component = with_patterns(&registry, "guest", ResourceQuota::new(), &patterns);
        let quota = kept(component, store.clone());
        let mut guest = Guest::of_keys(&quota).await;
        let bucket = guest.bucket().await;
        let may = |needed: &[Permission], key: &str| {
            if key == "mine" && needed == [allowed] { Ok(()) } else { DENIED }
        };
        for key in ["mine", "other", "mine:x", "Mine"] {
            let (read, write) = (may(&all[..1], key), may(&all[1..2], key));
            assert_eq!(guest.get(bucket, key).await.map(|_| ()), read, "{key}");
            assert_eq!(guest.exists(bucket, key).await.map(|_| ()), read, "{key}");
            assert_eq!(guest.get_many(bucket, &[key]).await.map(|_| ()), read, "{key}");
            assert_eq!(guest.set(bucket, key, b"v").await, write, "{key}");
            assert_eq!(guest.set_many(bucket, &[(key, b"v")]).await, write, "{key}");
            assert_eq!(guest.increment(bucket, key, 1).await.map(|_| ()), DENIED, "{key}");
            assert_eq!(guest.delete(bucket, key).await, may(&all[2..], key), "{key}");
            assert_eq!(guest.delete_many(bucket, &[key]).await, may(&all[2..], key), "{key}");
        }
        // Judged key by key, before anything is changed.
        let two = ["own:1", "other"];
        assert_eq!(guest.get_many(bucket, &two).await.map(|_| ()), DENIED);
        assert_eq!(guest.set_many(bucket, &[("own:1", b"v"), ("other", b"v")]).await, DENIED);
        assert_eq!(guest.delete_many(bucket, &two).await, DENIED);
        assert_eq!(guest.exists(bucket, "own:1").await.is_ok(), allowed == all[0]);
        let kept = if allowed == Permission::StorageWrite { (1, 5) } else { (0, 0) };
        assert_eq!(store.size("guest"), kept, "{allowed}");
        // Of another bucket, nothing.
        let bucket = guest.open_bucket("mine").await.unwrap();
        assert_eq!(guest.get(bucket, "mine").await.map(|_| ()), DENIED);
    }
}

#[tokio::test]
async fn an_increment_needs_reading_and_writing() {
    let patterns =
        [(Permission::StorageRead, "default:r*"), (Permission::StorageWrite, "default:*w")];
    let registry = QuotaRegistry::new();
    let component = with_patterns(&registry, "guest", ResourceQuota::new(), &patterns);
    let mut guest = Guest::of_keys(&kept(component, MemoryStore::default())).await;
    let bucket = guest.bucket().await;
    for key in ["r", "w", "x"] {
        assert_eq!(guest.increment(bucket, key, 1).await.map(|_| ()), DENIED, "{key}");
    }
    assert_eq!(guest.increment(bucket, "rw", 1).await, Ok(1));
}

#[tokio::test]
async fn numbers_are_counted_up_as_decimal_digits() {
    let store = MemoryStore::default();
    let quota = within(&store, ResourceQuota::new().with_storage(23));
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(guest.increment(bucket, "n", 0).await, Ok(0));
    assert_eq!(guest.get(bucket, "n").await, Ok(Some(b"0".to_vec())));
    assert_eq!(guest.increment(bucket, "n", u64::MAX - 1).await, Ok(u64::MAX - 1));
    assert_eq!(used(&quota), (1, 21));
    let overflow = "the sum of 18446744073709551614 and 2 is greater than 2^64 - 1";
    assert_eq!(guest.increment(bucket, "n", 2).await, other(overflow));
    assert_eq!(guest.increment(bucket, "n", 1).await, Ok(u64::MAX));
    assert!(guest.set(bucket, "s", b"1x").await.is_err());
    assert_eq!(guest.set(bucket, "s", b"x").await, Ok(()));
    let no_number = "the value is no number: expected decimal digits, up to 2^64 - 1";
    assert_eq!(guest.increment(bucket, "s", 1).await, other(no_number));
    assert_eq!(guest.get(bucket, "s").await, Ok(Some(b"x".to_vec())));
    assert_eq!(guest.set(bucket, "s", b"9").await, Ok(()));
    // One digit more has no room.
    assert!(guest.increment(bucket, "s", 1).await.is_err());
    assert_eq!(guest.get(bucket, "s").await, Ok(Some(b"9".to_vec())));
    assert_eq!(used(&quota), (2, 23));
}

#[tokio::test]
async fn a_batch_is_done_in_whole_or_not_at_all() {
    let store = MemoryStore::default();
    let quota = within(&store, ResourceQuota::new().with_storage(10));
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(guest.set(bucket, "a", b"12345").await, Ok(()));
    // Of a key that is there twice, the last value; what one pair gives up, another may have.
    let pairs: [(&str, &[u8]); 4] = [("a", b"1"), ("b", b"23"), ("a", b""), ("c", b"4567")];
    assert_eq!(guest.set_many(bucket, &pairs).await, Ok(()));
    assert_eq!(used(&quota), (3, 9));
    let answer: Answer<Vec<Option<Pair>>> = guest.get_many(bucket, &["c", "none", "a", "c"]).await;
    let pair = |key: &str, value: &[u8]| Some((key.to_owned(), value.to_vec()));
    assert_eq!(answer, Ok(vec![pair("c", b"4567"), None, pair("a", b""), pair("c", b"4567")]));
    // The first pair would fit.
    let pairs: [(&str, &[u8]); 2] = [("d", b""), ("e", b"")];
    assert!(guest.set_many(bucket, &pairs).await.is_err());
    assert_eq!(guest.keys(bucket).await, ["a", "b", "c"]);
    assert_eq!((used(&quota), store.size("guest")), ((3, 9), (3, 9)));
    assert_eq!(guest.set_many(bucket, &[]).await, Ok(()));
    assert_eq!(guest.delete_many(bucket, &["a", "b", "c"]).await, Ok(()));
    assert_eq!(used(&quota), (0, 0));
}

#[tokio::test]
async fn buckets_have_pairs_of_their_own_and_the_empty_name_is_default() {
    let store = MemoryStore::default();
    let quota = roomy(&store);
    let mut guest = Guest::of_keys(&quota).await;
    let unnamed = guest.bucket().await;
    let default = guest.open_bucket("default").await.unwrap();
    let other = guest.open_bucket("other").await.unwrap();
    assert_eq!(guest.set(unnamed, "k", b"1").await, Ok(()));
    assert_eq!(guest.set(other, "k", b"22").await, Ok(()));
    assert_eq!(guest.get(default, "k").await, Ok(Some(b"1".to_vec())));
    assert_eq!(guest.get(other, "k").await, Ok(Some(b"22".to_vec())));
    assert_eq!(used(&quota), (2, 5));
    assert_eq!(guest.open_bucket("none").await.unwrap_err(), Failure::NoSuchStore);
}

#[tokio::test]
async fn a_guest_whose_host_has_no_store_is_denied_and_that_is_counted() {
    let component = keeper(&QuotaRegistry::new(), "guest", ResourceQuota::new());
    let quota = WasiQuota::builder(component).build().unwrap();
    let mut guest = Guest::of_keys(&quota).await;
    assert_eq!(guest.open_bucket("").await.map(|_| ()), DENIED);
    let usage = guest.store.data().quota.as_ref().unwrap().usage();
    assert_eq!(usage.refused_services(Service::KeyValue), 1);
}

#[tokio::test]
async fn a_store_that_fails_changes_nothing_and_tells_guests_nothing_of_the_host() {
    // I81
    let store = MemoryStore::default();
    let quota = roomy(&store);
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(guest.set(bucket, "k", b"1").await, Ok(()));
    store.fail(true);
    let failed = "the host's store failed";
    assert_eq!(guest.set(bucket, "k", b"333").await, other(failed));
    assert_eq!(guest.set(bucket, "l", b"").await, other(failed));
    assert_eq!(guest.delete(bucket, "k").await, other(failed));
    assert_eq!(guest.increment(bucket, "k", 9).await, other(failed));
    assert_eq!(guest.get(bucket, "k").await, other(failed));
    assert_eq!(guest.page(bucket, None).await, other(failed));
    assert_eq!(used(&quota), (1, 2));
    store.fail(false);
    assert_eq!(guest.get(bucket, "k").await, Ok(Some(b"1".to_vec())));
    assert_eq!(guest.delete(bucket, "k").await, Ok(()));
    assert_eq!((used(&quota), store.size("guest")), ((0, 0), (0, 0)));
    drop((guest, quota));
    store.fail(true);
    let component = keeper(&QuotaRegistry::new(), "guest", ResourceQuota::new());
    let error = WasiQuota::builder(component).keyvalue(store).build().unwrap_err();
    assert!(matches!(error, WasiQuotaError::KeyValue(KeyValueStoreError::Failed(_))), "{error}");
}

#[tokio::test]
async fn the_pairs_of_a_component_are_counted_by_one_owner_at_a_time() {
    let store = MemoryStore::default();
    let registry = QuotaRegistry::new();
    let component = keeper(&registry, "guest", ResourceQuota::new());
    let quota = kept(component.clone(), store.clone());
    let second = WasiQuota::builder(component.clone()).keyvalue(store.clone()).build();
    assert_eq!(
        second.unwrap_err().to_string(),
        "the pairs of component `guest` are in use already"
    );
    // Another component's are its own.
    let other = kept(keeper(&registry, "other", ResourceQuota::new()), store.clone());
    let (mut one, mut two) = (Guest::of_keys(&quota).await, Guest::of_keys(&other).await);
    let (mine, theirs) = (one.bucket().await, two.bucket().await);
    assert_eq!(one.set(mine, "k", b"mine").await, Ok(()));
    assert_eq!(two.get(theirs, "k").await, Ok(None));
    assert_eq!(two.keys(theirs).await, Vec::<String>::new());
    assert_eq!((used(&quota), used(&other)), ((1, 5), (0, 0)));
    drop((one, quota));
    assert_eq!(used(&kept(component, store)), (1, 5));
}

#[tokio::test]
async fn the_largest_pair_is_one_of_max_value_bytes() {
    let quota = roomy(&MemoryStore::default());
    let mut guest = Guest::of_keys_within(&quota, limits().max_value_bytes(10)).await;
    let bucket = guest.bucket().await;
    let refused = "key and value have 11 bytes, at most 10 are allowed";
    assert_eq!(guest.set(bucket, "key", &[0; 7]).await, Ok(()));
    assert_eq!(guest.set(bucket, "key", &[0; 8]).await, other(refused));
    assert_eq!(guest.set_many(bucket, &[("k", b""), ("key", &[0; 8])]).await, other(refused));
    assert_eq!(guest.set(bucket, "12345678901", b"").await, other(refused));
    assert_eq!(guest.increment(bucket, "1234567890", 1).await, other(refused));
    assert_eq!(guest.keys(bucket).await, ["key"]);
    let usage = guest.store.data().quota.as_ref().unwrap().usage();
    assert_eq!(usage.refused_pairs(), 4);
}
