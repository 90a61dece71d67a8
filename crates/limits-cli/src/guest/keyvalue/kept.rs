//! Keys and values that a file keeps.

use std::path::Path;

use quota_wasi::{KeyValueStoreError, RedbStore, WasiQuotaBuilder};

use crate::outcome::service_failure::ServiceFailure;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted;

const OPTION: &str = "--keyvalue";

/// Adds the keys and values of a file, which is made if it is not there. Blocks the thread while it
/// is read.
///
/// # Errors
///
/// [`ServiceFailure::InUse`] if another process has the file; [`ServiceFailure::File`] if it cannot
/// be opened, or is something else.
pub(crate) fn open(
    path: &Path,
    builder: WasiQuotaBuilder,
) -> Result<WasiQuotaBuilder, ServiceFailure> {
    let failed = |reason| ServiceFailure::File { option: OPTION, path: path.to_path_buf(), reason };
    let store = RedbStore::open(path).map_err(|error| match error {
        KeyValueStoreError::FileInUse { path } => ServiceFailure::InUse { option: OPTION, path },
        KeyValueStoreError::Open { error, .. } => failed(SystemError::of(&error)),
        KeyValueStoreError::NotAStore { reason, .. } => failed(SystemError::Other(format!(
            "it is no intact store of keys and values: {}",
            quoted(&reason)
        ))),
        other => failed(SystemError::Other(quoted(&other.to_string()))),
    })?;
    Ok(builder.keyvalue(store))
}
