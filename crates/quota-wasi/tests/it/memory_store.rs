//! A store of keys and values in memory, which fails and waits as a test wants.

use core::ops::{Bound, ControlFlow};
use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use quota_wasi::{
    ComponentPairs, KeyValueStore, KeyValueStoreError, PairsChange, PairsSize, Verdict,
};

type Map = BTreeMap<(String, String), Vec<u8>>;

#[derive(Clone, Default)]
pub(crate) struct MemoryStore(Arc<Inner>);

#[derive(Default)]
struct Inner {
    components: Mutex<BTreeMap<String, Arc<Mutex<Map>>>>,
    fails: AtomicBool,
    /// Held by a test, it stops each change at its end.
    gate: Mutex<()>,
}

impl MemoryStore {
    /// From now on each call fails; a change at its end, when all has been written.
    pub(crate) fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn stop_changes(&self) -> MutexGuard<'_, ()> {
        self.0.gate.lock().unwrap()
    }

    /// The pairs of a component, and the sum of their bytes.
    pub(crate) fn size(&self, component: &str) -> (u64, u64) {
        let components = self.0.components.lock().unwrap();
        let map = components[component].lock().unwrap();
        let bytes = map.iter().map(|((_, key), value)| key.len() + value.len()).sum::<usize>();
        (map.len().try_into().unwrap(), bytes.try_into().unwrap())
    }

    fn check(&self) -> Result<(), KeyValueStoreError> {
        if self.0.fails.load(Ordering::SeqCst) {
            return Err(KeyValueStoreError::failed("the disk at /srv/secret is on fire"));
        }
        Ok(())
    }
}

impl KeyValueStore for MemoryStore {
    fn open(&self, component: &str) -> Result<Box<dyn ComponentPairs>, KeyValueStoreError> {
        let mut components = self.0.components.lock().unwrap();
        let map = components.entry(component.to_owned()).or_default();
        if Arc::strong_count(map) > 1 {
            return Err(KeyValueStoreError::ComponentInUse { component: component.into() });
        }
        Ok(Box::new(Pairs { store: self.clone(), map: Arc::clone(map) }))
    }
}

struct Pairs {
    store: MemoryStore,
    map: Arc<Mutex<Map>>,
}

impl ComponentPairs for Pairs {
    fn size(&self) -> Result<PairsSize, KeyValueStoreError> {
        self.store.check()?;
        let map = self.map.lock().unwrap();
        let bytes = map.iter().map(|((_, key), value)| key.len() + value.len()).sum::<usize>();
        Ok(PairsSize::new(count(map.len()), count(bytes)))
    }

    fn has_bucket(&self, bucket: &str) -> Result<bool, KeyValueStoreError> {
        self.store.check()?;
        Ok(bucket != "none")
    }

    fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueStoreError> {
        self.store.check()?;
        Ok(self.map.lock().unwrap().get(&(bucket.to_owned(), key.to_owned())).cloned())
    }

    fn keys(
        &self,
        bucket: &str,
        after: &str,
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), KeyValueStoreError> {
        self.store.check()?;
        let map = self.map.lock().unwrap();
        let from = Bound::Excluded((bucket.to_owned(), after.to_owned()));
        for ((of, key), _) in map.range((from, Bound::Unbounded)) {
            if of != bucket || each(key).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn change(
        &self,
        bucket: &str,
        change: &mut dyn FnMut(&mut dyn PairsChange) -> Result<Verdict, KeyValueStoreError>,
    ) -> Result<(), KeyValueStoreError> {
        let mut map = self.map.lock().unwrap();
        let mut changed = map.clone();
        let verdict = change(&mut Change { map: &mut changed, bucket })?;
        drop(self.store.0.gate.lock().unwrap());
        self.store.check()?;
        if verdict == Verdict::Commit {
            *map = changed;
        } else {
            assert_eq!(*map, changed, "abandoned and yet changed");
        }
        Ok(())
    }
}

struct Change<'a> {
    map: &'a mut Map,
    bucket: &'a str,
}

impl PairsChange for Change<'_> {
    fn len(&mut self, key: &str) -> Result<Option<u64>, KeyValueStoreError> {
        Ok(self.get(key)?.map(|value| count(value.len())))
    }

    fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, KeyValueStoreError> {
        Ok(self.map.get(&(self.bucket.to_owned(), key.to_owned())).cloned())
    }

    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), KeyValueStoreError> {
        self.map.insert((self.bucket.to_owned(), key.to_owned()), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, key: &str) -> Result<(), KeyValueStoreError> {
        self.map.remove(&(self.bucket.to_owned(), key.to_owned()));
        Ok(())
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap()
}
