//! Names, batches and listings of keys, each up to its bound.

use limits_core::{Permission, ResourceQuota};
use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::WasiQuota;
use wasmtime::component::ResourceTableError;

use crate::guest::Guest;
use crate::keys::{Answer, Failure, keeper, kept, other, used, with_patterns};
use crate::memory_store::MemoryStore;

fn roomy() -> WasiQuota {
    kept(keeper(&QuotaRegistry::new(), "guest", ResourceQuota::new()), MemoryStore::default())
}

fn told<T: core::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Err(Failure::Other(text)) => text,
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn keys_that_no_pattern_can_name_are_refused_with_a_text() {
    let quota = roomy();
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    let (long, segments) = ("k".repeat(4_089), vec!["s"; 64].join(":"));
    for (key, problem) in [
        ("", "it has an empty segment"),
        (":", "it has an empty segment"),
        ("a::b", "it has an empty segment"),
        (":a", "it has an empty segment"),
        ("a:", "it has an empty segment"),
        ("a\0b", "it has a NUL byte"),
        ("\0", "it has a NUL byte"),
        (&*long, "it has 4097 bytes, at most 4096 are allowed"),
        (&*segments, "it has 65 segments, at most 64 are allowed"),
    ] {
        let expected = format!("not a key of bucket `default`: {problem}");
        assert_eq!(told(guest.set(bucket, key, b"").await), expected);
        assert_eq!(told(guest.get(bucket, key).await), expected);
        assert_eq!(told(guest.exists(bucket, key).await), expected);
        assert_eq!(told(guest.delete(bucket, key).await), expected);
        assert_eq!(told(guest.increment(bucket, key, 1).await), expected);
        assert_eq!(told(guest.get_many(bucket, &["good", key]).await), expected);
        assert_eq!(told(guest.set_many(bucket, &[("good", b""), (key, b"")]).await), expected);
        assert_eq!(told(guest.delete_many(bucket, &[key]).await), expected);
    }
    assert_eq!(used(&quota), (0, 0));
    assert_eq!(quota.component().denials().by_capability(), 0);
}

#[tokio::test]
async fn any_other_key_is_its_bytes() {
    let quota = roomy();
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    let (long, segments) = ("k".repeat(4_088), vec!["s"; 63].join(":"));
    let mut keys = [
        "..",
        "../x",
        "/",
        ".",
        " ",
        "*",
        "**",
        "<id>",
        "a\nb",
        "\u{7f}",
        "\u{feff}",
        "\u{202e}",
        "e\u{301}",
        "\u{e9}",
        "K",
        "k",
        "\u{212a}",
        &*long,
        &*segments,
        "\u{10ffff}",
    ];
    for (index, key) in keys.iter().enumerate() {
        let value = index.to_string();
        assert_eq!(guest.set(bucket, key, value.as_bytes()).await, Ok(()), "{key:?}");
    }
    for (index, key) in keys.iter().enumerate() {
        let value = index.to_string().into_bytes();
        assert_eq!(guest.get(bucket, key).await, Ok(Some(value)), "{key:?}");
    }
    keys.sort_unstable();
    assert_eq!(guest.keys(bucket).await, keys);
}

#[tokio::test]
async fn a_bucket_is_one_segment_of_at_most_64_bytes() {
    let quota = roomy();
    let mut guest = Guest::of_keys(&quota).await;
    let long = "b".repeat(65);
    for (identifier, problem) in [
        ("a:b", "it has a `:`"),
        (":", "it has a `:`"),
        ("a\0", "it has a NUL byte"),
        (&*long, "it has 65 bytes, at most 64 are allowed"),
    ] {
        let opened = guest.open_bucket(identifier).await;
        assert_eq!(told(opened), format!("not a bucket: {problem}"));
    }
    for identifier in [&long[1..], "..", "\u{202e}", "*", " "] {
        let bucket = guest.open_bucket(identifier).await.unwrap();
        assert_eq!(guest.set(bucket, "k", b"").await, Ok(()));
        assert_eq!(guest.keys(bucket).await, ["k"]);
    }
}

#[tokio::test]
async fn open_buckets_are_bounded_by_the_hosts_table() {
    let mut guest = Guest::of_keys(&roomy()).await;
    guest.store.data_mut().table.set_max_capacity(3);
    for _ in 0..3 {
        guest.bucket().await;
    }
    let error = guest.try_open().await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(ResourceTableError::Full)), "{error:?}");
}

#[tokio::test]
async fn a_batch_has_at_most_a_thousand_keys_and_an_answer_16_mib() {
    let mut guest = Guest::of_keys(&roomy()).await;
    let bucket = guest.bucket().await;
    let names: Vec<String> = (0..1_001).map(|index| format!("k{index:04}")).collect();
    let keys: Vec<&str> = names.iter().map(|key| &**key).collect();
    let pairs: Vec<(&str, &[u8])> = keys.iter().map(|key| (*key, &b"v"[..])).collect();
    let refused = "the call has 1001 keys, at most 1000 are allowed";
    assert_eq!(guest.set_many(bucket, &pairs).await, other(refused));
    assert_eq!(told(guest.get_many(bucket, &keys).await), refused);
    assert_eq!(guest.delete_many(bucket, &keys).await, other(refused));
    assert_eq!(guest.set_many(bucket, &pairs[1..]).await, Ok(()));
    assert_eq!(guest.get_many(bucket, &keys[..1_000]).await.unwrap().len(), 1_000);
    assert_eq!(guest.delete_many(bucket, &keys[1..]).await, Ok(()));
    assert_eq!(guest.keys(bucket).await, Vec::<String>::new());
    // The same value, asked for again and again.
    assert_eq!(guest.set(bucket, "k", &vec![b'v'; (1 << 20) - 1]).await, Ok(()));
    assert_eq!(guest.get_many(bucket, &["k"; 16]).await.unwrap().len(), 16);
    let refused = "the pairs have more than 16777216 bytes: ask for fewer at once";
    assert_eq!(told(guest.get_many(bucket, &["k"; 17]).await), refused);
}

#[tokio::test]
async fn a_page_has_a_thousand_keys_or_64_kib_of_them() {
    let mut guest = Guest::of_keys(&roomy()).await;
    let bucket = guest.bucket().await;
    let names: Vec<String> = (0..2_001).map(|index| format!("k{index:04}")).collect();
    for part in names.chunks(1_000) {
        let pairs: Vec<(&str, &[u8])> = part.iter().map(|key| (&**key, &b""[..])).collect();
        assert_eq!(guest.set_many(bucket, &pairs).await, Ok(()));
    }
    let mut cursor = None;
    for expected in names.chunks(1_000) {
        let page = guest.page(bucket, cursor).await.unwrap();
        assert_eq!(page.keys, expected);
        cursor = page.cursor;
    }
    assert_eq!(cursor, None);
    // A page that ends with the last key has no cursor.
    assert_eq!(guest.delete(bucket, &names[2_000]).await, Ok(()));
    let page = guest.page(bucket, None).await.unwrap();
    let page = guest.page(bucket, page.cursor).await.unwrap();
    assert_eq!((page.keys.len(), page.cursor), (1_000, None));

    let bucket = guest.open_bucket("long").await.unwrap();
    let long: Vec<String> =
        (0..33).map(|index| format!("{index:02}{}", "k".repeat(4_046))).collect();
    for key in &long {
        assert_eq!(guest.set(bucket, key, b"").await, Ok(()));
    }
    // 16 x 4 048 = 64 768 bytes; one more has no room.
    let page = guest.page(bucket, None).await.unwrap();
    assert_eq!(page.keys, long[..16]);
    assert_eq!(guest.keys(bucket).await, long);
}

#[tokio::test]
async fn a_listing_goes_on_where_it_was_whatever_came_and_went() {
    let mut guest = Guest::of_keys(&roomy()).await;
    let bucket = guest.bucket().await;
    let names: Vec<String> = (0..1_500).map(|index| format!("k{index:04}")).collect();
    for part in names.chunks(1_000) {
        let pairs: Vec<(&str, &[u8])> = part.iter().map(|key| (&**key, &b""[..])).collect();
        assert_eq!(guest.set_many(bucket, &pairs).await, Ok(()));
    }
    let first = guest.page(bucket, None).await.unwrap();
    // All that was listed goes, the key that the cursor stands for with it.
    let gone: Vec<&str> = first.keys.iter().map(|key| &**key).collect();
    assert_eq!(guest.delete_many(bucket, &gone).await, Ok(()));
    assert_eq!(guest.set(bucket, "a", b"").await, Ok(()));
    assert_eq!(guest.set(bucket, "k1499x", b"").await, Ok(()));
    let second = guest.page(bucket, first.cursor).await.unwrap();
    assert_eq!(second.keys[..500], names[1_000..]);
    assert_eq!((second.keys.len(), second.cursor), (501, None));
    // Again.
    assert_eq!(guest.page(bucket, first.cursor).await.unwrap().keys.len(), 501);
    let cursor = first.cursor.unwrap();
    let elsewhere = guest.open_bucket("other").await.unwrap();
    for (bucket, cursor) in
        [(elsewhere, cursor), (bucket, cursor + 1), (bucket, 0), (bucket, u64::MAX)]
    {
        assert_eq!(
            told(guest.page(bucket, Some(cursor)).await),
            format!("cursor {cursor} is unknown, or too many were given out since")
        );
    }
}

#[tokio::test]
async fn a_listing_shows_the_keys_that_may_be_read() {
    let patterns = [
        (Permission::StorageWrite, "**"),
        (Permission::StorageDelete, "**"),
        (Permission::StorageRead, "default:shown:*"),
    ];
    let registry = QuotaRegistry::new();
    let component = with_patterns(&registry, "guest", ResourceQuota::new(), &patterns);
    let quota = kept(component, MemoryStore::default());
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    let hidden: Vec<String> = (0..1_000).map(|index| format!("hidden:{index}")).collect();
    let mut pairs: Vec<(&str, &[u8])> = hidden.iter().map(|key| (&**key, &b""[..])).collect();
    pairs.truncate(998);
    pairs.extend([("shown:1", &b""[..]), ("shown:2", b"")]);
    assert_eq!(guest.set_many(bucket, &pairs).await, Ok(()));
    let page = guest.page(bucket, None).await.unwrap();
    assert_eq!((page.keys, page.cursor), (vec!["shown:1".into(), "shown:2".into()], None));
    // One denial, not 998.
    assert_eq!(quota.component().denials().by_capability(), 1);
    assert_eq!(guest.delete(bucket, "shown:1").await, Ok(()));
    assert_eq!(guest.keys(bucket).await, ["shown:2"]);
}

#[tokio::test]
async fn a_registry_that_only_observes_shows_all_keys() {
    let registry = QuotaRegistry::builder().observe_only().build();
    let context = SecurityContext::new("guest", limits_core::CapabilitySet::new());
    let quota = kept(registry.register(context).unwrap(), MemoryStore::default());
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(guest.set_many(bucket, &[("a", b"1"), ("b", b"2")]).await, Ok(()));
    assert_eq!(guest.keys(bucket).await, ["a", "b"]);
    assert_eq!(used(&quota), (2, 4));
    // Two writes, one listing.
    assert_eq!(quota.component().denials().by_capability(), 3);
}
