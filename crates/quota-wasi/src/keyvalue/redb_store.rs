//! A store of keys and values in a file.

mod change;
mod tables;

use core::fmt;
use core::ops::{Bound, ControlFlow};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{Builder, Database, ReadTransaction, ReadableDatabase, TableError};

use self::change::Change;
use self::tables::{PairsTable, SIZES, check_format, not_opened};
use super::store::{ComponentPairs, KeyValueStore, PairsChange, PairsSize, Verdict};
use super::store_error::KeyValueStoreError;

/// A store of keys and values in one file, by the embedded database redb (feature `redb`).
///
/// One file serves any number of components; each has pairs of its own, by its id. Cheap to clone;
/// every clone is the same file, which is locked for this process while it is open.
///
/// A change is one transaction. When the guest's call returns, it has been synchronised with the
/// disk; a process that is killed in between leaves the pairs as they were before or after it, and
/// the size that is counted with them. Changes of all components are made one after the other.
///
/// Opening it reads the whole file, to find damage before guests do. The storage quota counts keys
/// and values, not the file: its pages, and those that a change is written to before those of
/// earlier states are used again, make it greater, and it does not shrink. A quota of
/// `storage_entries` bounds what small pairs need besides, and a file system's own quota the file.
///
/// ```
/// use limits_core::{CapabilitySet, Permission, ResourceQuota};
/// use quota_enforce::{QuotaRegistry, SecurityContext};
/// use quota_wasi::{RedbStore, WasiQuota};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("pairs.redb");
/// let file = RedbStore::open(&path)?;
/// let registry = QuotaRegistry::new();
/// for id in ["cart", "shop"] {
///     let may = CapabilitySet::builder()
///         .grant(Permission::StorageRead, "**")
///         .grant(Permission::StorageWrite, "default:*")
///         .build()?;
///     let quota = ResourceQuota::new().with_storage(1 << 20);
///     let component = registry.register(SecurityContext::with_quota(id, may, quota))?;
///     let wasi = WasiQuota::builder(component).keyvalue(file.clone()).build()?;
///     assert_eq!(wasi.component().usage().storage_used, 0);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedbStore(Arc<Inner>);

struct Inner {
    database: Database,
    /// The components whose pairs are in use.
    open: Mutex<HashSet<Box<str>>>,
}

impl RedbStore {
    /// The memory that pages of the file are kept in.
    const CACHE_BYTES: usize = 16 << 20;

    /// Opens a file, or makes it if it is not there or empty. Blocks the thread while it reads it.
    ///
    /// # Errors
    ///
    /// [`Open`](KeyValueStoreError::Open) if the system does not open it,
    /// [`FileInUse`](KeyValueStoreError::FileInUse) if another process has it open, or this one a
    /// second time, [`NotAStore`](KeyValueStoreError::NotAStore) if it is of another program, of
    /// another version, or damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KeyValueStoreError> {
        let path = path.as_ref();
        let database = Builder::new()
            .set_cache_size(Self::CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create(path)
            .map_err(|error| not_opened(path, error))?;
        check_format(path, &database)?;
        Ok(Self(Arc::new(Inner { database, open: Mutex::default() })))
    }
}

impl Inner {
    fn open(&self) -> MutexGuard<'_, HashSet<Box<str>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyValueStore for RedbStore {
    fn open(&self, component: &str) -> Result<Box<dyn ComponentPairs>, KeyValueStoreError> {
        if !self.0.open().insert(component.into()) {
            return Err(KeyValueStoreError::ComponentInUse { component: component.into() });
        }
        Ok(Box::new(Pairs { file: Arc::clone(&self.0), component: component.into() }))
    }
}

/// The pairs of one component, which are in use until this is dropped.
struct Pairs {
    file: Arc<Inner>,
    component: Box<str>,
}

impl Drop for Pairs {
    fn drop(&mut self) {
        self.file.open().remove(&self.component);
    }
}

impl Pairs {
    fn reading(&self) -> Result<ReadTransaction, KeyValueStoreError> {
        self.file.database.begin_read().map_err(KeyValueStoreError::failed)
    }

    /// Reads from the component's table, if it has one.
    fn read<T>(
        &self,
        read: impl FnOnce(&PairsTable) -> Result<T, redb::StorageError>,
    ) -> Result<Option<T>, KeyValueStoreError> {
        let name = tables::of(&self.component);
        match self.reading()?.open_table(tables::pairs(&name)) {
            Ok(table) => read(&table).map(Some).map_err(KeyValueStoreError::failed),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(KeyValueStoreError::failed(error)),
        }
    }
}

impl ComponentPairs for Pairs {
    fn size(&self) -> Result<PairsSize, KeyValueStoreError> {
        let sizes = self.reading()?.open_table(SIZES).map_err(KeyValueStoreError::failed)?;
        let size = sizes.get(&*self.component).map_err(KeyValueStoreError::failed)?;
        let (pairs, bytes) = size.map(|size| size.value()).unwrap_or_default();
        Ok(PairsSize::new(pairs, bytes))
    }

    fn get(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, KeyValueStoreError> {
        let value =
            self.read(|table| Ok(table.get((bucket, key))?.map(|value| value.value().to_vec())));
        value.map(Option::flatten)
    }

    fn exists(&self, bucket: &str, key: &str) -> Result<bool, KeyValueStoreError> {
        let found = self.read(|table| Ok(table.get((bucket, key))?.is_some()));
        found.map(|found| found == Some(true))
    }

    fn keys(
        &self,
        bucket: &str,
        after: &str,
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), KeyValueStoreError> {
        let read = self.read(|table| {
            let from = (Bound::Excluded((bucket, after)), Bound::Unbounded);
            for pair in table.range::<(&str, &str)>(from)? {
                let (key, _) = pair?;
                let (of, key) = key.value();
                if of != bucket || each(key).is_break() {
                    break;
                }
            }
            Ok(())
        });
        read.map(|_| ())
    }

    fn change(
        &self,
        bucket: &str,
        change: &mut dyn FnMut(&mut dyn PairsChange) -> Result<Verdict, KeyValueStoreError>,
    ) -> Result<(), KeyValueStoreError> {
        Change::make(&self.file.database, &self.component, bucket, change)
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("open", &*self.0.open()).finish_non_exhaustive()
    }
}
