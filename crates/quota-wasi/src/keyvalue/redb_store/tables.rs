//! The tables of the file.

use std::io::ErrorKind;
use std::path::Path;

use redb::{
    Database, DatabaseError, ReadOnlyTable, ReadableDatabase, StorageError, TableDefinition,
    TableHandle,
};

use crate::keyvalue::store_error::KeyValueStoreError;

/// The version of the file's format, under the name of what it counts.
const FORMAT: TableDefinition<'_, &str, u64> = TableDefinition::new("wasm-limits");
const VERSION: &str = "version";
const CURRENT: u64 = 1;

/// The number of pairs of each component, and the bytes of their keys and values.
pub(super) const SIZES: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("sizes");

/// Values by bucket and key.
pub(super) type PairsTable = ReadOnlyTable<(&'static str, &'static str), &'static [u8]>;

/// Returns the name of a component's table.
pub(super) fn of(component: &str) -> String {
    format!("pairs of {component}")
}

pub(super) const fn pairs(
    name: &str,
) -> TableDefinition<'_, (&'static str, &'static str), &'static [u8]> {
    TableDefinition::new(name)
}

/// Checks that a file is a store of this version, and makes it one if it is new.
pub(super) fn check_format(path: &Path, database: &Database) -> Result<(), KeyValueStoreError> {
    match version(database) {
        Ok(Some(CURRENT)) => Ok(()),
        Ok(Some(version)) => Err(not_a_store(path, format!("its format has version {version}"))),
        Ok(None) => make(database).map_err(KeyValueStoreError::failed),
        Err(error) => Err(not_a_store(path, error.to_string())),
    }
}

/// Returns the version of a file that is not new.
fn version(database: &Database) -> Result<Option<u64>, Box<dyn core::error::Error>> {
    let reading = database.begin_read()?;
    let mut tables = reading.list_tables()?;
    let is_new = tables.next().is_none() && reading.list_multimap_tables()?.next().is_none();
    if is_new {
        return Ok(None);
    }
    if !reading.list_tables()?.any(|table| table.name() == FORMAT.name()) {
        return Err("it is of another program".into());
    }
    let version = reading.open_table(FORMAT)?.get(VERSION)?.map(|version| version.value());
    reading.open_table(SIZES)?;
    version.map(Some).ok_or_else(|| "it has no version".into())
}

fn make(database: &Database) -> Result<(), redb::Error> {
    let writing = database.begin_write()?;
    writing.open_table(FORMAT)?.insert(VERSION, CURRENT)?;
    writing.open_table(SIZES)?;
    Ok(writing.commit()?)
}

fn not_a_store(path: &Path, reason: String) -> KeyValueStoreError {
    KeyValueStoreError::NotAStore { path: path.into(), reason: reason.into() }
}

/// Returns the error of a file that redb does not open.
pub(super) fn not_opened(path: &Path, error: DatabaseError) -> KeyValueStoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => KeyValueStoreError::FileInUse { path: path.into() },
        // Of these kinds, redb makes errors of its own: the system has done its part.
        DatabaseError::Storage(StorageError::Io(error))
            if !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            KeyValueStoreError::Open { path: path.into(), error }
        }
        other => not_a_store(path, other.to_string()),
    }
}
