//! Keys and values in a command that was built without them.

use std::path::Path;

use quota_wasi::WasiQuotaBuilder;

use crate::outcome::service_failure::ServiceFailure;

/// Adds nothing: the option was refused before.
pub(crate) fn open(
    _path: &Path,
    builder: WasiQuotaBuilder,
) -> Result<WasiQuotaBuilder, ServiceFailure> {
    Ok(builder)
}
