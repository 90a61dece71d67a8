//! One setting: its key, its value, who decided it.

use core::fmt;

use limits_core::{Allowance, ResourceLimits, ResourceQuota};

use crate::policy::Tables;
use crate::{Origin, format_size, period, quota};

/// The key of a setting that holds an amount.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum SettingKey {
    /// `resources.memory.max_bytes`
    MaxBytes,
    /// `resources.memory.max_instances`
    MaxInstances,
    /// `resources.memory.max_memories`
    MaxMemories,
    /// `resources.memory.max_tables`
    MaxTables,
    /// `resources.memory.max_table_elements`
    MaxTableElements,
    /// `resources.cpu.max_fuel`
    MaxFuel,
    /// `resources.cpu.timeout_ms`
    TimeoutMs,
    /// `resources.host.max_copy_bytes`
    MaxCopyBytes,
    /// `resources.host.max_handles`
    MaxHandles,
    /// `resources.host.max_resources`
    MaxResources,
    /// `quota.storage`
    Storage,
    /// `quota.message_rate`
    MessageRate,
    /// `quota.network_bandwidth`
    NetworkBandwidth,
    /// `quota.cpu_time`
    CpuTime,
    /// `quota.memory`
    QuotaMemory,
    /// `quota.period`
    Period,
    /// `host.storage`
    HostStorage,
    /// `host.message_rate`
    HostMessageRate,
    /// `host.network_bandwidth`
    HostNetworkBandwidth,
    /// `host.cpu_time`
    HostCpuTime,
    /// `host.memory`
    HostMemory,
    /// `host.period`
    HostPeriod,
}

/// What a setting is counted in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Things, without a unit.
    Count,
    /// Units of fuel.
    Fuel,
    /// Messages per second.
    MessagesPerSecond,
    /// Milliseconds.
    Milliseconds,
    /// Milliseconds per second.
    MillisecondsPerSecond,
}

impl SettingKey {
    /// All keys of `Component.toml` that hold an amount, in the order of the file.
    pub const COMPONENT: [Self; 16] = [
        Self::MaxBytes,
        Self::MaxInstances,
        Self::MaxMemories,
        Self::MaxTables,
        Self::MaxTableElements,
        Self::MaxFuel,
        Self::TimeoutMs,
        Self::MaxCopyBytes,
        Self::MaxHandles,
        Self::MaxResources,
        Self::Storage,
        Self::MessageRate,
        Self::NetworkBandwidth,
        Self::CpuTime,
        Self::QuotaMemory,
        Self::Period,
    ];

    /// All keys of `[host]`, which only the policy has, in the order of the file.
    pub const HOST: [Self; 6] = [
        Self::HostStorage,
        Self::HostMessageRate,
        Self::HostNetworkBandwidth,
        Self::HostCpuTime,
        Self::HostMemory,
        Self::HostPeriod,
    ];

    /// Returns the key as it stands in the file, such as `resources.cpu.max_fuel`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxBytes => "resources.memory.max_bytes",
            Self::MaxInstances => "resources.memory.max_instances",
            Self::MaxMemories => "resources.memory.max_memories",
            Self::MaxTables => "resources.memory.max_tables",
            Self::MaxTableElements => "resources.memory.max_table_elements",
            Self::MaxFuel => "resources.cpu.max_fuel",
            Self::TimeoutMs => "resources.cpu.timeout_ms",
            Self::MaxCopyBytes => "resources.host.max_copy_bytes",
            Self::MaxHandles => "resources.host.max_handles",
            Self::MaxResources => "resources.host.max_resources",
            Self::Storage => "quota.storage",
            Self::MessageRate => "quota.message_rate",
            Self::NetworkBandwidth => "quota.network_bandwidth",
            Self::CpuTime => "quota.cpu_time",
            Self::QuotaMemory => "quota.memory",
            Self::Period => "quota.period",
            Self::HostStorage => "host.storage",
            Self::HostMessageRate => "host.message_rate",
            Self::HostNetworkBandwidth => "host.network_bandwidth",
            Self::HostCpuTime => "host.cpu_time",
            Self::HostMemory => "host.memory",
            Self::HostPeriod => "host.period",
        }
    }

    /// Returns what the setting is counted in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::MaxBytes
            | Self::MaxCopyBytes
            | Self::Storage
            | Self::QuotaMemory
            | Self::HostStorage
            | Self::HostMemory => Unit::Bytes,
            Self::MaxInstances
            | Self::MaxMemories
            | Self::MaxTables
            | Self::MaxTableElements
            | Self::MaxHandles
            | Self::MaxResources => Unit::Count,
            Self::MaxFuel => Unit::Fuel,
            Self::TimeoutMs | Self::Period | Self::HostPeriod => Unit::Milliseconds,
            Self::MessageRate | Self::HostMessageRate => Unit::MessagesPerSecond,
            Self::NetworkBandwidth | Self::HostNetworkBandwidth => Unit::BytesPerSecond,
            Self::CpuTime | Self::HostCpuTime => Unit::MillisecondsPerSecond,
        }
    }

    /// Tells whether the setting is one of `[quota]`, over time, and not of one execution.
    #[must_use]
    pub const fn is_quota(self) -> bool {
        matches!(
            self,
            Self::Storage
                | Self::MessageRate
                | Self::NetworkBandwidth
                | Self::CpuTime
                | Self::QuotaMemory
                | Self::Period
        )
    }

    /// Tells whether the setting is one of `[host]`, over the sum of all components.
    #[must_use]
    pub const fn is_host(self) -> bool {
        matches!(
            self,
            Self::HostStorage
                | Self::HostMessageRate
                | Self::HostNetworkBandwidth
                | Self::HostCpuTime
                | Self::HostMemory
                | Self::HostPeriod
        )
    }

    /// Returns what the tables of a file say.
    pub(crate) fn declared(self, tables: Tables<'_>) -> Option<Allowance> {
        let Tables { memory, cpu, host, quota, .. } = tables;
        let count = |count: Option<u32>| count.map(u64::from).map(Allowance::from);
        let number = |number: Option<u64>| number.map(Allowance::from);
        match self {
            Self::MaxBytes => number(memory.max_bytes),
            Self::MaxInstances => count(memory.max_instances),
            Self::MaxMemories => count(memory.max_memories),
            Self::MaxTables => count(memory.max_tables),
            Self::MaxTableElements => number(memory.max_table_elements),
            Self::MaxFuel => number(cpu.max_fuel),
            Self::TimeoutMs => number(cpu.timeout_ms),
            Self::MaxCopyBytes => number(host.max_copy_bytes),
            Self::MaxHandles => count(host.max_handles),
            Self::MaxResources => count(host.max_resources),
            Self::Storage => quota.storage,
            Self::MessageRate => quota.message_rate,
            Self::NetworkBandwidth => quota.network_bandwidth,
            Self::CpuTime => quota.cpu_time,
            Self::QuotaMemory => quota.memory,
            Self::Period => quota.period.map(period::in_ms),
            // Not of one component.
            Self::HostStorage
            | Self::HostMessageRate
            | Self::HostNetworkBandwidth
            | Self::HostCpuTime
            | Self::HostMemory
            | Self::HostPeriod => None,
        }
    }

    /// Returns the default, where `max_bytes` is what one execution may have.
    pub(crate) fn default(self, max_bytes: Allowance) -> Allowance {
        let quota = ResourceQuota::default();
        match self {
            // Required in the file, so this is never used; nothing is allowed that nobody gave.
            Self::MaxBytes => Allowance::AtMost(0),
            Self::MaxInstances => u64::from(ResourceLimits::DEFAULT_MAX_INSTANCES).into(),
            Self::MaxMemories => u64::from(ResourceLimits::DEFAULT_MAX_MEMORIES).into(),
            Self::MaxTables => u64::from(ResourceLimits::DEFAULT_MAX_TABLES).into(),
            Self::MaxTableElements => ResourceLimits::DEFAULT_MAX_TABLE_ELEMENTS.into(),
            Self::MaxFuel => ResourceLimits::DEFAULT_MAX_FUEL.into(),
            Self::TimeoutMs => ResourceLimits::DEFAULT_TIMEOUT_MS.into(),
            Self::MaxCopyBytes => ResourceLimits::DEFAULT_MAX_COPY_BYTES.into(),
            Self::MaxHandles => u64::from(ResourceLimits::DEFAULT_MAX_HANDLES).into(),
            Self::MaxResources => u64::from(ResourceLimits::DEFAULT_MAX_RESOURCES).into(),
            Self::Storage => quota.max_storage_bytes,
            Self::MessageRate => quota.max_message_rate,
            Self::NetworkBandwidth => quota.max_network_bandwidth,
            Self::CpuTime => quota.max_cpu_time_ms,
            Self::QuotaMemory => {
                max_bytes.at_most().map_or(Allowance::Unlimited, quota::default_memory)
            }
            Self::Period | Self::HostPeriod => period::in_ms(quota.reset_period),
            Self::HostStorage
            | Self::HostMessageRate
            | Self::HostNetworkBandwidth
            | Self::HostCpuTime
            | Self::HostMemory => Allowance::Unlimited,
        }
    }

    /// Writes an amount of this setting with its unit.
    pub(crate) fn show(self, value: Allowance) -> String {
        let Allowance::AtMost(number) = value else { return value.to_string() };
        match self.unit() {
            Unit::Bytes => format_size(number),
            Unit::BytesPerSecond => format!("{}/s", format_size(number)),
            Unit::Count => number.to_string(),
            Unit::Fuel => format!("{number} fuel"),
            Unit::MessagesPerSecond => format!("{number}/s"),
            Unit::Milliseconds => format!("{number} ms"),
            Unit::MillisecondsPerSecond => format!("{number} ms/s"),
        }
    }
}

impl fmt::Display for SettingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One setting as it counts.
///
/// Its text is the value with its unit: `4194304 (4 MiB)`, `1000 ms`, `unlimited`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// The key.
    pub key: SettingKey,
    /// How much is allowed, in [`SettingKey::unit`]. Rates are per second, the period is in
    /// milliseconds. Only a setting of `[quota]` or `[host]` can be unlimited.
    pub value: Allowance,
    /// Who decided it.
    pub origin: Origin,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.key.show(self.value))
    }
}
