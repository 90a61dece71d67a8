//! A builder of the limits of one execution.

use alloc::string::String;
use core::time::Duration;

use super::ResourceLimits;
use super::network::NetworkLimits;
use crate::execution::fuel::FuelConfig;
use crate::execution::wasm_error::{WasmError, WasmResult};

/// Builds [`ResourceLimits`]; see [`ResourceLimits::builder`].
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a builder has no effect until it is built"]
pub struct ResourceLimitsBuilder {
    memory_bytes: Option<u64>,
    max_fuel: Option<u64>,
    timeout_ms: Option<u64>,
    instances: Option<u32>,
    memories: Option<u32>,
    tables: Option<u32>,
    table_elements: Option<u64>,
    copy_bytes: Option<u64>,
    handles: Option<u32>,
    resources: Option<u32>,
    output_bytes: Option<u64>,
    output_rate: Option<u64>,
    random_bytes: Option<u64>,
    descriptors: Option<u32>,
    directory_entries: Option<u64>,
    blocking_threads: Option<u32>,
    pub(super) network: NetworkLimits,
}

impl ResourceLimitsBuilder {
    /// Bounds the bytes of all linear memories and tables of a store together. Required.
    ///
    /// Zero admits only components without memory.
    pub const fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = Some(bytes);
        self
    }

    /// Bounds the fuel of one execution, in units.
    pub const fn max_fuel(mut self, units: u64) -> Self {
        self.max_fuel = Some(units);
        self
    }

    /// Bounds the wall-clock time of one execution, in whole milliseconds: a started one counts as
    /// a whole one, and `u64::MAX` of them are the most.
    pub fn execution_timeout(self, timeout: Duration) -> Self {
        let ms = timeout.as_nanos().div_ceil(1_000_000);
        self.execution_timeout_ms(u64::try_from(ms).unwrap_or(u64::MAX))
    }

    /// Bounds the wall-clock time of one execution, in milliseconds.
    pub const fn execution_timeout_ms(mut self, ms: u64) -> Self {
        self.timeout_ms = Some(ms);
        self
    }

    /// Bounds the core instances of a store.
    pub const fn max_instances(mut self, count: u32) -> Self {
        self.instances = Some(count);
        self
    }

    /// Bounds the linear memories of a store.
    pub const fn max_memories(mut self, count: u32) -> Self {
        self.memories = Some(count);
        self
    }

    /// Bounds the tables of a store.
    pub const fn max_tables(mut self, count: u32) -> Self {
        self.tables = Some(count);
        self
    }

    /// Bounds the elements of all tables of a store together.
    pub const fn max_table_elements(mut self, count: u64) -> Self {
        self.table_elements = Some(count);
        self
    }

    /// Bounds the bytes that one host call may copy from guest to host.
    ///
    /// The lifted form counts: a typed `list<u8>` is a byte for each element, a list of values
    /// whose types are known only at run time 40 (the default is 26 214 elements of those).
    pub const fn max_copy_bytes(mut self, bytes: u64) -> Self {
        self.copy_bytes = Some(bytes);
        self
    }

    /// Bounds the live component-model handles of a store.
    pub const fn max_handles(mut self, count: u32) -> Self {
        self.handles = Some(count);
        self
    }

    /// Bounds the entries of a store's host-side resource table.
    pub const fn max_resources(mut self, count: u32) -> Self {
        self.resources = Some(count);
        self
    }

    /// Bounds the bytes that one execution may write to standard output and standard error
    /// together. Those past it are cut and counted.
    pub const fn max_output_bytes(mut self, bytes: u64) -> Self {
        self.output_bytes = Some(bytes);
        self
    }

    /// Bounds the bytes per second that one execution may write to standard output and standard
    /// error together. The writer waits; at zero, until its deadline.
    pub const fn max_output_rate(mut self, bytes: u64) -> Self {
        self.output_rate = Some(bytes);
        self
    }

    /// Bounds the random bytes that one call may ask for.
    pub const fn max_random_bytes(mut self, bytes: u64) -> Self {
        self.random_bytes = Some(bytes);
        self
    }

    /// Bounds the open files and directories of a store, those of the host (preopens) included.
    pub const fn max_descriptors(mut self, count: u32) -> Self {
        self.descriptors = Some(count);
        self
    }

    /// Bounds the entries of one listing of a directory.
    pub const fn max_directory_entries(mut self, count: u64) -> Self {
        self.directory_entries = Some(count);
        self
    }

    /// Bounds the threads of the host that block for one component at one time. Its further
    /// operations on files wait.
    pub const fn max_blocking_threads(mut self, count: u32) -> Self {
        self.blocking_threads = Some(count);
        self
    }

    /// Returns the limits.
    ///
    /// # Errors
    ///
    /// [`WasmError::InvalidConfiguration`] if [`memory_bytes`](Self::memory_bytes) was not called.
    /// Every number is valid for every limit.
    pub fn build(self) -> WasmResult<ResourceLimits> {
        match self.memory_bytes {
            Some(bytes) => Ok(self.build_with_memory(bytes)),
            None => Err(WasmError::InvalidConfiguration {
                reason: String::from(
                    "no memory limit given: memory has no default, set the bytes that the component \
                     may use",
                ),
            }),
        }
    }

    /// Returns the limits with a memory limit in bytes, which replaces an earlier one.
    #[must_use]
    pub fn build_with_memory(self, bytes: u64) -> ResourceLimits {
        ResourceLimits {
            memory_bytes: bytes,
            fuel: self.max_fuel.map_or_else(FuelConfig::default, FuelConfig::new),
            timeout_ms: self.timeout_ms.unwrap_or(ResourceLimits::DEFAULT_TIMEOUT_MS),
            instances: self.instances.unwrap_or(ResourceLimits::DEFAULT_MAX_INSTANCES),
            memories: self.memories.unwrap_or(ResourceLimits::DEFAULT_MAX_MEMORIES),
            tables: self.tables.unwrap_or(ResourceLimits::DEFAULT_MAX_TABLES),
            table_elements: self
                .table_elements
                .unwrap_or(ResourceLimits::DEFAULT_MAX_TABLE_ELEMENTS),
            copy_bytes: self.copy_bytes.unwrap_or(ResourceLimits::DEFAULT_MAX_COPY_BYTES),
            handles: self.handles.unwrap_or(ResourceLimits::DEFAULT_MAX_HANDLES),
            resources: self.resources.unwrap_or(ResourceLimits::DEFAULT_MAX_RESOURCES),
            output_bytes: self.output_bytes.unwrap_or(ResourceLimits::DEFAULT_MAX_OUTPUT_BYTES),
            output_rate: self.output_rate.unwrap_or(ResourceLimits::DEFAULT_MAX_OUTPUT_RATE),
            random_bytes: self.random_bytes.unwrap_or(ResourceLimits::DEFAULT_MAX_RANDOM_BYTES),
            descriptors: self.descriptors.unwrap_or(ResourceLimits::DEFAULT_MAX_DESCRIPTORS),
            directory_entries: self
                .directory_entries
                .unwrap_or(ResourceLimits::DEFAULT_MAX_DIRECTORY_ENTRIES),
            blocking_threads: self
                .blocking_threads
                .unwrap_or(ResourceLimits::DEFAULT_MAX_BLOCKING_THREADS),
            network: self.network,
        }
    }
}
