//! The address space and the memory that an engine's pool takes.

use core::fmt;

use wasmtime::Engine;

/// Bytes of a table's element in a pool.
const TABLE_ELEMENT: u64 = 8;
/// Mappings of the process for each memory: its accessible part, its initial contents, the rest of
/// the accessible part, and the guard region up to the next.
const MAPPINGS_OF_MEMORY: u64 = 4;
/// Mappings of the process for each stack: itself and its guard page.
const MAPPINGS_OF_STACK: u64 = 2;
/// Bytes of a page of the host, and of the guard of a stack.
const HOST_PAGE: u64 = 4_096;
const MIB: u64 = 1024 * 1024;

/// The address space and the memory that an engine's pool takes, in bytes.
///
/// Address space is not memory. It is taken for good as the engine is made, and costs a process
/// nothing until it runs out of it (128 TiB on x86-64, or `RLIMIT_AS`). Memory is taken as guests
/// use it.
///
/// ```
/// use limits_core::ResourceLimits;
/// use limits_wasmtime::{AddressSpace, EngineBuilder, PoolReservation};
///
/// let largest = ResourceLimits::builder().memory_bytes(16 << 20).max_memories(2).build()?;
/// let engine = EngineBuilder::new()
///     .address_space(AddressSpace::Wide)
///     .pooling(20, &largest)
///     .build()?;
/// let reserved = PoolReservation::of(&engine).expect("the engine has a pool");
/// assert_eq!(reserved.memories, 41 * (32 << 20) + 40 * (4 << 30));
/// assert!(reserved.address_space() < 200 << 30);
/// # Ok::<(), limits_core::WasmError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PoolReservation {
    /// Stores at one time.
    pub stores: u32,
    /// Address space of all memories, guard regions included.
    pub memories: u64,
    /// Address space of all tables.
    pub tables: u64,
    /// Address space of all stacks, guard pages included.
    pub stacks: u64,
    /// The most memory that is kept between executions for the memories and tables of the next.
    ///
    /// Stacks are kept besides, as deep as a guest has used them.
    pub warm: u64,
    /// The most mappings of the process at one time. Linux has 65 530 for a process
    /// (`vm.max_map_count`).
    pub mappings: u64,
}

impl PoolReservation {
    /// Returns the reservation of `engine`, `None` if it has no pool.
    ///
    /// Exact where an [`EngineBuilder`](crate::EngineBuilder) made the pool.
    #[must_use]
    pub fn of(engine: &Engine) -> Option<Self> {
        let pool = engine.get_pooling_config()?;
        let count = u64::from(pool.get_total_memories());
        let guard = in_pages(engine.get_memory_guard_size());
        let memory = in_pages(bytes(pool.get_max_memory_size()));
        let slot = in_pages(engine.get_memory_reservation()).max(memory).saturating_add(guard);
        let before = if engine.get_guard_before_linear_memory() { guard } else { 0 };
        let table = in_pages(bytes(pool.get_table_elements()).saturating_mul(TABLE_ELEMENT));
        let tables = u64::from(pool.get_total_tables());
        let stack = in_pages(bytes(engine.get_async_stack_size())).saturating_add(HOST_PAGE);
        let stacks = u64::from(pool.get_total_stacks());
        // Slots that were used once are used again before others, but for so many.
        let warm_memory = in_pages(bytes(pool.get_memory_keep_resident())).min(memory);
        let warm_table = in_pages(bytes(pool.get_table_keep_resident())).min(table);
        Some(Self {
            stores: pool.get_total_component_instances(),
            memories: slot.saturating_mul(count).saturating_add(before),
            tables: table.saturating_mul(tables),
            stacks: stack.saturating_mul(stacks),
            warm: warm_memory
                .saturating_mul(count)
                .saturating_add(warm_table.saturating_mul(tables)),
            mappings: MAPPINGS_OF_MEMORY
                .saturating_mul(count)
                .saturating_add(MAPPINGS_OF_STACK.saturating_mul(stacks)),
        })
    }

    /// Returns all address space together.
    #[must_use]
    pub const fn address_space(&self) -> u64 {
        self.memories.saturating_add(self.tables).saturating_add(self.stacks)
    }
}

/// Such as `20 stores: 169488 MiB of address space, at most 7 MiB kept warm, at most 240 mappings`.
impl fmt::Display for PoolReservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} stores: {} MiB of address space, at most {} MiB kept between executions, at most \
             {} mappings",
            self.stores,
            self.address_space().div_ceil(MIB),
            self.warm.div_ceil(MIB),
            self.mappings
        )
    }
}

/// Rounds up to whole pages of the host.
fn in_pages(bytes: u64) -> u64 {
    bytes.div_ceil(HOST_PAGE).saturating_mul(HOST_PAGE)
}

fn bytes(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
