//! A change of pairs, in one transaction with their size.

use redb::{Database, ReadableTable, StorageError, Table};

use super::tables::{self, SIZES};
use crate::keyvalue::store::{PairsChange, Verdict};
use crate::keyvalue::store_error::KeyValueStoreError;

/// A change of pairs that is under way.
pub(super) struct Change<'a> {
    table: Table<'a, (&'static str, &'static str), &'static [u8]>,
    bucket: &'a str,
    pairs: u64,
    bytes: u64,
}

impl Change<'_> {
    pub(super) fn make(
        database: &Database,
        component: &str,
        bucket: &str,
        change: &mut dyn FnMut(&mut dyn PairsChange) -> Result<Verdict, KeyValueStoreError>,
    ) -> Result<(), KeyValueStoreError> {
        let writing = database.begin_write().map_err(KeyValueStoreError::failed)?;
        {
            let name = tables::of(component);
            let table =
                writing.open_table(tables::pairs(&name)).map_err(KeyValueStoreError::failed)?;
            let mut sizes = writing.open_table(SIZES).map_err(KeyValueStoreError::failed)?;
            let size = sizes.get(component).map_err(KeyValueStoreError::failed)?;
            let (pairs, bytes) = size.map(|size| size.value()).unwrap_or_default();
            let mut pairs = Change { table, bucket, pairs, bytes };
            if change(&mut pairs)? == Verdict::Abandon {
                // Dropped, the transaction is undone.
                return Ok(());
            }
            let size = (pairs.pairs, pairs.bytes);
            sizes.insert(component, size).map_err(KeyValueStoreError::failed)?;
        }
        writing.commit().map_err(KeyValueStoreError::failed)
    }

    fn gone(&mut self, key: &str, value: usize) {
        self.pairs = self.pairs.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(size_of(key, value));
    }
}

impl PairsChange for Change<'_> {
    fn len(&mut self, key: &str) -> Result<Option<u64>, KeyValueStoreError> {
        let value = self.table.get((self.bucket, key)).map_err(KeyValueStoreError::failed)?;
        Ok(value.map(|value| u64::try_from(value.value().len()).unwrap_or(u64::MAX)))
    }

    fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, KeyValueStoreError> {
        let value = self.table.get((self.bucket, key)).map_err(KeyValueStoreError::failed)?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), KeyValueStoreError> {
        let old = self.table.insert((self.bucket, key), value);
        let old = len_of(old)?;
        if let Some(old) = old {
            self.gone(key, old);
        }
        self.pairs = self.pairs.saturating_add(1);
        self.bytes = self.bytes.saturating_add(size_of(key, value.len()));
        Ok(())
    }

    fn delete(&mut self, key: &str) -> Result<(), KeyValueStoreError> {
        let old = self.table.remove((self.bucket, key));
        let old = len_of(old)?;
        if let Some(old) = old {
            self.gone(key, old);
        }
        Ok(())
    }
}

type OldValue<'a> = Result<Option<redb::AccessGuard<'a, &'static [u8]>>, StorageError>;

fn len_of(old: OldValue<'_>) -> Result<Option<usize>, KeyValueStoreError> {
    let old = old.map_err(KeyValueStoreError::failed)?;
    Ok(old.map(|old| old.value().len()))
}

fn size_of(key: &str, value: usize) -> u64 {
    u64::try_from(key.len().saturating_add(value)).unwrap_or(u64::MAX)
}
