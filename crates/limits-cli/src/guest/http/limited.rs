//! HTTP under quotas, capabilities and limits.

use limits_config::read_regular_file;
use quota_wasi::{HttpOptions, StoreQuota, StoreUsage, WasiHttpQuotaView, WasiQuotaBuilder};
use wasmtime::component::{Linker, ResourceTable};

use crate::args::service_args::ServiceArgs;
use crate::guest::store_data::StoreData;
use crate::outcome::service_failure::ServiceFailure;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted;

/// The most bytes of the file of roots: ten times Mozilla's.
const MOST_OF_ROOTS: u64 = 4 << 20;

/// Links `wasi:http`, which refuses unless `--http` is given.
pub(crate) fn link(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    quota_wasi::add_http_to_linker(linker)
}

/// Adds HTTP with the roots of the command line, if it is to be given. Blocks the thread.
///
/// # Errors
///
/// [`ServiceFailure::File`] if the roots cannot be read, or are none.
pub(crate) fn open(
    services: &ServiceArgs,
    builder: WasiQuotaBuilder,
) -> Result<WasiQuotaBuilder, ServiceFailure> {
    if !services.http {
        return Ok(builder);
    }
    let mut options = HttpOptions::new();
    if let Some(path) = &services.ca {
        let failed = |reason| ServiceFailure::File { option: "--ca", path: path.clone(), reason };
        let pem = read_regular_file(path, MOST_OF_ROOTS)
            .map_err(|error| failed(SystemError::of(&error)))?;
        options = options
            .root_certificates(&pem)
            .map_err(|error| failed(SystemError::Other(quoted(&error.to_string()))))?;
    }
    Ok(builder.http(options))
}

/// The HTTP of one execution, all of which its quota has.
pub(crate) struct Http;

impl Http {
    pub(crate) fn new(_usage: StoreUsage) -> Self {
        Self
    }
}

impl WasiHttpQuotaView for StoreData {
    fn quota_and_table(&mut self) -> (&mut StoreQuota, &mut ResourceTable) {
        let (_, quota, table) = self.http_parts();
        (quota, table)
    }
}
