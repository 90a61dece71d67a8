//! `[resources]`: what one execution may use.

use limits_core::{ResourceLimits, WasmResult};
use serde::{Deserialize, Serialize};

use crate::amount;

/// `[resources]`: what one execution may use.
///
/// A field that is `None` is not in the file; the default of
/// [`ResourceLimits`] counts. Zero means that nothing is allowed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ResourcesConfig {
    /// Memory of one execution.
    pub memory: MemoryConfig,
    /// CPU of one execution.
    #[serde(default, skip_serializing_if = "CpuConfig::is_empty")]
    pub cpu: CpuConfig,
    /// What the host holds for one execution.
    #[serde(default, skip_serializing_if = "HostConfig::is_empty")]
    pub host: HostConfig,
}

/// `[resources.memory]`: memory of one execution.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MemoryConfig {
    /// Bytes of all linear memories and tables together. Required.
    #[serde(deserialize_with = "amount::bytes")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Bytes"))]
    pub max_bytes: u64,
    /// Core instances. Default 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Count"))]
    pub max_instances: Option<u32>,
    /// Linear memories. Default 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Count"))]
    pub max_memories: Option<u32>,
    /// Tables. Default 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Count"))]
    pub max_tables: Option<u32>,
    /// Elements of all tables together. Default 20 000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Number"))]
    pub max_table_elements: Option<u64>,
}

/// `[resources.cpu]`: CPU of one execution.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CpuConfig {
    /// Fuel, in units. Default 1 000 000. Zero ends an execution before its first instruction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Number"))]
    pub max_fuel: Option<u64>,
    /// Wall-clock time, in milliseconds, instantiation included. Default 100. Zero is a timeout
    /// before the guest is entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Number"))]
    pub timeout_ms: Option<u64>,
}

/// `[resources.host]`: what the host holds for one execution.
///
/// Not to be taken for `[host]` of the policy file ([`HostCeilings`](crate::HostCeilings)), which
/// bounds the sum of all components.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HostConfig {
    /// Bytes copied between guest and host in one host call. Default 1 MiB.
    #[serde(
        default,
        deserialize_with = "amount::some_bytes",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Bytes"))]
    pub max_copy_bytes: Option<u64>,
    /// Live component-model handles. Default 1 024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Count"))]
    pub max_handles: Option<u32>,
    /// Entries of the host-side resource table. Default 1 024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::schema::Count"))]
    pub max_resources: Option<u32>,
}

impl CpuConfig {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl HostConfig {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl ResourcesConfig {
    pub(crate) fn limits(&self) -> WasmResult<ResourceLimits> {
        let Self { memory, cpu, host } = self;
        let mut limits = ResourceLimits::builder().memory_bytes(memory.max_bytes);
        if let Some(count) = memory.max_instances {
            limits = limits.max_instances(count);
        }
        if let Some(count) = memory.max_memories {
            limits = limits.max_memories(count);
        }
        if let Some(count) = memory.max_tables {
            limits = limits.max_tables(count);
        }
        if let Some(count) = memory.max_table_elements {
            limits = limits.max_table_elements(count);
        }
        if let Some(units) = cpu.max_fuel {
            limits = limits.max_fuel(units);
        }
        if let Some(ms) = cpu.timeout_ms {
            limits = limits.execution_timeout_ms(ms);
        }
        if let Some(bytes) = host.max_copy_bytes {
            limits = limits.max_copy_bytes(bytes);
        }
        if let Some(count) = host.max_handles {
            limits = limits.max_handles(count);
        }
        if let Some(count) = host.max_resources {
            limits = limits.max_resources(count);
        }
        limits.build()
    }
}
