//! Many executions on one bucket, executions that are dropped, and random operations.

use core::time::Duration;
use std::collections::BTreeMap;

use limits_core::ResourceQuota;
use proptest::prelude::*;
use quota_enforce::QuotaRegistry;
use quota_wasi::WasiQuota;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::guest::Guest;
use crate::keys::{Answer, Failure, keeper, kept, used};
use crate::memory_store::MemoryStore;

fn within(store: &MemoryStore, quota: ResourceQuota) -> WasiQuota {
    kept(keeper(&QuotaRegistry::new(), "guest", quota), store.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_executions_on_one_bucket_share_the_quota_to_its_last_byte() {
    // I80, I81
    const LIMIT: u64 = 20_001;
    let store = MemoryStore::default();
    let quota = within(&store, ResourceQuota::new().with_storage(LIMIT));
    let mut running = JoinSet::new();
    for index in 0..16_u8 {
        let quota = quota.clone();
        running.spawn(async move {
            let mut guest = Guest::of_keys(&quota).await;
            let bucket = guest.bucket().await;
            let mut size = 0_usize;
            // Each key is four executions': one grows what another has cut.
            let key = format!("k{}", index % 4);
            for round in 0..60_usize {
                size = if round % 7 == 6 { size / 2 } else { size + 150 };
                let set = guest.set(bucket, &key, &vec![index; size]).await;
                assert!(matches!(set, Ok(()) | Err(Failure::Other(_))), "{set:?}");
                if round % 11 == 10 {
                    assert_eq!(guest.delete(bucket, &key).await, Ok(()));
                }
                assert!(used(&quota).1 <= LIMIT);
                guest.increment(bucket, "sum", 1).await.unwrap_or_default();
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(used(&quota), store.size("guest"));
    // The rest can be used, to the last byte.
    let left = usize::try_from(LIMIT - used(&quota).1).unwrap();
    assert_eq!(guest.set(bucket, "x", &vec![0; left - 1]).await, Ok(()));
    assert!(guest.set(bucket, "y", b"").await.is_err());
    assert_eq!(used(&quota).1, LIMIT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_increment_of_sixteen_executions_is_lost() {
    let quota = within(&MemoryStore::default(), ResourceQuota::new());
    let mut running = JoinSet::new();
    for _ in 0..16 {
        let quota = quota.clone();
        running.spawn(async move {
            let mut guest = Guest::of_keys(&quota).await;
            let bucket = guest.bucket().await;
            for _ in 0..50 {
                guest.increment(bucket, "n", 3).await.unwrap();
            }
        });
    }
    running.join_all().await;
    let mut guest = Guest::of_keys(&quota).await;
    let bucket = guest.bucket().await;
    assert_eq!(guest.increment(bucket, "n", 0).await, Ok(16 * 50 * 3));
    assert_eq!(used(&quota), (1, 5));
}

#[test]
fn executions_that_are_dropped_while_they_set_lose_and_leak_nothing() {
    // I82
    let store = MemoryStore::default();
    let quota = within(&store, ResourceQuota::new().with_storage(4_000));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        for kill in 0..500_u64 {
            let mut guest = Guest::of_keys(&quota).await;
            let bucket = guest.bucket().await;
            let stop = Duration::from_micros(kill * 7 % 300);
            let endless = async {
                for round in 0.. {
                    let key = format!("k{}", round % 5);
                    let len = usize::try_from(kill * 37 + round * 101).unwrap() % 1_500;
                    let _ = guest.set(bucket, &key, &vec![0; len]).await;
                    let _ = guest.delete(bucket, "k3").await;
                }
            };
            assert!(timeout(stop, endless).await.is_err());
        }
    });
    // Waits for the threads that are at work.
    drop(runtime);
    assert_eq!(used(&quota), store.size("guest"));
    let component = quota.component().clone();
    drop(quota);
    assert_eq!(component.usage().storage_used, 0);
}

#[test]
fn a_change_that_has_begun_is_settled_without_its_execution() {
    // I82
    let store = MemoryStore::default();
    let quota = within(&store, ResourceQuota::new().with_storage(100));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let stopped = store.stop_changes();
    runtime.block_on(async {
        let mut guest = Guest::of_keys(&quota).await;
        let bucket = guest.bucket().await;
        let taken = async {
            while used(&quota) != (1, 50) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            set = guest.set(bucket, "k", &[0; 49]) => panic!("{set:?}"),
            () = taken => {}
        }
    });
    // Its bytes are taken, and not there yet.
    assert_eq!(used(&quota), (1, 50));
    drop(stopped);
    drop(runtime);
    assert_eq!((used(&quota), store.size("guest")), ((1, 50), (1, 50)));
}

/// One call of a guest.
#[derive(Clone, Debug)]
enum Call {
    Set(usize, usize),
    SetMany(Vec<(usize, usize)>),
    Delete(usize),
    DeleteMany(Vec<usize>),
    Increment(usize, u64),
}

const KEYS: [&str; 6] = ["a", "b", "long:key:of:many:segments", "d", "\u{e9}", "f"];

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let (key, len) = (0..KEYS.len(), prop_oneof![0..4_usize, 0..120_usize]);
    let call = prop_oneof![
        (key.clone(), len.clone()).prop_map(|(key, len)| Call::Set(key, len)),
        prop::collection::vec((key.clone(), len), 0..5).prop_map(Call::SetMany),
        key.clone().prop_map(Call::Delete),
        prop::collection::vec(key.clone(), 0..5).prop_map(Call::DeleteMany),
        (key, prop_oneof![0..200_u64, Just(u64::MAX)])
            .prop_map(|(key, delta)| Call::Increment(key, delta)),
    ];
    prop::collection::vec(call, 1..40)
}

/// A map within limits: it computes the sums anew for each change.
#[derive(Clone, Default)]
struct Model(BTreeMap<&'static str, Vec<u8>>);

impl Model {
    fn size(&self) -> (u64, u64) {
        let bytes = self.0.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        (self.0.len().try_into().unwrap(), bytes.try_into().unwrap())
    }

    fn fits(&self, from: &Self, limit: (u64, u64)) -> bool {
        let (now, before) = (self.size(), from.size());
        (now.0 <= limit.0 || now.0 <= before.0) && (now.1 <= limit.1 || now.1 <= before.1)
    }

    /// Makes a change, or returns false.
    fn make(&mut self, call: &Call, limit: (u64, u64)) -> bool {
        let mut next = self.clone();
        match call {
            Call::Set(key, len) => drop(next.0.insert(KEYS[*key], vec![b'7'; *len])),
            Call::SetMany(pairs) => {
                next.0.extend(pairs.iter().map(|(key, len)| (KEYS[*key], vec![b'7'; *len])));
            }
            Call::Delete(key) => drop(next.0.remove(KEYS[*key])),
            Call::DeleteMany(keys) => next.0.retain(|it, _| !keys.iter().any(|k| KEYS[*k] == *it)),
            Call::Increment(key, delta) => {
                let old = self
                    .0
                    .get(KEYS[*key])
                    .map_or(Some(0), |old| core::str::from_utf8(old).unwrap().parse::<u64>().ok());
                let Some(sum) = old.and_then(|old| old.checked_add(*delta)) else { return false };
                next.0.insert(KEYS[*key], sum.to_string().into_bytes());
            }
        }
        let fits = next.fits(self, limit);
        if fits {
            *self = next;
        }
        fits
    }
}

async fn make(
    guest: &mut Guest,
    bucket: wasmtime::component::ResourceAny,
    call: &Call,
) -> Answer<()> {
    match call {
        Call::Set(key, len) => guest.set(bucket, KEYS[*key], &vec![b'7'; *len]).await,
        Call::SetMany(pairs) => {
            let values: Vec<_> =
                pairs.iter().map(|(key, len)| (KEYS[*key], vec![b'7'; *len])).collect();
            let pairs: Vec<_> = values.iter().map(|(key, value)| (*key, &**value)).collect();
            guest.set_many(bucket, &pairs).await
        }
        Call::Delete(key) => guest.delete(bucket, KEYS[*key]).await,
        Call::DeleteMany(keys) => {
            let keys: Vec<_> = keys.iter().map(|key| KEYS[*key]).collect();
            guest.delete_many(bucket, &keys).await
        }
        Call::Increment(key, delta) => {
            guest.increment(bucket, KEYS[*key], *delta).await.map(|_| ())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn after_any_calls_the_quota_is_the_sum_of_what_is_there(
        calls in calls(),
        limit in (1_u64..7, 1_u64..300),
    ) {
        // I80, I81
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = MemoryStore::default();
            let limits = ResourceQuota::new().with_storage_entries(limit.0).with_storage(limit.1);
            let quota = within(&store, limits);
            let mut guest = Guest::of_keys(&quota).await;
            let bucket = guest.bucket().await;
            let mut model = Model::default();
            for call in &calls {
                let made = make(&mut guest, bucket, call).await;
                prop_assert_eq!(made.is_ok(), model.make(call, limit), "{:?}: {:?}", call, made);
                prop_assert_eq!(used(&quota), model.size());
                prop_assert_eq!(store.size("guest"), model.size());
            }
            for (key, value) in &model.0 {
                prop_assert_eq!(guest.get(bucket, key).await, Ok(Some(value.clone())));
            }
            prop_assert_eq!(guest.keys(bucket).await, model.0.keys().copied().collect::<Vec<_>>());
            Ok(())
        })?;
    }
}
