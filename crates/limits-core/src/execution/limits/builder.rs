//! A builder of the limits of one execution.

use alloc::string::String;
use core::time::Duration;

use super::ResourceLimits;
use crate::execution::fuel::FuelConfig;
use crate::execution::wasm_error::{WasmError, WasmResult};

/// Builds [`ResourceLimits`]; see [`ResourceLimits::builder`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder has no effect until it is built"]
pub struct ResourceLimitsBuilder {
    memory_bytes: Option<u64>,
    /// The limits but that of memory.
    pub(super) others: ResourceLimits,
}

impl Default for ResourceLimitsBuilder {
    fn default() -> Self {
        Self { memory_bytes: None, others: ResourceLimits::DEFAULTS }
    }
}

/// Begins with the limits as they are, so that all but those set anew stay.
impl From<ResourceLimits> for ResourceLimitsBuilder {
    fn from(limits: ResourceLimits) -> Self {
        Self { memory_bytes: Some(limits.memory_bytes), others: limits }
    }
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
        self.others.fuel = FuelConfig::new(units);
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
        self.others.timeout_ms = ms;
        self
    }

    /// Bounds the core instances of a store.
    pub const fn max_instances(mut self, count: u32) -> Self {
        self.others.instances = count;
        self
    }

    /// Bounds the linear memories of a store.
    pub const fn max_memories(mut self, count: u32) -> Self {
        self.others.memories = count;
        self
    }

    /// Bounds the tables of a store.
    pub const fn max_tables(mut self, count: u32) -> Self {
        self.others.tables = count;
        self
    }

    /// Bounds the elements of all tables of a store together.
    pub const fn max_table_elements(mut self, count: u64) -> Self {
        self.others.table_elements = count;
        self
    }

    /// Bounds the bytes that one host call may copy from guest to host.
    ///
    /// The lifted form counts: a typed `list<u8>` is a byte for each element, a list of values
    /// whose types are known only at run time 40 (the default is 26 214 elements of those).
    pub const fn max_copy_bytes(mut self, bytes: u64) -> Self {
        self.others.copy_bytes = bytes;
        self
    }

    /// Bounds the live component-model handles of a store.
    pub const fn max_handles(mut self, count: u32) -> Self {
        self.others.handles = count;
        self
    }

    /// Bounds the entries of a store's host-side resource table.
    pub const fn max_resources(mut self, count: u32) -> Self {
        self.others.resources = count;
        self
    }

    /// Bounds the bytes that one execution may write to standard output and standard error
    /// together. Those past it are cut and counted.
    pub const fn max_output_bytes(mut self, bytes: u64) -> Self {
        self.others.output_bytes = bytes;
        self
    }

    /// Bounds the bytes per second that one execution may write to standard output and standard
    /// error together. The writer waits; at zero, until its deadline.
    pub const fn max_output_rate(mut self, bytes: u64) -> Self {
        self.others.output_rate = bytes;
        self
    }

    /// Bounds the random bytes that one call may ask for.
    pub const fn max_random_bytes(mut self, bytes: u64) -> Self {
        self.others.random_bytes = bytes;
        self
    }

    /// Bounds the open files and directories of a store, those of the host (preopens) included.
    pub const fn max_descriptors(mut self, count: u32) -> Self {
        self.others.descriptors = count;
        self
    }

    /// Bounds the entries of one listing of a directory.
    pub const fn max_directory_entries(mut self, count: u64) -> Self {
        self.others.directory_entries = count;
        self
    }

    /// Bounds the threads of the host that block for one component at one time. Its further
    /// operations on files wait.
    pub const fn max_blocking_threads(mut self, count: u32) -> Self {
        self.others.blocking_threads = count;
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
    pub const fn build_with_memory(self, bytes: u64) -> ResourceLimits {
        ResourceLimits { memory_bytes: bytes, ..self.others }
    }
}
