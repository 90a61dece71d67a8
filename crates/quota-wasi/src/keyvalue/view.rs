//! `wasi:keyvalue` as one execution finds it.

use limits_core::Permission;
use wasmtime::component::{HasData, Resource, ResourceTable};

use super::bindings::{atomics, batch, store};
use super::bucket::Bucket;
use super::error::KeyValueError;
use super::listing;
use super::number::incremented;
use super::pairs::{Pairs, Planned, size_of_pair};
use super::refused::{Refused, check};
use super::sizes::{Sizes, check_batch};
use crate::service::Service;
use crate::store_quota::StoreQuota;

/// The type that links [`KeyValueView`].
#[derive(Debug)]
pub(crate) struct QuotaKeyValue;

impl HasData for QuotaKeyValue {
    type Data<'a> = KeyValueView<'a>;
}

/// The pairs of a component, as one execution finds them.
///
/// Each call is one closure on a thread that may block: it decides, reserves, changes and settles.
pub(crate) struct KeyValueView<'a> {
    table: &'a mut ResourceTable,
    store: StoreQuota,
}

impl<'a> KeyValueView<'a> {
    pub(crate) fn new(table: &'a mut ResourceTable, store: StoreQuota) -> Self {
        Self { table, store }
    }

    fn bucket(&self, bucket: &Resource<Bucket>) -> Result<Bucket, KeyValueError> {
        self.table.get(bucket).cloned().map_err(KeyValueError::trap)
    }
}

/// Does the work of a call on a thread that may block.
async fn call<R: Send + 'static>(
    store: &StoreQuota,
    work: impl FnOnce(&Pairs) -> Result<R, Refused> + Send + 'static,
) -> Result<R, KeyValueError> {
    let shared = store.shared();
    if shared.pairs.is_none() {
        store.usage().refuse_service(Service::KeyValue);
        return Err(Refused::Denied.into());
    }
    let done = shared.block(|shared| {
        let pairs = shared.pairs.as_ref().ok_or(Refused::Denied)?;
        work(pairs)
    });
    Ok(done.await?)
}

/// Decides on each key, before anything is done with one.
fn check_each(
    pairs: &Pairs,
    bucket: &Bucket,
    permissions: &[Permission],
    keys: impl Iterator<Item = impl AsRef<str>>,
) -> Result<(), Refused> {
    for key in keys {
        let resource = bucket.resource(key.as_ref())?;
        for permission in permissions {
            check(pairs.component(), *permission, &resource)?;
        }
    }
    Ok(())
}

impl store::Host for KeyValueView<'_> {
    async fn open(&mut self, identifier: String) -> Result<Resource<Bucket>, KeyValueError> {
        let bucket = call(&self.store, move |pairs| {
            let bucket = Bucket::of(&identifier)?;
            let is_there = pairs.store().has_bucket(bucket.name())?;
            if is_there { Ok(bucket) } else { Err(Refused::NoSuchStore) }
        });
        let bucket = bucket.await?;
        self.table.push(bucket).map_err(KeyValueError::trap)
    }

    fn convert_error(&mut self, error: KeyValueError) -> wasmtime::Result<store::Error> {
        error.downcast()
    }
}

impl store::HostBucket for KeyValueView<'_> {
    async fn get(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        let bucket = self.bucket(&bucket)?;
        let got = call(&self.store, move |pairs| {
            check(pairs.component(), Permission::StorageRead, &bucket.resource(&key)?)?;
            Ok(pairs.store().get(bucket.name(), &key)?)
        });
        got.await
    }

    async fn set(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        value: Vec<u8>,
    ) -> Result<(), KeyValueError> {
        set_all(&self.store, self.bucket(&bucket)?, vec![(key, value)]).await
    }

    async fn delete(&mut self, bucket: Resource<Bucket>, key: String) -> Result<(), KeyValueError> {
        delete_all(&self.store, self.bucket(&bucket)?, vec![key]).await
    }

    async fn exists(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
    ) -> Result<bool, KeyValueError> {
        let bucket = self.bucket(&bucket)?;
        let exists = call(&self.store, move |pairs| {
            check(pairs.component(), Permission::StorageRead, &bucket.resource(&key)?)?;
            Ok(pairs.store().exists(bucket.name(), &key)?)
        });
        exists.await
    }

    async fn list_keys(
        &mut self,
        bucket: Resource<Bucket>,
        cursor: Option<u64>,
    ) -> Result<store::KeyResponse, KeyValueError> {
        let bucket = self.bucket(&bucket)?;
        let store = self.store.clone();
        let page =
            call(&self.store, move |pairs| listing::page(pairs, &bucket, store.cursors(), cursor));
        let (keys, cursor) = page.await?;
        Ok(store::KeyResponse { keys, cursor })
    }

    async fn drop(&mut self, bucket: Resource<Bucket>) -> wasmtime::Result<()> {
        self.table.delete(bucket)?;
        Ok(())
    }
}

impl atomics::Host for KeyValueView<'_> {
    async fn increment(
        &mut self,
        bucket: Resource<Bucket>,
        key: String,
        delta: u64,
    ) -> Result<u64, KeyValueError> {
        let bucket = self.bucket(&bucket)?;
        let sizes = Sizes::new(&self.store);
        let sum = call(&self.store, move |pairs| {
            let permissions = [Permission::StorageRead, Permission::StorageWrite];
            check_each(pairs, &bucket, &permissions, core::iter::once(&key))?;
            pairs.change(bucket.name(), |found| {
                let sum = incremented(found.get(&key)?.as_deref(), delta)?;
                let value = sum.to_string().into_bytes();
                sizes.check_pair(&key, &value)?;
                Ok((vec![Planned { key, value: Some(value) }], sum))
            })
        });
        sum.await
    }
}

impl batch::Host for KeyValueView<'_> {
    async fn get_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<Vec<Option<(String, Vec<u8>)>>, KeyValueError> {
        let bucket = self.bucket(&bucket)?;
        let sizes = Sizes::new(&self.store);
        let got = call(&self.store, move |pairs| {
            check_batch(keys.len())?;
            check_each(pairs, &bucket, &[Permission::StorageRead], keys.iter())?;
            let mut bytes = 0_u64;
            let mut found = Vec::with_capacity(keys.len());
            for key in keys {
                let value = pairs.store().get(bucket.name(), &key)?;
                if let Some(value) = &value {
                    let len = u64::try_from(value.len()).unwrap_or(u64::MAX);
                    bytes = bytes.saturating_add(size_of_pair(&key, len));
                    sizes.check_answer(bytes)?;
                }
                found.push(value.map(|value| (key, value)));
            }
            Ok(found)
        });
        got.await
    }

    async fn set_many(
        &mut self,
        bucket: Resource<Bucket>,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Result<(), KeyValueError> {
        set_all(&self.store, self.bucket(&bucket)?, pairs).await
    }

    async fn delete_many(
        &mut self,
        bucket: Resource<Bucket>,
        keys: Vec<String>,
    ) -> Result<(), KeyValueError> {
        delete_all(&self.store, self.bucket(&bucket)?, keys).await
    }
}

/// Sets pairs, all or none; of a key that is there twice, the last value.
async fn set_all(
    store: &StoreQuota,
    bucket: Bucket,
    set: Vec<(String, Vec<u8>)>,
) -> Result<(), KeyValueError> {
    let sizes = Sizes::new(store);
    let done = call(store, move |pairs| {
        check_batch(set.len())?;
        let keys = set.iter().map(|(key, _)| key);
        check_each(pairs, &bucket, &[Permission::StorageWrite], keys)?;
        for (key, value) in &set {
            sizes.check_pair(key, value)?;
        }
        let set = set.into_iter().map(|(key, value)| Planned { key, value: Some(value) });
        let set = last_of_each(set.collect());
        pairs.change(bucket.name(), |_| Ok((set, ())))
    });
    done.await
}

/// Deletes the pairs that are there, all or none.
async fn delete_all(
    store: &StoreQuota,
    bucket: Bucket,
    keys: Vec<String>,
) -> Result<(), KeyValueError> {
    let done = call(store, move |pairs| {
        check_batch(keys.len())?;
        check_each(pairs, &bucket, &[Permission::StorageDelete], keys.iter())?;
        let gone = keys.into_iter().map(|key| Planned { key, value: None });
        let gone = last_of_each(gone.collect());
        pairs.change(bucket.name(), |_| Ok((gone, ())))
    });
    done.await
}

/// Keeps the last of the changes of each key.
fn last_of_each(mut planned: Vec<Planned>) -> Vec<Planned> {
    planned.reverse();
    // Stable: of equal keys, the later ones stay first.
    planned.sort_by(|one, other| one.key.cmp(&other.key));
    planned.dedup_by(|next, kept| next.key == kept.key);
    planned
}
