//! The functions of the host: `demo:bot/io` of wit/bot.wit.

use std::io;

use limits_config::limits_core::{Permission, QuotaType, Retry};
use limits_wasmtime::wasmtime;
use quota_enforce::{EnforceError, guard};

use crate::plugin_state::PluginState;

wasmtime::component::bindgen!({
    path: "wit",
    world: "bot",
    exports: { default: async },
    wasmtime_crate: limits_wasmtime::wasmtime,
});

pub(crate) use demo::bot::io::Refusal;

impl demo::bot::io::Host for PluginState {
    fn append(&mut self, path: String, line: String) -> Result<(), Refusal> {
        let bytes = u64::try_from(line.len() + 1).map_err(|_error| Refusal::Failed)?;
        guard(
            &self.component,
            path,
            Permission::FilesystemWrite,
            QuotaType::Storage(bytes),
            |path| Ok(self.folder.append(&path, &line)?),
        )
    }
}

/// A plugin learns about its own quota, and nothing about patterns or other plugins.
impl From<EnforceError> for Refusal {
    fn from(error: EnforceError) -> Self {
        match error {
            EnforceError::Capability(_) => Self::Denied,
            EnforceError::Quota(error) => Self::OverQuota(match error.retry() {
                Retry::After(wait) => u64::try_from(wait.as_millis()).ok(),
                _ => None,
            }),
            _ => Self::Failed,
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self::Failed
    }
}
