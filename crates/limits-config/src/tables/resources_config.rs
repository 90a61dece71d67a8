//! `[resources]`: the resources that one execution may use.

use limits_core::ResourceLimits;
use serde::{Deserialize, Serialize};

use crate::settings::declared::Declared;
use crate::settings::section::Section as _;
use crate::settings::table::{CpuConfig, HostConfig, MemoryConfig};
use crate::settings::translate;

/// `[resources]`: the resources that one execution may use.
///
/// A field that is `None` has the default of [`ResourceLimits`]. Zero means that nothing is
/// allowed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ResourcesConfig {
    /// The memory of one execution.
    pub memory: MemoryConfig,
    /// The CPU of one execution.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cpu: CpuConfig,
    /// The resources that the host holds for one execution.
    #[serde(default, skip_serializing_if = "is_default")]
    pub host: HostConfig,
}

fn is_default<T: Default + PartialEq>(table: &T) -> bool {
    *table == T::default()
}

impl ResourcesConfig {
    pub(crate) fn declared(&self) -> Declared {
        let Self { memory, cpu, host } = self;
        memory.declared().merge(cpu.declared()).merge(host.declared())
    }

    pub(crate) fn limits(&self) -> ResourceLimits {
        translate::limits(&self.declared())
    }
}
