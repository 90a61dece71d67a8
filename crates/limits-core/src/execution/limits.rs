//! The limits of one execution.

pub(crate) mod builder;
mod network;

use core::time::Duration;

use self::builder::ResourceLimitsBuilder;
use self::network::NetworkLimits;
use crate::execution::fuel::{DEFAULT_MAX_FUEL, FuelConfig};

/// The limits of one execution of a component.
///
/// Memory has no default, since components differ by orders of magnitude and a guess would be wrong
/// without notice. All other limits have one. They hold per store and per execution; the limits of
/// a component over time are a [`ResourceQuota`](crate::ResourceQuota).
///
/// ```
/// use limits_core::ResourceLimits;
///
/// let limits = ResourceLimits::builder()
///     .memory_bytes(64 * 1024 * 1024)
///     .max_fuel(50_000_000)
///     .execution_timeout_ms(1_000)
///     .build()?;
/// assert_eq!(limits.max_memory_bytes(), 67_108_864);
/// assert_eq!(limits.max_handles(), ResourceLimits::DEFAULT_MAX_HANDLES);
/// # Ok::<(), limits_core::WasmError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ResourceLimits {
    memory_bytes: u64,
    fuel: FuelConfig,
    timeout_ms: u64,
    instances: u32,
    memories: u32,
    tables: u32,
    table_elements: u64,
    copy_bytes: u64,
    handles: u32,
    resources: u32,
    output_bytes: u64,
    output_rate: u64,
    random_bytes: u64,
    descriptors: u32,
    directory_entries: u64,
    blocking_threads: u32,
    network: NetworkLimits,
}

impl ResourceLimits {
    /// Fuel of one execution by default: 1 000 000 units.
    pub const DEFAULT_MAX_FUEL: u64 = DEFAULT_MAX_FUEL;
    /// Wall-clock time of one execution by default: 100 ms.
    pub const DEFAULT_TIMEOUT_MS: u64 = 100;
    /// Core instances of a store by default: 128.
    pub const DEFAULT_MAX_INSTANCES: u32 = 128;
    /// Linear memories of a store by default: 8.
    pub const DEFAULT_MAX_MEMORIES: u32 = 8;
    /// Tables of a store by default: 32.
    pub const DEFAULT_MAX_TABLES: u32 = 32;
    /// Elements of all tables of a store together by default: 20 000.
    pub const DEFAULT_MAX_TABLE_ELEMENTS: u64 = 20_000;
    /// Bytes copied from guest to host in one host call by default: 1 MiB.
    pub const DEFAULT_MAX_COPY_BYTES: u64 = 1024 * 1024;
    /// Live component-model handles of a store by default: 1 024.
    pub const DEFAULT_MAX_HANDLES: u32 = 1_024;
    /// Entries of a store's resource table by default: 1 024.
    pub const DEFAULT_MAX_RESOURCES: u32 = 1_024;
    /// Bytes written to standard output and standard error of one execution together by default: 64
    /// MiB.
    pub const DEFAULT_MAX_OUTPUT_BYTES: u64 = 64 * 1024 * 1024;
    /// Bytes per second written to standard output and standard error together by default: 64 MiB.
    pub const DEFAULT_MAX_OUTPUT_RATE: u64 = 64 * 1024 * 1024;
    /// Random bytes of one call by default: 64 KiB.
    pub const DEFAULT_MAX_RANDOM_BYTES: u64 = 64 * 1024;
    /// Open files and directories of a store by default: 128.
    pub const DEFAULT_MAX_DESCRIPTORS: u32 = 128;
    /// Entries of one listing of a directory by default: 65 536.
    pub const DEFAULT_MAX_DIRECTORY_ENTRIES: u64 = 65_536;
    /// Threads of the host that block for one component at one time by default: 8.
    pub const DEFAULT_MAX_BLOCKING_THREADS: u32 = 8;
    /// Bytes that one table element counts against the memory limit: 8.
    pub const TABLE_ELEMENT_BYTES: u64 = 8;

    /// The default of each limit, and no memory.
    const DEFAULTS: Self = Self {
        memory_bytes: 0,
        fuel: FuelConfig::new(Self::DEFAULT_MAX_FUEL),
        timeout_ms: Self::DEFAULT_TIMEOUT_MS,
        instances: Self::DEFAULT_MAX_INSTANCES,
        memories: Self::DEFAULT_MAX_MEMORIES,
        tables: Self::DEFAULT_MAX_TABLES,
        table_elements: Self::DEFAULT_MAX_TABLE_ELEMENTS,
        copy_bytes: Self::DEFAULT_MAX_COPY_BYTES,
        handles: Self::DEFAULT_MAX_HANDLES,
        resources: Self::DEFAULT_MAX_RESOURCES,
        output_bytes: Self::DEFAULT_MAX_OUTPUT_BYTES,
        output_rate: Self::DEFAULT_MAX_OUTPUT_RATE,
        random_bytes: Self::DEFAULT_MAX_RANDOM_BYTES,
        descriptors: Self::DEFAULT_MAX_DESCRIPTORS,
        directory_entries: Self::DEFAULT_MAX_DIRECTORY_ENTRIES,
        blocking_threads: Self::DEFAULT_MAX_BLOCKING_THREADS,
        network: NetworkLimits::DEFAULTS,
    };

    /// Returns the maximum of each limit over several, to size an engine or a pool for all of them;
    /// `None` for no limits.
    ///
    /// ```
    /// use limits_core::ResourceLimits;
    ///
    /// let roomy = ResourceLimits::builder().memory_bytes(1 << 20).max_memories(2).build()?;
    /// let many = ResourceLimits::builder().memory_bytes(1 << 16).max_memories(9).build()?;
    /// let most = ResourceLimits::max_of([&roomy, &many]).expect("two limits");
    /// assert_eq!((most.max_memory_bytes(), most.max_memories()), (1 << 20, 9));
    /// # Ok::<(), limits_core::WasmError>(())
    /// ```
    #[must_use]
    #[expect(single_use_lifetimes, reason = "an anonymous lifetime here is not stable")]
    pub fn max_of<'l>(limits: impl IntoIterator<Item = &'l Self>) -> Option<Self> {
        limits.into_iter().copied().reduce(|most, next| Self {
            memory_bytes: most.memory_bytes.max(next.memory_bytes),
            fuel: FuelConfig::new(most.fuel.max_fuel().max(next.fuel.max_fuel())),
            timeout_ms: most.timeout_ms.max(next.timeout_ms),
            instances: most.instances.max(next.instances),
            memories: most.memories.max(next.memories),
            tables: most.tables.max(next.tables),
            table_elements: most.table_elements.max(next.table_elements),
            copy_bytes: most.copy_bytes.max(next.copy_bytes),
            handles: most.handles.max(next.handles),
            resources: most.resources.max(next.resources),
            output_bytes: most.output_bytes.max(next.output_bytes),
            output_rate: most.output_rate.max(next.output_rate),
            random_bytes: most.random_bytes.max(next.random_bytes),
            descriptors: most.descriptors.max(next.descriptors),
            directory_entries: most.directory_entries.max(next.directory_entries),
            blocking_threads: most.blocking_threads.max(next.blocking_threads),
            network: most.network.max(next.network),
        })
    }

    /// Starts a builder; [`memory_bytes`](ResourceLimitsBuilder::memory_bytes) is required.
    pub fn builder() -> ResourceLimitsBuilder {
        ResourceLimitsBuilder::default()
    }

    /// Returns the largest size of all linear memories and tables of a store together, in bytes.
    #[must_use]
    pub const fn max_memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Returns the fuel of one execution, in units. Zero ends it before the first instruction.
    #[must_use]
    pub const fn max_fuel_per_execution(&self) -> u64 {
        self.fuel.max_fuel()
    }

    /// Returns the fuel of one execution as a [`FuelConfig`].
    #[must_use]
    pub const fn fuel(&self) -> FuelConfig {
        self.fuel
    }

    /// Returns the wall-clock time of one execution, instantiation included. Zero is a timeout
    /// before the guest is entered.
    #[must_use]
    pub const fn execution_timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Returns the [`execution_timeout`](Self::execution_timeout) in milliseconds.
    #[must_use]
    pub const fn execution_timeout_ms(&self) -> u64 {
        self.timeout_ms
    }

    /// Returns the largest number of core instances of a store.
    #[must_use]
    pub const fn max_instances(&self) -> u32 {
        self.instances
    }

    /// Returns the largest number of linear memories of a store.
    #[must_use]
    pub const fn max_memories(&self) -> u32 {
        self.memories
    }

    /// Returns the largest number of tables of a store.
    #[must_use]
    pub const fn max_tables(&self) -> u32 {
        self.tables
    }

    /// Returns the largest number of elements of all tables of a store together.
    #[must_use]
    pub const fn max_table_elements(&self) -> u64 {
        self.table_elements
    }

    /// Returns the largest number of bytes that one host call may copy from guest to host.
    #[must_use]
    pub const fn max_copy_bytes(&self) -> u64 {
        self.copy_bytes
    }

    /// Returns the largest number of live component-model handles of a store.
    #[must_use]
    pub const fn max_handles(&self) -> u32 {
        self.handles
    }

    /// Returns the largest number of entries of a store's host-side resource table.
    #[must_use]
    pub const fn max_resources(&self) -> u32 {
        self.resources
    }

    /// Returns the largest number of bytes that one execution may write to standard output and
    /// standard error together. Those past it are cut and counted.
    #[must_use]
    pub const fn max_output_bytes(&self) -> u64 {
        self.output_bytes
    }

    /// Returns the largest number of bytes per second that one execution may write to standard
    /// output and standard error together. The writer waits.
    #[must_use]
    pub const fn max_output_rate(&self) -> u64 {
        self.output_rate
    }

    /// Returns the largest number of random bytes that one call may ask for.
    #[must_use]
    pub const fn max_random_bytes(&self) -> u64 {
        self.random_bytes
    }

    /// Returns the largest number of open files and directories of a store, those of the host
    /// (preopens) included.
    #[must_use]
    pub const fn max_descriptors(&self) -> u32 {
        self.descriptors
    }

    /// Returns the largest number of entries of one listing of a directory.
    #[must_use]
    pub const fn max_directory_entries(&self) -> u64 {
        self.directory_entries
    }

    /// Returns the largest number of threads of the host that block for one component at one time.
    #[must_use]
    pub const fn max_blocking_threads(&self) -> u32 {
        self.blocking_threads
    }
}

#[cfg(test)]
mod tests {
    use super::ResourceLimits;
    use super::builder::ResourceLimitsBuilder;
    use core::time::Duration;
    use std::string::ToString as _;
    use std::vec::Vec;

    #[test]
    fn test_resource_limits_with_defaults() {
        let limits = ResourceLimits::builder().memory_bytes(1024).build().unwrap();
        assert_eq!(limits.max_memory_bytes(), 1024);
        assert_eq!(limits.max_fuel_per_execution(), 1_000_000);
        assert_eq!(limits.execution_timeout_ms(), 100);
        assert_eq!(limits.max_instances(), 128);
        assert_eq!(limits.max_memories(), 8);
        assert_eq!(limits.max_tables(), 32);
        assert_eq!(limits.max_table_elements(), 20_000);
        assert_eq!(limits.max_copy_bytes(), 1_048_576);
        assert_eq!(limits.max_handles(), 1_024);
        assert_eq!(limits.max_resources(), 1_024);
        assert_eq!(limits.max_output_bytes(), 67_108_864);
        assert_eq!(limits.max_output_rate(), 67_108_864);
        assert_eq!(limits.max_random_bytes(), 65_536);
        assert_eq!(limits.max_descriptors(), 128);
        assert_eq!(limits.max_directory_entries(), 65_536);
        assert_eq!(limits.max_blocking_threads(), 8);
    }

    #[test]
    fn test_resource_limits_custom_cpu() {
        let limits = ResourceLimits::builder()
            .memory_bytes(0)
            .max_fuel(u64::MAX)
            .execution_timeout_ms(0)
            .max_instances(1)
            .max_memories(2)
            .max_tables(3)
            .max_table_elements(4)
            .max_copy_bytes(5)
            .max_handles(6)
            .max_resources(7)
            .max_output_bytes(8)
            .max_output_rate(9)
            .max_random_bytes(10)
            .max_descriptors(11)
            .max_directory_entries(12)
            .max_blocking_threads(13)
            .build()
            .unwrap();
        assert_eq!(limits.max_memory_bytes(), 0);
        assert_eq!(limits.max_fuel_per_execution(), u64::MAX);
        assert_eq!(limits.fuel().max_fuel(), u64::MAX);
        assert_eq!(limits.execution_timeout_ms(), 0);
        assert_eq!(limits.max_instances(), 1);
        assert_eq!(limits.max_memories(), 2);
        assert_eq!(limits.max_tables(), 3);
        assert_eq!(limits.max_table_elements(), 4);
        assert_eq!(limits.max_copy_bytes(), 5);
        assert_eq!(limits.max_handles(), 6);
        assert_eq!(limits.max_resources(), 7);
        assert_eq!(limits.max_output_bytes(), 8);
        assert_eq!(limits.max_output_rate(), 9);
        assert_eq!(limits.max_random_bytes(), 10);
        assert_eq!(limits.max_descriptors(), 11);
        assert_eq!(limits.max_directory_entries(), 12);
        assert_eq!(limits.max_blocking_threads(), 13);
    }

    #[test]
    fn a_timeout_is_set_in_whole_milliseconds_and_never_shortened() {
        for (timeout, ms) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(250), 250),
            (Duration::from_micros(250_001), 251),
            (Duration::MAX, u64::MAX),
        ] {
            let limits = ResourceLimits::builder().memory_bytes(0).execution_timeout(timeout);
            let limits = limits.build().unwrap();
            assert_eq!(limits.execution_timeout_ms(), ms);
            assert_eq!(limits.execution_timeout(), Duration::from_millis(ms));
        }
    }

    #[test]
    fn the_maximum_over_several_limits_is_that_of_each_limit() {
        // As many limits as there are kinds, each with the maximum of another kind.
        let with = |place: u32| {
            let at = |other: u32| if other == place { 90 } else { 80 - other };
            let wide = |other: u32| u64::from(at(other));
            let builder = ResourceLimits::builder().memory_bytes(wide(0)).max_fuel(wide(1));
            let builder = builder.execution_timeout_ms(wide(2)).max_instances(at(3));
            let builder = builder.max_memories(at(4)).max_tables(at(5)).max_table_elements(wide(6));
            let builder = builder.max_copy_bytes(wide(7)).max_handles(at(8)).max_resources(at(9));
            let builder = builder.max_output_bytes(wide(10)).max_output_rate(wide(11));
            let builder = builder.max_random_bytes(wide(12)).max_descriptors(at(13));
            let builder = builder.max_directory_entries(wide(14)).max_blocking_threads(at(15));
            builder.build().unwrap()
        };
        let each: Vec<_> = (0..16).map(with).collect();
        let largest = ResourceLimits::builder()
            .memory_bytes(90)
            .max_fuel(90)
            .execution_timeout_ms(90)
            .max_instances(90)
            .max_memories(90)
            .max_tables(90)
            .max_table_elements(90)
            .max_copy_bytes(90)
            .max_handles(90)
            .max_resources(90)
            .max_output_bytes(90)
            .max_output_rate(90)
            .max_random_bytes(90)
            .max_descriptors(90)
            .max_directory_entries(90)
            .max_blocking_threads(90)
            .build()
            .unwrap();
        assert_eq!(ResourceLimits::max_of(&each), Some(largest));
        assert_eq!(ResourceLimits::max_of(each.iter().rev()), Some(largest));
        assert_eq!(ResourceLimits::max_of(&each[..1]), Some(each[0]));
        assert_eq!(ResourceLimits::max_of([]), None);
    }

    #[test]
    fn test_default_fuel_constant() {
        assert_eq!(ResourceLimits::DEFAULT_MAX_FUEL, 1_000_000);
    }

    #[test]
    fn test_default_timeout_constant() {
        assert_eq!(ResourceLimits::DEFAULT_TIMEOUT_MS, 100);
    }

    #[test]
    fn memory_given_last_is_the_limit() {
        let limits = ResourceLimits::builder().memory_bytes(1).max_fuel(2);
        let expected = limits.memory_bytes(3).build().unwrap();
        assert_eq!(limits.build_with_memory(3), expected);
    }

    #[test]
    fn limits_are_built_anew_from_limits() {
        let limits = ResourceLimits::builder().memory_bytes(1).max_fuel(2).max_sockets(3);
        let limits = limits.build().unwrap();
        let anew = ResourceLimitsBuilder::from(limits);
        assert_eq!(anew.build().unwrap(), limits);
        assert_eq!(anew.max_tables(7).build().unwrap().max_sockets(), 3);
    }

    #[test]
    fn memory_must_be_given() {
        let error = ResourceLimits::builder().max_fuel(1).build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid configuration: no memory limit given: memory has no default, set the bytes \
             that the component may use"
        );
    }
}
