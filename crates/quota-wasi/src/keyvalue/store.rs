//! Stores of keys and values that a host gives to its components.

use core::fmt;
use core::ops::ControlFlow;

use crate::keyvalue::store_error::KeyValueStoreError;

/// A store of keys and values, for `wasi:keyvalue`.
///
/// A store may serve several components, each of which has pairs of its own. `RedbStore` (feature
/// `redb`) keeps them in a file; a host may write another, as below.
///
/// The store decides nothing: capabilities and quotas are asked by this crate, which calls the
/// store on threads that may block. Several threads call it at once.
///
/// A store in memory:
///
/// ```
/// use std::collections::BTreeMap;
/// use std::collections::btree_map::Entry;
/// use std::ops::ControlFlow;
/// use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
///
/// use quota_wasi::{
///     ComponentPairs, KeyValueStore, KeyValueStoreError, PairsChange, PairsSize, Verdict,
/// };
///
/// type Map = BTreeMap<(String, String), Vec<u8>>;
///
/// #[derive(Default)]
/// struct MemoryStore(Mutex<BTreeMap<String, Arc<Mutex<Map>>>>);
///
/// impl KeyValueStore for MemoryStore {
///     fn open(&self, component: &str) -> Result<Box<dyn ComponentPairs>, KeyValueStoreError> {
///         let mut maps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         let map = maps.entry(component.to_owned()).or_default();
///         if Arc::strong_count(map) > 1 {
///             return Err(KeyValueStoreError::ComponentInUse { component: component.into() });
///         }
///         Ok(Box::new(Pairs(Arc::clone(map))))
///     }
/// }
///
/// struct Pairs(Arc<Mutex<Map>>);
///
/// impl Pairs {
///     fn map(&self) -> MutexGuard<'_, Map> {
///         self.0.lock().unwrap_or_else(PoisonError::into_inner)
///     }
/// }
///
/// impl ComponentPairs for Pairs {
///     fn size(&self) -> Result<PairsSize, KeyValueStoreError> {
///         let map = self.map();
///         let bytes = map.iter().map(|((_, key), value)| key.len() + value.len()).sum::<usize>();
///         Ok(PairsSize::new(map.len() as u64, bytes as u64))
///     }
///
///     fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueStoreError> {
///         Ok(self.map().get(&(bucket.to_owned(), key.to_owned())).cloned())
///     }
///
///     fn keys(
///         &self,
///         bucket: &str,
///         after: &str,
///         each: &mut dyn FnMut(&str) -> ControlFlow<()>,
///     ) -> Result<(), KeyValueStoreError> {
///         for (of, key) in self.map().keys() {
///             if of == bucket && &**key > after && each(key).is_break() {
///                 break;
///             }
///         }
///         Ok(())
///     }
///
///     fn change(
///         &self,
///         bucket: &str,
///         change: &mut dyn FnMut(&mut dyn PairsChange) -> Result<Verdict, KeyValueStoreError>,
///     ) -> Result<(), KeyValueStoreError> {
///         // No other call of the component comes between, and nothing fails after a change.
///         change(&mut Change { map: self.map(), bucket }).map(|_| ())
///     }
/// }
///
/// struct Change<'a> {
///     map: MutexGuard<'a, Map>,
///     bucket: &'a str,
/// }
///
/// impl PairsChange for Change<'_> {
///     fn len(&mut self, key: &str) -> Result<Option<u64>, KeyValueStoreError> {
///         Ok(self.get(key)?.map(|value| value.len() as u64))
///     }
///
///     fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, KeyValueStoreError> {
///         Ok(self.map.get(&(self.bucket.to_owned(), key.to_owned())).cloned())
///     }
///
///     fn set(&mut self, key: &str, value: &[u8]) -> Result<(), KeyValueStoreError> {
///         self.map.insert((self.bucket.to_owned(), key.to_owned()), value.to_vec());
///         Ok(())
///     }
///
///     fn delete(&mut self, key: &str) -> Result<(), KeyValueStoreError> {
///         let place = (self.bucket.to_owned(), key.to_owned());
///         if let Entry::Occupied(pair) = self.map.entry(place) {
///             pair.remove();
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use limits_core::{CapabilitySet, ResourceQuota};
/// # use quota_enforce::{QuotaRegistry, SecurityContext};
/// # use quota_wasi::WasiQuota;
/// # let registry = QuotaRegistry::new();
/// # let shop = registry.register(SecurityContext::with_quota(
/// #     "shop",
/// #     CapabilitySet::new(),
/// #     ResourceQuota::new(),
/// # ))?;
/// let wasi = WasiQuota::builder(shop).keyvalue(MemoryStore::default()).build()?;
/// # Ok(())
/// # }
/// ```
pub trait KeyValueStore: Send + Sync {
    /// Opens the pairs of one component, by the id under which it is registered: 1 to 256 bytes.
    /// They stay in use until what is returned is dropped.
    ///
    /// # Errors
    ///
    /// [`ComponentInUse`](KeyValueStoreError::ComponentInUse) if they are in use: their bytes would
    /// be counted twice. Other errors are the store's own.
    fn open(&self, component: &str) -> Result<Box<dyn ComponentPairs>, KeyValueStoreError>;
}

/// The pairs of one component in its buckets.
///
/// A bucket's name is one segment of a resource: 1 to 64 bytes without `:` and NUL. A key has 1 to
/// 4 096 bytes without NUL. Both are compared by their bytes.
///
/// Calls are atomic: each finds every earlier change in whole. Only this crate may change the
/// pairs, or the use that is counted is wrong until the component's quota is built again.
pub trait ComponentPairs: Send + Sync {
    /// Returns the number of pairs in all buckets, and the sum of the bytes of their keys and
    /// values. It is asked once, before any other call, and becomes the storage that the component
    /// uses; what the store needs besides (names of buckets, pages, indices) counts nothing.
    ///
    /// # Errors
    ///
    /// If the store cannot say.
    fn size(&self) -> Result<PairsSize, KeyValueStoreError>;

    /// Returns whether guests may open a bucket. By default they may open each, and a bucket is
    /// there as soon as it has a pair.
    ///
    /// # Errors
    ///
    /// If the store cannot say.
    fn has_bucket(&self, bucket: &str) -> Result<bool, KeyValueStoreError> {
        let _ = bucket;
        Ok(true)
    }

    /// Returns a value.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueStoreError>;

    /// Returns whether a key is there. By default it reads the value.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    fn exists(&self, bucket: &str, key: &str) -> Result<bool, KeyValueStoreError> {
        self.get(bucket, key).map(|value| value.is_some())
    }

    /// Calls `each` with the keys of a bucket that are greater than `after` by their bytes, in
    /// ascending order, until it breaks. No key is less than or equal to the empty one.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    fn keys(
        &self,
        bucket: &str,
        after: &str,
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), KeyValueStoreError>;

    /// Changes pairs of one bucket: calls `change` once, and makes its changes, all or none, if it
    /// returns [`Verdict::Commit`].
    ///
    /// From the first look of `change` at a pair until the changes are made, no other call changes
    /// the component's pairs. This crate takes from the quota by what it has seen, between its last
    /// look and its first change; so `change` has changed nothing when it returns
    /// [`Verdict::Abandon`], or when it panics.
    ///
    /// When it returns `Ok`, the changes are as durable as the store makes them.
    ///
    /// # Errors
    ///
    /// Those of `change` and the store's own. Nothing is changed then.
    fn change(
        &self,
        bucket: &str,
        change: &mut dyn FnMut(&mut dyn PairsChange) -> Result<Verdict, KeyValueStoreError>,
    ) -> Result<(), KeyValueStoreError>;
}

/// A change of pairs that is under way. What it has changed, it sees.
pub trait PairsChange {
    /// Returns the number of bytes of a value.
    ///
    /// # Errors
    ///
    /// If the store cannot say.
    fn len(&mut self, key: &str) -> Result<Option<u64>, KeyValueStoreError>;

    /// Returns a value.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, KeyValueStoreError>;

    /// Sets a value, in the place of another if there is one.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), KeyValueStoreError>;

    /// Deletes a pair if it is there.
    ///
    /// # Errors
    ///
    /// If it cannot be deleted.
    fn delete(&mut self, key: &str) -> Result<(), KeyValueStoreError>;
}

/// The decision at the end of a change.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a change is made or is not")]
pub enum Verdict {
    /// The changes are made.
    Commit,
    /// There are no changes to make.
    Abandon,
}

/// A number of pairs, and the sum of the bytes of their keys and values.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct PairsSize {
    pairs: u64,
    bytes: u64,
}

impl PairsSize {
    /// Returns a size of so many pairs and bytes.
    #[must_use]
    pub const fn new(pairs: u64, bytes: u64) -> Self {
        Self { pairs, bytes }
    }

    /// Returns the number of pairs.
    #[must_use]
    pub const fn pairs(self) -> u64 {
        self.pairs
    }

    /// Returns the sum of the bytes of their keys and values.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.bytes
    }
}

impl fmt::Debug for PairsSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes in {} pairs", self.bytes, self.pairs)
    }
}
