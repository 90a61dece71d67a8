//! The program of both tenants: a core module of WASI preview 1, made into a component.

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wit_component::ComponentEncoder;

use crate::Result;

/// The core module, by clang and wasi-libc.
const MODULE: &[u8] = include_bytes!("../../fill-storage/component.wasm");

/// Returns the component.
pub(crate) fn component() -> Result<Vec<u8>> {
    Ok(ComponentEncoder::default()
        .module(MODULE)?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)?
        .encode()?)
}
